"""The summary against a recount in Python."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from clickhouse_connect.driver.client import Client

from headroom_stream.analytics.store import connect
from headroom_stream.analytics.summary import Summary, summary
from headroom_stream.config import Settings
from headroom_stream.errors import StorageError
from headroom_stream.events import DeadMetric, DecisionMetric, TurnMetric
from headroom_stream.sink.migrate import migrate
from headroom_stream.sink.rows import COLUMNS, RowMetric, to_row
from tests.local.endpoint import with_clickhouse
from tests.sink.metrics import START, decision, turn

pytestmark = pytest.mark.broker


class Store:
    """A database of its own, filled directly."""

    def __init__(self, settings: Settings) -> None:
        self.database = settings.clickhouse.database
        with_database = connect(settings, database=False)
        migrate(with_database, settings)
        with_database.close()
        self.client: Client = connect(settings)

    def add(self, *metrics: RowMetric) -> None:
        rows: dict[str, list[tuple[object, ...]]] = {}
        for metric in metrics:
            table, row = to_row(metric)
            rows.setdefault(table, []).append(row)
        for table, found in rows.items():
            self.client.insert(table, found, column_names=COLUMNS[table])

    def summary(self, **narrow: object) -> Summary:
        return summary(self.client, self.database, **narrow)  # type: ignore[arg-type]  # passed through


@pytest.fixture
def store(clickhouse_url: str) -> Iterator[Store]:
    made = Store(with_clickhouse(Settings(), clickhouse_url))
    yield made
    made.client.close()


def test_the_numbers_equal_a_recount(store: Store) -> None:
    turns = [turn(n, epoch_reason="cold" if n % 7 == 0 else "") for n in range(60)]
    # An event that came again, one that came late, and a report of usage: none of them is a context.
    others = [turn(70 + n, outcome=outcome) for n, outcome in enumerate(["duplicate", "duplicate", "late", "usage", "closed"])]
    decisions = [decision(n) for n in range(60)]
    dead = [DeadMetric(topic="t", partition=0, offset=n, event_time=START, stage="decode", error="x") for n in range(3)]
    store.add(*turns, *others, *decisions, *dead)
    # Delivered again: counts once.
    store.add(*turns[10:30], *decisions[:20], *dead[:1])
    found = store.summary()
    before, after = sum(t.tokens_before for t in turns), sum(t.tokens_after for t in turns)
    assert (found.sessions, found.turns) == (10, 60)
    assert (found.tokens_before, found.tokens_after, found.tokens_saved) == (before, after, before - after)
    assert found.saved_percent == round(100 * (before - after) / before, 2)
    assert (found.new_tokens_before, found.new_tokens_after) == (6000, 2400)
    costs = [(t.cost_before_nanousd or 0, t.cost_after_nanousd or 0) for t in turns]
    assert found.cost_before_usd == pytest.approx(sum(b for b, _ in costs) / 1e9)
    assert found.cost_saved_usd == pytest.approx(sum(b - a for b, a in costs) / 1e9)
    assert (found.rewrites, found.duplicates, found.late, found.dead_letters) == (9, 2, 1, 3)
    by_model = {m.model: (m.turns, m.tokens_before, m.tokens_after) for m in found.models}
    assert by_model == {model: recount([t for t in turns if t.model == model]) for model in ("opus", "gpt")}
    by_kind = {k.kind: (k.count, k.lossless, k.tokens_before, k.tokens_after) for k in found.kinds}
    assert by_kind == {kind: recount_kind([d for d in decisions if d.kind == kind]) for kind in ("logs", "records")}


def recount(turns: list[TurnMetric]) -> tuple[int, int, int]:
    return len(turns), sum(t.tokens_before for t in turns), sum(t.tokens_after for t in turns)


def recount_kind(found: list[DecisionMetric]) -> tuple[int, int, int, int]:
    return len(found), sum(d.lossless for d in found), sum(d.tokens_before for d in found), sum(d.tokens_after for d in found)


def test_a_bill_without_prices_is_unknown_and_not_zero(store: Store) -> None:
    store.add(*(turn(n, cost_before_nanousd=None, cost_after_nanousd=None) for n in range(5)))
    found = store.summary()
    assert (found.cost_before_usd, found.cost_after_usd, found.cost_saved_usd, found.unpriced_turns) == (None, None, None, 5)


def test_a_policy_that_costs_more_shows_a_loss(store: Store) -> None:
    store.add(turn(1, tokens_before=100, tokens_after=150, cost_before_nanousd=1000, cost_after_nanousd=3000))
    found = store.summary()
    assert (found.tokens_saved, found.saved_percent) == (-50, -50.0)
    assert found.cost_saved_usd == pytest.approx(-2e-6)


def test_an_empty_store_has_an_empty_summary(store: Store) -> None:
    found = store.summary()
    assert (found.turns, found.saved_percent, found.models, found.kinds) == (0, 0.0, [], [])


def test_it_can_be_narrowed_to_tenant_session_and_time(store: Store) -> None:
    store.add(*(turn(n, tenant="a" if n < 20 else "b") for n in range(50)))
    assert store.summary(tenant="a").turns == 20
    assert store.summary(session="s3").turns == 5
    assert store.summary(since=START + timedelta(seconds=40)).turns == 10
    assert store.summary(tenant="a", session="s3", since=START + timedelta(seconds=10)).turns == 1


def test_a_duplicate_is_a_row_beside_the_turn_it_repeats(store: Store) -> None:
    store.add(turn(1), turn(1, outcome="duplicate", offset=99))
    found = store.summary()
    assert (found.turns, found.duplicates) == (1, 1)


def test_missing_tables_are_an_error_with_one_line(store: Store) -> None:
    with pytest.raises(StorageError) as caught:
        summary(store.client, "nowhere")
    assert "\n" not in str(caught.value)
