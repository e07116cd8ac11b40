"""A text as units that can be found: its lines, and of long lines the records or sentences in them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

LONGEST = 400
"""Characters of a unit. A longer one, such as a whole answer in JSON on one line, would be found for any word and shown whole."""
_ENDS = (re.compile(r"[}\])],?\s*"), re.compile(r"[.!?;]\s+"), re.compile(r",\s*|\s+"))
"""Where a long line may be cut: after a record, else after a sentence, else after a value or a word."""
_LEAST = LONGEST // 8
"""Characters that a cut leaves at least: a bracket near the start is the end of what came before."""


class Unit(Struct, frozen=True):
    """A piece of a text. Units follow each other; between those of two lines stands the line break."""

    line: int
    """From 1."""
    start: int
    end: int


def units(text: str) -> list[Unit]:
    """The units of `text`, in order. Takes as long as the text."""
    out: list[Unit] = []
    at = 0
    for number, line in enumerate(text.split("\n"), 1):
        out += [Unit(number, at + start, at + end) for start, end in _cut(line)]
        at += len(line) + 1
    return out


def _cut(line: str) -> Iterator[tuple[int, int]]:
    at = 0
    while len(line) - at > LONGEST:
        end = _end(line, at)
        yield at, end
        at = end
    yield at, len(line)


def _end(line: str, at: int) -> int:
    for pattern in _ENDS:
        last = at
        for match in pattern.finditer(line, at + _LEAST, at + LONGEST):
            last = match.end()
        if last > at:
            return last
    return at + LONGEST
