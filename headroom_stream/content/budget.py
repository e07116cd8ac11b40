"""Cuts a text to a number of tokens: its beginning, its end, and what the question names."""

from __future__ import annotations

import re
from collections.abc import Callable

from headroom_stream.content import Compressed, Hints
from headroom_stream.content.named import Named

_PIECE = re.compile(r"[^\n]{1,400}\n?|\n")
"""A line, or a part of a long one: a text of one line is cut too."""
_NAMED_SHARE = 0.25
_HEAD_SHARE = 0.65
"""Of what the named lines leave. Most outputs say at their beginning what they are, and at their end how it went."""
_TRIES = 12
_TIGHTER = 0.85
"""Of the room, what the next try gets at most; less where the ends of a text have more tokens a character than its middle."""


def fit(text: str, hints: Hints, max_tokens: int, count: Callable[[str], int]) -> Compressed | None:
    """`text` in at most `max_tokens`, or None if it fits already or can't be made to."""
    tokens = count(text)
    if tokens <= max_tokens:
        return None
    pieces = _PIECE.findall(text)
    named = sorted(Named(hints.query, hints.intent).lines(pieces))
    room = len(text) * max_tokens / tokens
    tighter = _TIGHTER
    for _ in range(_TRIES):
        room *= tighter
        kept = _choose(pieces, named, room)
        out: list[str] = []
        before = -1
        for at in kept:
            if at != before + 1:
                out.append("…\n")
            out.append(pieces[at])
            before = at
        short = "".join(out)
        tokens = count(short)
        if tokens <= max_tokens:
            gone = sum(len(piece) for piece in pieces) - sum(len(pieces[at]) for at in kept)
            return Compressed(text=short, kind="budget", lossless=False, removed=f"{gone} characters")
        tighter = min(_TIGHTER, max_tokens / tokens)
    return None


def _choose(pieces: list[str], named: list[int], room: float) -> list[int]:
    chosen: set[int] = set()

    def take(order: list[int] | range, most: float) -> float:
        left = most
        for at in order:
            if at in chosen:
                continue
            left -= len(pieces[at])
            if left < 0:
                return 0.0
            chosen.add(at)
        return left

    unused = take(named, room * _NAMED_SHARE)
    rest = room * (1 - _NAMED_SHARE) + unused
    take(range(len(pieces)), rest * _HEAD_SHARE)
    take(range(len(pieces) - 1, -1, -1), rest * (1 - _HEAD_SHARE))
    return sorted(chosen)
