"""Hours, days, weeks and months in UTC, without gaps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal, get_args

Period = Literal["hour", "day", "week", "month"]
PERIODS: tuple[Period, ...] = get_args(Period)
"""The shorter first."""
MOST = 800
"""More bars than this no eye tells apart, and no table of them is read: a month of hours fits, a year of them does not."""

_STARTS: dict[Period, Callable[[datetime], datetime]] = {
    "hour": lambda time: time.replace(minute=0, second=0, microsecond=0),
    "day": lambda time: time.replace(hour=0, minute=0, second=0, microsecond=0),
    "week": lambda time: _STARTS["day"](time) - timedelta(days=time.weekday()),
    "month": lambda time: _STARTS["day"](time).replace(day=1),
}
_LONGEST: dict[Period, timedelta] = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=31),
}


def start_of(time: datetime, period: Period) -> datetime:
    """When the period that holds `time` began. Weeks begin on Monday."""
    return _STARTS[period](time)


def starts(first: datetime, last: datetime, period: Period) -> list[datetime]:
    """The start of each period from that of `first` to that of `last`."""
    found = [start_of(first, period)]
    end = start_of(last, period)
    while found[-1] < end:
        found.append(start_of(found[-1] + _LONGEST[period], period))
    return found


def fitting(first: datetime, last: datetime, period: Period) -> Period:
    """`period`, or the next longer one by which the span has no more than `MOST`."""
    longer = PERIODS[PERIODS.index(period) :]
    return next((p for p in longer if (last - first) / _LONGEST[p] < MOST - 1), PERIODS[-1])


def label(start: datetime, period: Period) -> str:
    """Names a period in tables."""
    return start.strftime({"hour": "%Y-%m-%d %H:00", "day": "%Y-%m-%d", "week": "week of %Y-%m-%d", "month": "%Y-%m"}[period])


def short(start: datetime, period: Period) -> str:
    """Names a period below a plot."""
    if period == "month":
        return f"{start:%b %Y}"
    return f"{start.day} {start:%b}" + (f"{start: %H:00}" if period == "hour" else "")
