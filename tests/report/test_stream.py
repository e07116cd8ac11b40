"""A report on the stream's own rows, against a recount in Python."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest

from headroom_stream.analytics.store import connect
from headroom_stream.config import Settings
from headroom_stream.events import DeadMetric
from headroom_stream.report.model import Report
from headroom_stream.report.sections import report
from headroom_stream.report.stream import of_stream
from headroom_stream.sink.migrate import migrate
from headroom_stream.sink.rows import COLUMNS, RowMetric, to_row
from tests.local.endpoint import endpoint, with_clickhouse
from tests.report.filled import rows_of
from tests.sink.metrics import START, decision, turn

pytestmark = pytest.mark.broker

TURNS = [
    turn(
        n,
        event_time=START + timedelta(hours=n),
        tenant="a" if n < 30 else "b",
        epoch_reason="cold" if n % 7 == 0 else "",
        cached_after=200,
        usage_input_tokens=400 if n % 2 else None,
        usage_cache_read_tokens=100 if n % 2 else None,
    )
    for n in range(60)
]
DECISIONS = [
    decision(n, tool="bash", action="failed" if n == 4 else "compressed", reason="TypeError" if n == 4 else "") for n in range(60)
]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The rows above, some of them delivered twice."""
    others = [turn(70 + n, outcome=outcome) for n, outcome in enumerate(["duplicate", "duplicate", "late", "pending"])]
    dead = [DeadMetric(topic="t", partition=0, offset=n, event_time=START, stage="decode", error="x") for n in range(3)]
    with endpoint(tmp_path_factory.mktemp("clickhouse")) as url:
        made = with_clickhouse(Settings(), url)
        client = connect(made, database=False)
        migrate(client, made)
        client.close()
        client = connect(made)
        batches: list[Sequence[RowMetric]] = [TURNS, others, DECISIONS, dead, TURNS[10:20], DECISIONS[:5], dead[:1]]
        for batch in batches:
            tables, rows = zip(*map(to_row, batch), strict=True)
            client.insert(tables[0], rows, column_names=COLUMNS[tables[0]])
        client.close()
        yield made


@pytest.fixture
def said(settings: Settings) -> Report:
    return report(of_stream(settings.clickhouse, "here", "day"))


def test_days_and_models_equal_a_recount(said: Report) -> None:
    days = rows_of(said, "By day")
    assert [row["start"] for row in days] == ["2026-03-01", "2026-03-02", "2026-03-03"]
    for day, row in enumerate(days):
        of = [t for t in TURNS if t.event_time.date() == (START + timedelta(days=day)).date()]
        assert (row["calls"], row["tokens_before"], row["tokens_sent"]) == (
            len(of),
            sum(t.tokens_before for t in of),
            sum(t.tokens_after for t in of),
        )
        saved = sum((t.cost_before_nanousd or 0) - (t.cost_after_nanousd or 0) for t in of)
        assert row["cost_saved_usd"] == pytest.approx(saved / 1e9)
    assert {row["model"]: row["calls"] for row in rows_of(said, "By model")} == {"opus": 30, "gpt": 30}
    assert said.headline[0].startswith("From 2026-03-01 to 2026-03-03, 60 contexts came to")


def test_tool_outputs_are_told_by_content_and_by_tool(said: Report) -> None:
    kinds = {row["kind"]: row for row in rows_of(said, "Tool outputs by content")}
    for kind, row in kinds.items():
        of = [d for d in DECISIONS if d.kind == kind]
        assert (row["outputs"], row["lossless"]) == (len(of), sum(d.lossless for d in of))
        assert (row["tokens_before"], row["tokens_after"]) == (sum(d.tokens_before for d in of), sum(d.tokens_after for d in of))
    assert sorted(kinds) == ["logs", "records"]
    assert [(row["tool"], row["outputs"]) for row in rows_of(said, "Tool outputs by tool")] == [("bash", 60)]


def test_tenants_rewrites_failures_and_what_was_refused_are_counted(said: Report) -> None:
    assert {row["tenant"]: row["contexts"] for row in rows_of(said, "By tenant")} == {"a": 30, "b": 30}
    assert rows_of(said, "Rewrites of history") == [{"reason": "cold", "count": 9}]
    assert rows_of(said, "Failures") == [{"reason": "TypeError", "outputs": 1, "tokens": 500}]
    events = {row["outcome"]: row["count"] for row in rows_of(said, "Events without a context")}
    assert events == {"duplicate": 2, "late": 1, "pending": 1}
    assert rows_of(said, "Dead letters") == [{"stage": "decode", "count": 3}]


def test_what_providers_read_from_their_cache_is_a_share_of_what_they_reported(said: Report) -> None:
    cache = rows_of(said, "Prompt cache")
    assert [row["read_percent"] for row in cache] == [25.0, 25.0, 25.0]
    first = [100 * 200 / t.tokens_after for t in TURNS[:24]]
    assert cache[0]["alignment_percent"] == pytest.approx(sum(first) / 24)


def test_a_span_narrows_every_section(settings: Settings) -> None:
    said = report(of_stream(settings.clickhouse, "here", "hour", START + timedelta(hours=2), START + timedelta(hours=5)))
    assert [row["calls"] for row in rows_of(said, "By hour")] == [1, 1, 1]
    assert [s.title for s in said.sections if s.title == "Dead letters"] == []
