"""Periods follow each other without gaps, in UTC, weeks from Monday."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.report.periods import MOST, PERIODS, Period, fitting, label, short, start_of, starts

times = st.datetimes(datetime(1970, 1, 8), datetime(2199, 12, 1))


@given(times, st.sampled_from(PERIODS), st.integers(0, 60))
def test_the_periods_of_a_span_follow_each_other_and_hold_both_ends(first: datetime, period: Period, days: int) -> None:
    last = first + timedelta(days=days)
    found = starts(first, last, period)
    assert found[0] <= first and found[-1] <= last
    assert found[0] == start_of(first, period) and found[-1] == start_of(last, period)
    for one, following in pairwise(found):
        assert start_of(following, period) == following
        # The moment before belongs to the period before: nothing lies between the two.
        assert start_of(following - timedelta(microseconds=1), period) == one


@given(times)
def test_a_week_begins_on_monday(time: datetime) -> None:
    assert start_of(time, "week").weekday() == 0
    assert timedelta(0) <= time - start_of(time, "week") < timedelta(days=7)


@pytest.mark.parametrize(
    ("period", "days", "given_"), [("hour", 31, "hour"), ("hour", 365, "day"), ("day", 4000, "week"), ("hour", 9000, "month")]
)
def test_a_span_of_too_many_periods_takes_longer_ones(period: Period, days: int, given_: str) -> None:
    first = datetime(2001, 1, 1)
    chosen = fitting(first, first + timedelta(days=days), period)
    assert chosen == given_
    assert len(starts(first, first + timedelta(days=days), chosen)) <= MOST


def test_a_month_of_leap_days_and_the_turn_of_the_year_are_whole() -> None:
    assert starts(datetime(2023, 12, 31), datetime(2024, 3, 1), "month") == [
        datetime(2023, 12, 1),
        datetime(2024, 1, 1),
        datetime(2024, 2, 1),
        datetime(2024, 3, 1),
    ]
    assert len(starts(datetime(2024, 2, 1), datetime(2024, 2, 29, 23), "hour")) == 29 * 24


def test_periods_have_names() -> None:
    at = datetime(2026, 3, 2, 14)
    assert [label(at, p) for p in PERIODS] == ["2026-03-02 14:00", "2026-03-02", "week of 2026-03-02", "2026-03"]
    assert [short(at, p) for p in PERIODS] == ["2 Mar 14:00", "2 Mar", "2 Mar", "Mar 2026"]
