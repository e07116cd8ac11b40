"""What every scorer offers, and what an item reads like to it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol

from msgspec import Struct


class RelevanceScore(Struct, frozen=True, kw_only=True):
    """How well one item fits a query."""

    score: float
    """0: not at all, 1: as well as can be."""
    reason: str
    """For people: `2 words match: refused, timeout`."""
    matched_terms: list[str] = []
    """Words of the query that the item holds, in the order of the query."""


class Scorer(Protocol):
    """Anything that scores items; a scorer of one's own needs no more than this."""

    def score_items(self, items: Sequence[Any], query: str) -> list[RelevanceScore]:
        """One score an item, in order. Items are texts or JSON-like values. Deterministic."""


class BaseScorer:
    """A scorer with the original's names as well."""

    def score_items(self, items: Sequence[Any], query: str) -> list[RelevanceScore]:
        """One score an item, in order. Items are texts or JSON-like values. Deterministic."""
        raise NotImplementedError

    def score(self, item: Any, context: str) -> RelevanceScore:
        """The score of one item. Words weigh the same then: there are no other items to tell which are rare."""
        return self.score_items([item], context)[0]

    def score_batch(self, items: Sequence[Any], context: str) -> list[RelevanceScore]:
        """`score_items` by another name."""
        return self.score_items(items, context)


def text_of(item: Any) -> str:
    """What of an item is searched: a text as it is, any other value as JSON."""
    return item if isinstance(item, str) else json.dumps(item, ensure_ascii=False, separators=(",", ":"), default=str)
