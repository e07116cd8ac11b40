"""The figures of a report, against a recount of the rows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from headroom_stream.report.figures import of_calls
from headroom_stream.report.model import Columns, Report
from headroom_stream.report.periods import Period
from headroom_stream.report.sections import NAMES_SHOWN, report
from headroom_stream.results import RequestMetrics
from tests.report.filled import filled, rows_of, some_days
from tests.store.calls import START, call


def reported(*rows: RequestMetrics, period: Period = "day", start: datetime | None = None, end: datetime | None = None) -> Report:
    return report(of_calls(filled(*rows), "memory", period, start, end))


def test_each_day_has_its_row_and_a_silent_day_one_of_zeros() -> None:
    rows = some_days()
    found = rows_of(reported(*rows), "By day")
    assert [row["start"] for row in found] == ["2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04"]
    assert [row["calls"] for row in found] == [30, 30, 0, 30]
    for day, row in enumerate(found):
        of = [r for r in rows if r.timestamp.date() == (START + timedelta(days=day)).date()]
        assert row["tokens_before"] == sum(r.tokens_input_before for r in of)
        assert row["tokens_before"] - row["tokens_sent"] == sum(r.tokens_saved for r in of)
        saved = 0.01 * sum(r.mode == "optimize" for r in of)
        assert row["cost_saved_usd"] == (pytest.approx(saved) if of else None)


def test_days_before_and_after_the_calls_are_shown_where_the_span_holds_them() -> None:
    found = rows_of(reported(*some_days(), start=datetime(2026, 2, 27, 12), end=datetime(2026, 3, 6)), "By day")
    assert [row["calls"] for row in found] == [0, 0, 30, 30, 0, 30, 0]


@pytest.mark.parametrize(
    ("period", "starts"),
    [
        ("hour", [f"2026-03-01 {hour:02}:00" for hour in range(6)]),
        ("week", ["week of 2026-02-23", "week of 2026-03-02"]),
        ("month", ["2026-03"]),
    ],
)
def test_hours_weeks_and_months_hold_the_same_calls(period: Period, starts: list[str]) -> None:
    rows = some_days()
    found = rows_of(reported(*rows, period=period), f"By {period}")
    assert [row["start"] for row in found][: len(starts)] == starts
    assert sum(row["calls"] for row in found) == len(rows)


def test_too_many_hours_become_days_and_the_report_says_so() -> None:
    said = reported(call(0), call(1, timestamp=START + timedelta(days=200)), period="hour")
    assert len(rows_of(said, "By day")) == 201
    assert any("By day instead of hour" in sentence for sentence in said.headline)


def test_the_headline_tells_calls_tokens_and_money() -> None:
    said = reported(call(1), call(2))
    (sentence,) = said.headline
    assert sentence == (
        "On 2026-03-01, 2 calls came to 2,003 input tokens. Of these 59.9\u00a0% were not sent, "
        "which saved $0.0200 of an input bill of $0.0400 under prompt caching."
    )


def test_a_loss_is_told_as_a_loss() -> None:
    said = reported(call(1, tokens_input_before=100, tokens_input_after=150, cost_before=0.01, cost_after=0.03))
    assert "They became 50.0\u00a0% more, which added $0.0200 to an input bill of $0.0100" in said.headline[0]


def test_calls_in_audit_mode_tell_what_compression_would_leave_out() -> None:
    said = reported(call(0, tokens_input_before=100, tokens_input_after=75))
    assert said.headline[0].endswith("went as they came. Compression would have left out 25.0\u00a0%.")
    (mode,) = rows_of(said, "By mode")
    assert (mode["tokens_sent"], mode["saved_percent"], mode["possible_percent"]) == (100, 0.0, 25.0)


def test_calls_without_a_price_are_counted_and_in_no_sum() -> None:
    said = reported(call(1), call(2), call(3, model="mine", cost_before=None, cost_after=None))
    assert "Calls without a known price, which no sum of money holds: 1." in said.headline
    by_model = {row["model"]: row for row in rows_of(said, "By model")}
    assert (by_model["mine"]["cost_before_usd"], by_model["mine"]["cost_saved_usd"], by_model["mine"]["unpriced_calls"]) == (
        None,
        None,
        1,
    )
    (day,) = rows_of(said, "By day")
    assert (day["cost_before_usd"], day["unpriced_calls"]) == (pytest.approx(0.04), 1)


def test_without_any_price_there_is_no_bill_to_draw() -> None:
    said = reported(call(1, cost_before=None, cost_after=None))
    assert "The price of no model among them is known, so there is no bill." in said.headline
    assert [plot.kind for plot in said.sections[0].plots] == ["count"]


def test_transforms_waste_failures_and_slow_calls_have_their_sections() -> None:
    said = reported(*(call(n) for n in range(1, 5)), call(6, error="no ranks", latency_ms=99.0))
    assert [(row["transform"], row["calls"]) for row in rows_of(said, "By transform")] == [("logs", 5), ("records", 2)]
    waste = {row["kind"]: row["tokens"] for row in rows_of(said, "What a model has little use for")}
    assert waste == {"layout, quotes and repeated keys of JSON": 66, "lines that stood before": 16}
    assert [(row["reason"], row["calls"]) for row in rows_of(said, "Failures")] == [("no ranks", 1)]
    assert any(sentence.startswith("1 went as they came") for sentence in said.headline)
    assert [row["failed_calls"] for row in rows_of(said, "By day")] == [1]
    slow = rows_of(said, "Slowest calls")
    assert (slow[0]["request"], slow[0]["latency_ms"], len(slow)) == ("r6", 99.0, 5)


def test_a_period_without_calls_has_no_alignment_instead_of_none_at_all() -> None:
    rows = [call(1, cached_tokens=201), call(2, timestamp=START + timedelta(days=2))]
    found = rows_of(reported(*rows), "Prompt cache")
    assert [row["alignment_percent"] for row in found] == [1.0, None, 2.0]
    assert [row["read_percent"] for row in found] == [pytest.approx(100 * 201 / 401), None, None]


def test_sections_without_figures_are_left_out() -> None:
    bare: dict[str, Any] = {"waste_signals": {}, "transforms_applied": [], "latency_ms": None, "cache_alignment_score": 0.0}
    assert [s.title for s in reported(call(1, **bare)).sections] == ["By day", "By model", "By mode"]


def test_any_number_of_models_makes_a_table_that_ends_with_the_others() -> None:
    rows = [call(n, model=f"m{n}") for n in range(1, NAMES_SHOWN + 11)]
    found = rows_of(reported(*rows), "By model")
    assert len(found) == NAMES_SHOWN
    assert found[-1]["model"] == "(11 others)"
    assert sum(row["calls"] for row in found) == len(rows)


def test_plots_show_what_the_table_below_them_says() -> None:
    section = reported(*some_days()).sections[0]
    tokens, bill = section.plots
    assert isinstance(tokens, Columns) and isinstance(bill, Columns)
    table = section.table.rows
    assert [list(s.values) for s in tokens.series] == [[row[2] for row in table], [row[3] for row in table]]
    assert [list(s.values) for s in bill.series] == [[row[5] or 0 for row in table], [row[6] or 0 for row in table]]
