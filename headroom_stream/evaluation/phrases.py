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


def shown(looked_for: frozenset[Phrase], context: Sequence[Text]) -> int:
    """How many of the phrases a context shows, those that run over from one piece into the next among them."""
    missing = set(looked_for)
    edges: list[str] = []
    for text in context:
        its_phrases, its_edges = text.phrases
        missing -= its_phrases & missing
        edges += its_edges
    if missing:
        missing.difference_update(phrases(edges))
    return len(looked_for) - len(missing)
