"""Which items a query names, and which it is about."""

from __future__ import annotations

import re
from collections.abc import Sequence

from headroom_stream.content.named import Named
from headroom_stream.relevance import Scorer
from headroom_stream.transforms.crush.values import Fields, text_of

_FEW = 3
"""Items that a value may have to be named by it; `content.named` takes the same number for words."""
_SHORT = 4
"""Characters below which a value stands in a query by chance."""
_QUERY_CHARS = 4_000
"""Read of a long query at its beginning, and as much at its end: every item is compared with all of its terms."""
_NAMING_SHARE = 4
"""A term that stands in more than one in so many items (a year, a region) names none of them; they are ranked by relevance."""
_WORDS = re.compile(r"\w+")


class Asked:
    """One query, read once for all lists."""

    def __init__(self, query: str) -> None:
        if len(query) > 2 * _QUERY_CHARS:
            query = f"{query[:_QUERY_CHARS]}\n{query[-_QUERY_CHARS:]}"
        self.query = query.strip()
        self._low = self.query.lower()
        self._terms = Named(self.query)

    def named(self, items: Sequence[Fields]) -> set[int]:
        """Places of the items that it names: by identifiers, numbers, quoted strings, rare words, or a whole value of theirs."""
        if not self.query:
            return set()
        return self._by_terms([text_of(fields) for fields in items]) | self._by_values(items)

    def relevant(self, texts: Sequence[str], threshold: float, scorer: Scorer) -> list[int]:
        """Places of the items that score `threshold` or more, best first. A score that half of the items reach tells nothing."""
        if not self.query:
            return []
        scores = [result.score for result in scorer.score_items(texts, self.query)]
        common = sorted(scores)[len(scores) // 2]
        found = [at for at, score in enumerate(scores) if score >= threshold and score > common]
        return sorted(found, key=lambda at: (-scores[at], at))

    def _by_terms(self, texts: list[str]) -> set[int]:
        """As `Named.lines`, but term by term."""
        terms = self._terms.terms
        places: dict[str, list[int]] = {}
        plain: dict[str, list[int]] = {}
        for at, text in enumerate(texts):
            low = text.lower()
            words = set(_WORDS.findall(low))
            for word in terms.keys() & words:
                for term in terms[word]:
                    if term in low:
                        places.setdefault(term, []).append(at)
            for word in self._terms.plain & words:
                plain.setdefault(word, []).append(at)
        out = {at for found in places.values() if _NAMING_SHARE * len(found) <= len(texts) or len(found) <= _FEW for at in found}
        return out.union(at for found in plain.values() if len(found) <= _FEW for at in found)

    def _by_values(self, items: Sequence[Fields]) -> set[int]:
        places: dict[str, list[int]] = {}
        for at, fields in enumerate(items):
            for value in fields.values():
                if isinstance(value, str) and _SHORT <= len(value) <= len(self._low):
                    places.setdefault(value, []).append(at)
        return {
            at for value, found in places.items() if len(found) <= _FEW and _stands_in(value.lower(), self._low) for at in found
        }


def _stands_in(value: str, query: str) -> bool:
    """Whether the value is in the query, and no part of a longer word."""
    at = query.find(value)
    if at < 0:
        return False
    before, after = query[max(at - 1, 0) : at], query[at + len(value) : at + len(value) + 1]
    return not (before.isalnum() and value[0].isalnum()) and not (after.isalnum() and value[-1].isalnum())
