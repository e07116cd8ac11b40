"""Phrases that an agent takes over from tool outputs, and which of them a context still shows."""

from __future__ import annotations

from collections.abc import Sequence

from headroom_stream.evaluation.atoms import unescaped
from headroom_stream.evaluation.pieces import Piece, Text
from headroom_stream.evaluation.words import Phrase, phrases, phrases_among, words


def taken_over(pieces: Sequence[Piece]) -> dict[int, frozenset[Phrase]]:
    """By the agent's piece: the phrases in it that an earlier tool output has and nobody had said."""
    spoken = {at: set(phrases(words(piece.said))) for at, piece in enumerate(pieces) if piece.role == "assistant"}
    wanted = frozenset[Phrase]().union(*spoken.values())
    from_tools: set[Phrase] = set()
    given: set[Phrase] = set()
    found: dict[int, frozenset[Phrase]] = {}
    for at, piece in enumerate(pieces):
        if piece.role == "tool":
            for text in _sentences(piece):
                from_tools |= phrases_among(words(unescaped(text)), wanted)
        elif piece.role == "assistant":
            new = (spoken[at] & from_tools) - given
            if new:
                found[at] = frozenset(new)
            given |= spoken[at]
        else:
            given |= phrases_among(words(unescaped(piece.content)), wanted)
    return found


def _sentences(piece: Piece) -> list[str]:
    """The texts of an output within which words follow each other: of JSON its strings, so that a table may reorder the fields."""
    values = piece.values()
    return [piece.content] if values is None else values[0]


class Shown:
    """The phrases that a context shows, of those that are looked for; those that run over from one piece into the next among them."""

    def __init__(self) -> None:
        self._found: set[Phrase] = set()
        self._end: tuple[str, ...] = ()
        """The last words so far."""

    def append(self, text: Text) -> None:
        """Take the context's next piece."""
        within, edges = text.phrases
        self._found |= within
        joint = (*self._end, *edges)
        self._found.update(phrases(joint))
        self._end = joint[-3:]

    def count(self, looked_for: frozenset[Phrase]) -> int:
        """How many of these it shows."""
        return len(looked_for & self._found)
