"""What all stores have in common, against a recount in Python."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest

from headroom_stream.errors import StorageError, ValidationError
from headroom_stream.results import RequestMetrics
from headroom_stream.store import MetricsStore
from headroom_stream.store.opening import Store
from headroom_stream.store.tally import WASTE, total
from tests.store.calls import FULL, START, call


def test_a_row_comes_back_as_it_was_saved(store: Store) -> None:
    bare = RequestMetrics(
        request_id="bare",
        timestamp=datetime(2026, 3, 1),
        model="m",
        mode="simulate",
        tokens_input_before=0,
        tokens_input_after=0,
    )
    store.save(FULL)
    store.save(bare)
    assert store.query() == [FULL, bare]


def test_every_field_of_the_full_row_differs_from_its_default() -> None:
    defaults = RequestMetrics(request_id="", timestamp=START, model="", mode="audit", tokens_input_before=0, tokens_input_after=0)
    same = [name for name in RequestMetrics.__struct_fields__ if getattr(FULL, name) == getattr(defaults, name)]
    assert same == []


def test_a_row_with_the_id_of_another_replaces_it(store: Store) -> None:
    store.save(call(1))
    store.save(call(1, tokens_input_after=7, timestamp=START + timedelta(days=40)))
    (found,) = store.query()
    assert found.tokens_input_after == 7
    assert store.summary()["total_requests"] == 1


def test_rows_come_newest_first_and_as_many_as_asked_for(store: Store) -> None:
    store.save_all([call(n) for n in range(20)])
    assert [r.request_id for r in store.query(limit=3)] == ["r19", "r18", "r17"]
    assert store.query(limit=0) == []
    with pytest.raises(ValidationError, match="limit"):
        store.query(limit=-1)


def test_rows_are_narrowed_by_time_model_mode_and_session(store: Store) -> None:
    rows = [call(n) for n in range(60)]
    store.save_all(rows)
    start, end = START + timedelta(minutes=10), START + timedelta(minutes=40)

    def expected(**equal: str) -> list[RequestMetrics]:
        return [r for r in reversed(rows) if start <= r.timestamp < end and all(getattr(r, k) == v for k, v in equal.items())]

    assert store.query(start, end) == expected()
    assert store.query(start, end, model="gpt") == expected(model="gpt")
    assert store.query(start, end, mode="audit") == expected(mode="audit")
    assert store.query(start, end, session_id="s2", model="opus") == expected(session_id="s2", model="opus")
    assert store.query(model="none") == []


def test_a_time_with_a_zone_is_moved_to_utc(store: Store) -> None:
    east = timezone(timedelta(hours=2))
    store.save(call(0, timestamp=datetime(2026, 3, 1, 2, tzinfo=east)))
    assert [r.timestamp for r in store.query()] == [START]
    assert store.query(datetime(2026, 3, 1, 2, tzinfo=east)) != []
    assert store.query(datetime(2026, 3, 1, 0, 0, 1, tzinfo=UTC)) == []
    assert store.query(datetime(1, 1, 1), datetime(9999, 1, 1)) != []


def test_the_summary_equals_a_recount(store: Store) -> None:
    rows = [call(n * 101) if n % 3 else call(n * 101, cost_before=None, cost_after=None) for n in range(40)]
    rows += [call(5000, error="no ranks"), call(5001, mode="simulate")]
    store.save_all(rows)
    found = store.summary()
    saved = sum(r.tokens_saved for r in rows)
    before = sum(r.tokens_input_before for r in rows)
    priced = [r for r in rows if r.cost_before is not None]
    assert found["total_requests"] == 42
    assert found["total_tokens_before"] == before
    assert found["total_tokens_after"] == before - saved
    assert found["total_tokens_saved"] == saved
    assert found["avg_tokens_saved"] == saved / 42
    assert found["avg_compression_ratio"] == pytest.approx(saved / before)
    assert found["total_cost_saved_usd"] == pytest.approx(0.01 * sum(r.mode == "optimize" for r in priced))
    assert found["unpriced_requests"] == 42 - len(priced)
    assert found["avg_cache_alignment"] == pytest.approx(sum(r.cache_alignment_score for r in rows) / 42)
    modes = {mode: sum(r.mode == mode for r in rows) for mode in ("audit", "optimize", "simulate")}
    assert (found["audit_count"], found["optimize_count"], found["simulate_count"]) == tuple(modes.values())
    assert found["error_count"] == 1
    assert {name: of["total_requests"] for name, of in found["modes"].items()} == modes
    assert {name: of["total_tokens_saved"] for name, of in found["models"].items()} == {
        model: sum(r.tokens_saved for r in rows if r.model == model) for model in ("opus", "gpt")
    }
    days = sorted({r.timestamp.date().isoformat() for r in rows})
    assert [of["day"] for of in found["by_day"]] == days
    assert sum(of["total_requests"] for of in found["by_day"]) == 42


def test_the_summary_of_a_span_counts_its_rows_alone(store: Store) -> None:
    store.save_all([call(n) for n in range(300)])
    found = store.summary(START + timedelta(minutes=90), START + timedelta(minutes=210, seconds=1))
    assert found["total_requests"] == 121


def test_an_empty_store_has_a_summary_of_zeros_and_no_cost(store: Store) -> None:
    found = store.summary()
    assert (found["total_requests"], found["avg_tokens_saved"], found["avg_compression_ratio"]) == (0, 0.0, 0.0)
    assert found["total_cost_saved_usd"] is None
    assert (found["models"], found["by_day"]) == ({}, [])
    assert store.query() == []


def test_waste_is_summed_by_kind(store: Store) -> None:
    store.save_all([call(n) for n in range(10)])
    store.save(call(11, waste_signals={}))
    store.save(call(12, waste_signals={"reread_compressed": 3, "of_a_later_version": 9}))
    found = dict(zip(WASTE, total(store.cells()).waste, strict=True))
    assert {k: v for k, v in found.items() if v} == {"json_bloat": 145, "repetition": 45, "reread_compressed": 3}


def test_transforms_count_each_call_once(store: Store) -> None:
    store.save_all([call(n) for n in range(1, 5)])
    store.save(call(6, transforms_applied=["logs", "code", "code"]))
    store.save(call(7, transforms_applied=[]))
    found = {use.name: use.calls for use in store.transforms()}
    assert found == {"logs": 5, "records": 2, "code": 1}
    (code,) = [use for use in store.transforms() if use.name == "code"]
    assert (code.before, code.sent) == (1006, 406)


def test_failures_are_counted_by_reason(store: Store) -> None:
    store.save_all([call(n, error=("no ranks", "too large")[n % 3 == 0]) for n in range(1, 7)])
    store.save(call(8))
    assert [(use.name, use.calls) for use in store.failures()] == [("no ranks", 4), ("too large", 2)]


def test_the_slowest_calls_come_first(store: Store) -> None:
    store.save_all([call(n, latency_ms=float(n)) for n in range(20)])
    store.save(call(30, latency_ms=None))
    assert [r.latency_ms for r in store.slowest(limit=3)] == [19.0, 18.0, 17.0]


@pytest.mark.parametrize(
    "more",
    [
        {"timestamp": datetime(1969, 12, 31)},
        {"timestamp": datetime(2200, 1, 1)},
        {"cached_tokens": 2**63},
        {"waste_signals": {"reread": -(2**63)}},
        {"cost_before": float("nan")},
        {"latency_ms": float("inf")},
        {"session_id": "\ud800"},
        {"transforms_applied": ["\udfff"]},
        {"tokens_input_before": None},
        {"mode": "fast"},
    ],
    ids=str,
)
def test_a_value_that_no_column_can_hold_is_refused_and_harms_no_other_row(store: Store, more: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        store.save_all([call(2), call(1, **more)])
    store.save(call(3))
    assert [r.request_id for r in store.query()] == ["r3"]


def test_a_closed_store_says_so(store: Store) -> None:
    store.close()
    store.close()
    with pytest.raises(StorageError, match="closed"):
        store.save(call(1))
    with pytest.raises(StorageError, match="closed"):
        store.query()


def test_stores_have_the_shape_of_the_protocol(store: Store) -> None:
    kept: MetricsStore = store
    kept.save(call(1))
    assert msgspec.to_builtins(kept.summary())["total_requests"] == 1
