"""All that a report says, as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from msgspec import Struct, field, structs

from headroom_stream.report.periods import Period, fitting, start_of, starts
from headroom_stream.results import RequestMetrics
from headroom_stream.store.asking import Asks, NamedUse
from headroom_stream.store.tally import Cell, Tally, by, total
from headroom_stream.store.times import HOUR, clipped, time_of

Source = Literal["requests", "stream"]
"""Rows that clients saved of their calls, or rows that the sink wrote of the stream's turns."""


class Outputs(Struct, frozen=True):
    """Tool outputs that have a name in common, each counted once, when it arrived."""

    name: str
    count: int
    lossless: int
    before: int
    """Tokens."""
    after: int


class Counted(Struct, frozen=True):
    """How often something of that name happened."""

    name: str
    count: int


class StreamFigures(Struct, frozen=True, kw_only=True):
    """What only the stream's own rows tell."""

    kinds: Sequence[Outputs]
    tools: Sequence[Outputs]
    tenants: Sequence[NamedUse]
    rewrites: Sequence[Counted]
    """Of history, by reason."""
    events: Sequence[Counted]
    """Events that emit no context, by outcome."""
    dead: Sequence[Counted]
    """Dead letters, by the stage that refused them."""


class Figures(Struct, frozen=True, kw_only=True):
    """Figures of a span, by period. Nothing in it is content."""

    source: Source
    store: str
    """Where the rows are, for people; without a password."""
    period: Period
    """Longer than the one asked for where that would give too many."""
    asked: Period
    start: datetime | None = None
    """The span that was asked for."""
    end: datetime | None = None
    total: Tally
    periods: dict[datetime, Tally] = field(default_factory=dict)
    """By start. Periods without calls are among them."""
    models: dict[str, Tally] = field(default_factory=dict)
    modes: dict[str, Tally] = field(default_factory=dict)
    transforms: Sequence[NamedUse] = ()
    failures: Sequence[NamedUse] = ()
    slowest: Sequence[RequestMetrics] = ()
    stream: StreamFigures | None = None


def of_calls(store: Asks, name: str, period: Period, start: datetime | None = None, end: datetime | None = None) -> Figures:
    """Figures of the rows in a store. Raises StorageError."""
    cells = store.cells(start, end)
    found = of_cells(cells, "requests", name, period, start, end)
    if not cells:
        return found
    return structs.replace(
        found,
        transforms=store.transforms(start, end),
        failures=store.failures(start, end),
        slowest=store.slowest(start, end),
    )


def of_cells(
    cells: Sequence[Cell], source: Source, name: str, asked: Period, start: datetime | None, end: datetime | None
) -> Figures:
    """The figures that sums by hour, model and mode tell."""
    periods: dict[datetime, Tally] = {}
    period = asked
    if cells:
        first = time_of(cells[0].hour * HOUR if start is None else clipped(start))
        # The end itself no longer counts.
        last = time_of(cells[-1].hour * HOUR if end is None else max(clipped(end) - 1, 0))
        period = fitting(first, last, asked)
        found = by(lambda cell: start_of(time_of(cell.hour * HOUR), period), cells)
        periods = {at: found.get(at, Tally()) for at in starts(first, last, period)}
    return Figures(
        source=source,
        store=name,
        period=period,
        asked=asked,
        start=start,
        end=end,
        total=total(cells),
        periods=periods,
        models=_largest_first(by(lambda cell: cell.model, cells)),
        modes=_largest_first(by(lambda cell: cell.mode, cells)),
    )


def _largest_first(tallies: dict[str, Tally]) -> dict[str, Tally]:
    return dict(sorted(tallies.items(), key=lambda item: (-item[1].before, item[0])))
