"""A report before it is set: sections with plots and tables of plain values, which every format renders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from msgspec import Struct

Kind = Literal["name", "count", "usd", "percent", "ms"]
"""What a value is, and so how it is written."""


PALE, STRONG, WARNING = "var(--pale)", "var(--p0)", "var(--p4)"
"""Colours of the page: what came, what was sent, what failed."""


class Column(Struct, frozen=True):
    """A column of a table."""

    key: str
    """In JSON."""
    head: str
    """For people."""
    kind: Kind = "count"


class Table(Struct, frozen=True):
    """Rows of values, one for each column; None: not known."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]


class Series(Struct, frozen=True):
    """A value for each period; None: there is none."""

    name: str
    colour: str
    values: Sequence[float | None]


class Columns(Struct, frozen=True):
    """Bars over time; those of later series stand before those of earlier ones."""

    title: str
    kind: Kind
    labels: Sequence[str]
    """For tooltips."""
    ticks: Sequence[str]
    """For the axis, as many; some are shown."""
    series: Sequence[Series]


class Bar(Struct, frozen=True):
    """A name with what came and what was sent of it."""

    name: str
    before: float
    after: float | None = None
    """None: only `before` says something."""


class Bars(Struct, frozen=True):
    """Bars by name."""

    title: str
    kind: Kind
    bars: Sequence[Bar]


class Section(Struct, frozen=True, kw_only=True):
    """A heading, what it means, plots, and their figures."""

    title: str
    note: str = ""
    plots: Sequence[Columns | Bars] = ()
    table: Table


class Report(Struct, frozen=True, kw_only=True):
    """All of it."""

    title: str
    headline: Sequence[str]
    """Sentences."""
    about: str
    """Where the figures are from."""
    sections: Sequence[Section] = ()
    example: str = ""
    """How to fill a store that is empty."""


def written(value: Any, kind: Kind) -> str:
    """A value as people read it; a dash where it is not known."""
    if value is None:
        return "–"
    if kind == "usd":
        sign = "-" if value < 0 else ""
        return f"{sign}${abs(value):,.2f}" if abs(value) >= 1 else f"{sign}${abs(value):,.4f}"
    return {"name": "{}", "count": "{:,}", "percent": "{:.1f}\u00a0%", "ms": "{:,.1f}\u00a0ms"}[kind].format(value)


def brief(value: float, kind: Kind) -> str:
    """The same for an axis, where there is little room."""
    sign, value = ("-" if value < 0 else ""), abs(value)
    size, letter = next(((s, c) for s, c in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")) if value >= s), (1.0, ""))
    before, after = ("$" if kind == "usd" else ""), ("\u00a0%" if kind == "percent" else "")
    return f"{sign}{before}{value / size:.4g}{letter}{after}"
