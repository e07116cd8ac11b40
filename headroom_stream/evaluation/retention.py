"""Whether a fact is still in a context: as a whole token, and amid what surrounded it where it came from."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence

from msgspec import Struct

from headroom_stream.evaluation.atoms import atoms, bounded, unescaped
from headroom_stream.evaluation.pieces import Piece

NEAR = 80
"""Characters on either side of a fact in its source: what stands there tells what it means."""
AROUND = 200
"""Characters on either side within which it has to stand in the context; more, since a marker or a table's header may come between."""
OCCURRENCES = 400
"""Of one atom that are looked at: a number that stands everywhere would take the time of all facts together."""

_WORD = re.compile(r"[A-Za-z]{4,}")


def found(atom: str, kind: str, text: str) -> bool:
    """Whether an unescaped text holds the atom; a number may have separators of thousands."""
    if bounded(atom, text):
        return True
    return kind == "num" and "." not in atom and len(atom) > 3 and bounded(f"{int(atom):,}", text)


class Companions(Struct, frozen=True):
    """Words and atoms that stand beside a fact in its source."""

    left: frozenset[str]
    right: frozenset[str]


class Outputs:
    """The tool outputs of a conversation as sources of facts."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._pieces = {at: piece for at, piece in enumerate(pieces) if piece.role == "tool"}
        self._rank = {at: rank for rank, at in enumerate(self._pieces)}
        self._plain = [unescaped(piece.content) for piece in self._pieces.values()]
        self._keys: dict[int, frozenset[str]] = {}
        self._holders: dict[str, list[int]] = {}
        self._looked_at: dict[str, int] = {}
        self._companions: dict[tuple[int, str], Companions] = {}

    def companions(self, source: int, atom: str) -> Companions:
        """What surrounds the atom's first place in its source.

        Without fragments of JSON keys, which a table says once, and without what half of the earlier outputs have as well.
        """
        known = self._companions.get((source, atom))
        if known is None:
            known = self._companions[source, atom] = self._find(source, atom)
        return known

    def _find(self, source: int, atom: str) -> Companions:
        text = self._plain[self._rank[source]]
        at = text.find(atom)
        if at < 0:
            return Companions(frozenset(), frozenset())
        end = at + len(atom)
        return Companions(
            self._telling(text[max(0, at - NEAR) : at], source, atom), self._telling(text[end : end + NEAR], source, atom)
        )

    def _telling(self, side: str, source: int, atom: str) -> frozenset[str]:
        # The first and the last word may be cut.
        beside = {*_WORD.findall(side)[1:-1], *atoms(unescaped(side))}.difference(self._key_words(source))
        return frozenset(x for x in beside if x not in atom and atom not in x and not self._usual(x, self._rank[source]))

    def _key_words(self, source: int) -> frozenset[str]:
        if source not in self._keys:
            values = self._pieces[source].values()
            self._keys[source] = frozenset(word for key in (values[1] if values else ()) for word in _WORD.findall(key))
        return self._keys[source]

    def _usual(self, word: str, rank: int) -> bool:
        """Whether at least two, and half, of the outputs before have the word. Each output is looked at once for a word."""
        holders = self._holders.setdefault(word, [])
        begin = self._looked_at.get(word, 0)
        if begin < rank:
            holders += [i for i in range(begin, rank) if word in self._plain[i]]
            self._looked_at[word] = rank
        return bisect_left(holders, rank) >= max(2, rank / 2)


def in_context(atom: str, companions: Companions, text: str) -> bool:
    """Whether at least half of the companions stand near some place of the atom, each on its own side; where there are none to speak
    of, whether the atom stands in the text as a whole.
    """
    sides: Mapping[str, tuple[bool, bool]] = {
        word: (word in companions.left, word in companions.right) for word in companions.left | companions.right
    }
    if len(sides) < 2:
        return bounded(atom, text)
    at = text.find(atom)
    for _ in range(OCCURRENCES):
        if at < 0:
            return False
        end = at + len(atom)
        before, after = text[max(0, at - AROUND) : at], text[end : end + AROUND]
        near = sum((left and word in before) or (right and word in after) for word, (left, right) in sides.items())
        if 2 * near >= len(sides):
            return True
        at = text.find(atom, at + 1)
    return False
