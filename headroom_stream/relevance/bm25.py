"""BM25 in the variant Okapi with a floor under the weight of common words: the scores of the package rank-bm25, sooner.

Source: Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond (2009); the floor is that of rank-bm25.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headroom_stream.errors import ConfigurationError
from headroom_stream.relevance.scorer import BaseScorer, RelevanceScore, text_of

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
"""One word: its five parts would each match by chance. An id of digits is a word as it stands."""
_HAS_UUID = re.compile(_UUID)
_TOKEN = re.compile(_UUID + r"|\w+")
_BETWEEN = str.maketrans({chr(n): " " for n in range(128) if not (chr(n).isalnum() or chr(n) == "_")})
_FLOOR = 0.25
"""Share of the average weight that words in half of the items or more get: their own would be zero or negative."""
_LONG = 8
"""Characters from which a matched word is hardly there by chance: an id, a name, a technical term."""
_LONG_GAIN = 0.3
_SHOWN = 5
"""Matched words that a reason names."""


def words(text: str) -> list[str]:
    """The words of `text` in lower case, UUIDs whole."""
    low = text.lower()
    if low.isascii() and (low.count("-") < 4 or not _HAS_UUID.search(low)):
        return low.translate(_BETWEEN).split()  # the same words in half the time
    return _TOKEN.findall(low)


class BM25Scorer(BaseScorer):
    """Scores items by the words that they share with the query, rare words first. Time grows with the text of the items.

    `k1`: how soon a further occurrence stops to count; `b`: how much longer items are marked down. `max_score`: the raw score that
    counts as 1; where an item of a batch has a higher one, that is 1, so that the order is kept. A matched word of eight characters or
    more lifts a score by 0.3 of what it lacks. `normalize_score=False` leaves raw scores, cut at 1.
    """

    def __init__(self, k1: float = 1.5, b: float = 0.75, *, normalize_score: bool = True, max_score: float = 10.0) -> None:
        if k1 <= 0 or not 0 <= b <= 1 or max_score <= 0:
            raise ConfigurationError("BM25Scorer: k1 and max_score are above 0, b is from 0 to 1")
        self.k1 = k1
        self.b = b
        self.normalize_score = normalize_score
        self.max_score = max_score

    def score_items(self, items: Sequence[Any], query: str) -> list[RelevanceScore]:
        """One score an item. `matched_terms` are words, each once."""
        raw, matched = self._search(items, query)
        if self.normalize_score and len(raw):
            raw = raw / max(self.max_score, float(raw.max()))
        return [
            _score(min(1.0, value), terms, lift=self.normalize_score) for value, terms in zip(raw.tolist(), matched, strict=True)
        ]

    def raw(self, items: Sequence[Any], query: str) -> NDArray[np.float64]:
        """The scores as BM25 defines them, one an item; 0 for items without a word of the query."""
        return self._search(items, query)[0]

    def _search(self, items: Sequence[Any], query: str) -> tuple[NDArray[np.float64], list[list[str]]]:
        asked = Counter(words(query))
        tokens = [words(text_of(item)) for item in items]
        scores = np.zeros(len(items))
        matched: list[list[str]] = [[] for _ in items]
        found = _find(asked, tokens)
        if not found:
            return scores, matched
        length = np.fromiter(map(len, tokens), dtype=np.float64, count=len(tokens))
        long = self.k1 * (1 - self.b + self.b * length / length.mean())
        weights = _weights({word: len(places) for word, places in found.items()}, tokens)
        for word, places in found.items():
            at = list(places)
            frequency = np.fromiter(places.values(), dtype=np.float64, count=len(at))
            scores[at] += asked[word] * weights[word] * frequency * (self.k1 + 1) / (frequency + long[at])
            for place in at:
                matched[place].append(word)
        return scores, matched


def _find(asked: Iterable[str], tokens: list[list[str]]) -> dict[str, dict[int, int]]:
    """By word of the query: the items that hold it, and how often. Words that no item holds are left out."""
    found: dict[str, dict[int, int]] = {word: {} for word in asked}
    wanted = set(found)
    for at, held in enumerate(tokens):
        if not wanted.isdisjoint(held):
            for word in wanted.intersection(held):
                found[word][at] = held.count(word)
    return {word: places for word, places in found.items() if places}


def _weights(holders: dict[str, int], tokens: list[list[str]]) -> dict[str, float]:
    """What a match of each word is worth, by the number of items that hold it: more for words in few items.

    Okapi's weight is negative for a word in more than half of the items; such words get a quarter of the average weight. So does a word
    in just half of them, to which rank-bm25 gives no weight at all: its match would not show. In very short lists the average itself is
    not above zero, and such matches would count against an item: there all weights are ln(1 + items / holders).
    """
    total = len(tokens)
    out = {word: math.log(total - number + 0.5) - math.log(number + 0.5) for word, number in holders.items()}
    if min(out.values()) > 0:
        return out
    count = np.fromiter(Counter(chain.from_iterable(map(set, tokens))).values(), dtype=np.float64)
    average = float((np.log(total - count + 0.5) - np.log(count + 0.5)).mean())
    if average <= 0:
        return {word: math.log1p(total / number) for word, number in holders.items()}
    return {word: _FLOOR * average if weight <= 0 else weight for word, weight in out.items()}


def _score(value: float, terms: list[str], *, lift: bool) -> RelevanceScore:
    if not terms:
        return RelevanceScore(score=0.0, reason="no word matches")
    if lift and any(len(term) >= _LONG for term in terms):
        value += _LONG_GAIN * (1 - value)
    shown = ", ".join(terms[:_SHOWN]) + (", …" if len(terms) > _SHOWN else "")
    return RelevanceScore(
        score=value, reason=f"{len(terms)} word{'s match' if len(terms) > 1 else ' matches'}: {shown}", matched_terms=terms
    )
