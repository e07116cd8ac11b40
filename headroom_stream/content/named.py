"""Which lines a query names: identifiers, numbers and quoted strings always, plain words where they are rare."""

from __future__ import annotations

import re
from collections import Counter

_QUOTED = re.compile(r"\"([^\"\n]{2,200})\"|'([^'\n]{2,200})'|`([^`\n]{2,200})`")
_RUN = re.compile(r"[^\s\"'`,;()\[\]{}<>|]+")
_WORDS = re.compile(r"\w+")
_IDENTIFIER = re.compile(r"[0-9_./:@\\$#-]|[a-z][A-Z]")
_RARE_LINES = 3
"""A plain word on more lines than this says nothing about any of them."""
_SHORT = 2
"""Terms below this length, such as single digits, stand on nearly every line."""


class Named:
    """The terms of one query, looked up by their first word, so that a line costs its own length whatever the query."""

    def __init__(self, query: str) -> None:
        self.terms: dict[str, set[str]] = {}
        self.plain: set[str] = set()
        for match in _QUOTED.finditer(query):
            self._add(next(group for group in match.groups() if group is not None))
        for run in _RUN.findall(query):
            term = run.strip(".:!?*-…")
            if _IDENTIFIER.search(term):
                self._add(term)
            elif len(term) >= 4:
                self.plain.add(term.lower())

    def _add(self, term: str) -> None:
        words = _WORDS.findall(term.lower())
        if words and len(term) >= _SHORT:
            self.terms.setdefault(words[0], set()).add(term.lower().strip())

    def lines(self, lines: list[str]) -> set[int]:
        """The places of the lines that the query names."""
        if not self.terms and not self.plain:
            return set()
        out: set[int] = set()
        count: Counter[str] = Counter()
        holders: dict[str, list[int]] = {}
        for at, line in enumerate(lines):
            low = line.lower()
            words = set(_WORDS.findall(low))
            if any(term in low for word in self.terms.keys() & words for term in self.terms[word]):
                out.add(at)
            for word in self.plain & words:
                count[word] += 1
                holders.setdefault(word, []).append(at)
        for word, number in count.items():
            if number <= _RARE_LINES:
                out.update(holders[word])
        return out
