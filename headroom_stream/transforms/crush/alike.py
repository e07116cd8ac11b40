"""Items that are nearly the same: by the words that they share."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

_MOST_COMPARED = 32
"""Kept items with which an item is compared, the earliest first. Without a bound, items that all share their rarest words would each be
compared with each."""


class Likeness:
    """Finds, for an item, a kept one that shares at least `threshold` of the words of both (Jaccard).

    Only items with a common word among their rarest can be that alike (prefix filtering: Chaudhuri, Ganti and Kaushik, A Primitive
    Operator for Similarity Joins, 2006), so only those are compared.
    """

    def __init__(self, items: Sequence[frozenset[str]], threshold: float) -> None:
        self._items = items
        self._threshold = threshold
        self._holders = Counter(word for words in items for word in words)
        self._kept: dict[str, list[int]] = {}
        """Kept items by each of their rarest words."""

    def keep(self, at: int) -> None:
        """Later items may be like this one."""
        for word in self._rarest(at):
            self._kept.setdefault(word, []).append(at)

    def leader(self, at: int) -> int | None:
        """The first kept item that the item at this place is like. Items without words are like none."""
        compared: dict[int, None] = {}
        for word in self._rarest(at):
            for other in self._kept.get(word, ())[: _MOST_COMPARED - len(compared)]:
                compared[other] = None
        mine = self._items[at]
        return min((other for other in compared if self._alike(mine, self._items[other])), default=None)

    def _alike(self, one: frozenset[str], two: frozenset[str]) -> bool:
        common = len(one & two)
        return common >= self._threshold * (len(one) + len(two) - common)

    def _rarest(self, at: int) -> list[str]:
        words: Iterable[str] = self._items[at]
        ordered = sorted(words, key=lambda word: (self._holders[word], word))
        return ordered[: len(ordered) - math.ceil(self._threshold * len(ordered)) + 1]
