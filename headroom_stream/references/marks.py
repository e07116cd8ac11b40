"""Markers that stand for text of earlier outputs, and putting that text back.

What a marker stands for is kept beside the text, never read from it: a tool output that contains the words of a marker stays what it is.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from headroom_stream.references.numbers import Numbers, renumbered


class Span(Struct, frozen=True, array_like=True):
    """Characters of an earlier output as it was sent; from 0 to 0: all of it, with what its own markers stand for."""

    output: int
    """Number of the output among those of the session, from 1."""
    start: int
    end: int


class Mark(Struct, frozen=True, array_like=True):
    """A marker in a sent text, and what it stands for."""

    start: int
    end: int
    parts: tuple[Span, ...]
    """Joined by commas where there are several: entries of an object."""
    numbers: Numbers | None = None
    """Under which the lines stand here, if not as they were."""


class Referring(Struct, frozen=True, array_like=True):
    """A sent text, and its markers."""

    text: str
    marks: tuple[Mark, ...] = ()
    """In the order of the text."""


def expand(sent: Referring, earlier: Callable[[int], Referring]) -> str:
    """The text with each marker replaced by what it stands for. `earlier` gives an output by its number."""
    out: list[str] = []
    at = 0
    for mark in sent.marks:
        out += [sent.text[at : mark.start], _meant(mark, earlier)]
        at = mark.end
    return "".join([*out, sent.text[at:]])


def _meant(mark: Mark, earlier: Callable[[int], Referring]) -> str:
    text = ",".join(_part(part, earlier) for part in mark.parts)
    return text if mark.numbers is None else renumbered(text, mark.numbers)


def _part(span: Span, earlier: Callable[[int], Referring]) -> str:
    source = earlier(span.output)
    return source.text[span.start : span.end] if span.end else expand(source, earlier)


class Edits:
    """Replacements in one text, from its start to its end."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._out: list[str] = []
        self._length = 0
        self.marks: list[Mark] = []

    def keep(self, end: int) -> None:
        """Take the text over, up to `end`."""
        self._put(self._text[self._at : end])
        self._at = end

    def skip(self, end: int) -> None:
        """Leave the text out, up to `end`."""
        self._at = end

    def write(self, piece: str) -> None:
        """Put in text of our own that stands for nothing."""
        self._put(piece)

    def mark(self, marker: str, parts: tuple[Span, ...], numbers: Numbers | None = None) -> None:
        """Write a marker that stands for `parts`."""
        start = self._length
        self._put(marker)
        self.marks.append(Mark(start, self._length, parts, numbers))

    def done(self) -> Referring:
        """The text with the replacements; what is left of it is taken over."""
        self.keep(len(self._text))
        return Referring("".join(self._out), tuple(self.marks))

    def _put(self, piece: str) -> None:
        self._out.append(piece)
        self._length += len(piece)
