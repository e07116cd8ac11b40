"""Counts that add up: what a store sums for each hour, model and mode, and all that summaries and reports make of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Self, TypeVar

from msgspec import Struct

from headroom_stream.results import WasteSignals

WASTE = tuple(WasteSignals().to_dict())
"""Kinds of waste that are summed. `reread_compressed` is a part of `reread`."""


class Tally(Struct, kw_only=True):
    """Sums over calls. Those in audit and simulate mode count as sent the way they came: they save nothing."""

    calls: int = 0
    before: int = 0
    """Input tokens as they came."""
    sent: int = 0
    """Input tokens as they were sent."""
    possible: int = 0
    """Input tokens as compression would have sent them, or did."""
    priced: int = 0
    """Calls whose model has a known price: those that the costs are of."""
    cost_before: float = 0.0
    """USD, input under prompt caching."""
    cost_sent: float = 0.0
    alignment: float = 0.0
    """Sum of the cache alignment scores, 0 to 100 each."""
    reported: int = 0
    """Input tokens of the calls whose provider told what it read from its cache."""
    reported_cached: int = 0
    """How many of these it read from there."""
    failed: int = 0
    """Calls whose messages went as they came because compression failed."""
    waste: tuple[int, ...] = (0,) * len(WASTE)
    """Tokens by kind, in the order of `WASTE`."""

    def add(self, other: Tally) -> Self:
        """Count the other's calls too."""
        self.calls += other.calls
        self.before += other.before
        self.sent += other.sent
        self.possible += other.possible
        self.priced += other.priced
        self.cost_before += other.cost_before
        self.cost_sent += other.cost_sent
        self.alignment += other.alignment
        self.reported += other.reported
        self.reported_cached += other.reported_cached
        self.failed += other.failed
        self.waste = tuple(map(int.__add__, self.waste, other.waste))
        return self

    @property
    def saved(self) -> int:
        """Tokens that came and were not sent."""
        return self.before - self.sent

    @property
    def fraction_saved(self) -> float:
        """Of the tokens that came: 0 nothing, 1 all."""
        return self.saved / self.before if self.before else 0.0

    @property
    def unpriced(self) -> int:
        """Calls that the costs leave out."""
        return self.calls - self.priced

    @property
    def cost_saved(self) -> float | None:
        """USD; None: no call has a known price."""
        return self.cost_before - self.cost_sent if self.priced else None

    @property
    def mean_alignment(self) -> float:
        """Cache alignment of the mean call, 0 to 100."""
        return self.alignment / self.calls if self.calls else 0.0


class Cell(Struct, frozen=True, kw_only=True):
    """The calls of one model in one mode within one hour."""

    hour: int
    """Hours since 1970, UTC."""
    model: str
    mode: str
    tally: Tally


K = TypeVar("K")


def total(cells: Iterable[Cell]) -> Tally:
    """All cells in one."""
    found = Tally()
    for cell in cells:
        found.add(cell.tally)
    return found


def by(key: Callable[[Cell], K], cells: Iterable[Cell]) -> dict[K, Tally]:
    """The cells of each key in one, in the order in which the keys came up."""
    found: dict[K, Tally] = {}
    for cell in cells:
        found.setdefault(key(cell), Tally()).add(cell.tally)
    return found
