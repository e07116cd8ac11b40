"""Large texts in pieces that are compressed one after the other, so that what a compressor holds at once does not grow with the text.

A list of a million numbers takes fifty times its size as objects, a text of one-letter lines thirty times as lines. What is taken apart:
JSON (and Python's way of writing it) between its entries, an entry that is large itself again between its own; texts of short lines
between lines, with the header before each piece where they are separated values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

LARGE = 500_000
"""Characters of a text that is taken apart; one below may take what its kind takes."""
PIECE = 100_000
"""Characters of a piece, at the most: at fifty times their size they take half of what ten times a megabyte are."""
_DEEPEST = 3
"""Large entries within large entries. What is large below is left as it is."""
_NESTED = 1_000
"""Brackets open at once, of which no reader of JSON makes a value."""
_SHORT_LINE = 16
"""Characters of a line, on average, of a text that is taken apart between lines. Longer ones weigh less, and what many of them have in
common is told better of all at once."""
_SHORT_ROW = 200
"""The same of separated values, of which each cell weighs."""
_SAMPLE = 20
"""Lines that show whether values are separated."""

_STRING = r""""(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|'(?:[^'\\]++|\\.)*+(?:'|\\?\Z)"""
"""One without an end is the rest of the text: were it none, each quote in it would be looked at as the beginning of one."""
_QUOTED = re.compile(_STRING, re.DOTALL)
_TO_BRACKET = re.compile(rf"""(?:[^"'\[\](){{}}]++|{_STRING})*+[\[\](){{}}]""", re.DOTALL)
_TO_MARK = re.compile(rf"""(?:[^"'\[\](){{}},\n]++|{_STRING})*+[\[\](){{}},\n]""", re.DOTALL)
"""Strings are gone over within a match: there are many times more of them than of brackets."""
_OPEN, _CLOSED = frozenset("[{("), frozenset("]})")


class Piece(Struct, frozen=True):
    """A part of a text that can be read by itself."""

    text: str
    before: str = ""
    """What is said before it: the name of the entry that it is a part of."""


def pieces(text: str, *, large: int = LARGE, size: int = PIECE) -> list[Piece] | None:
    """The pieces, of `size` characters at most where they can be cut there, of a text of more than `large`, in their order.

    None for a text that is compressed as a whole, and no piece of one that is left as it is: brackets in brackets hold no data that
    would be worth the seconds.
    """
    if len(text) <= large:
        return None
    start = text[:64].lstrip()[:1]
    if start in _OPEN:
        if 3 * sum(map(text.count, _OPEN)) > len(text):
            return []
        single = _is_single(text)
        if single is None:
            return None
        # Many logs begin with a bracket too.
        if single or start == "{":
            return list(_of_value(text, "", 0, size, single=single))
    return None if start == "<" else _of_lines(text, size)


def _of_lines(text: str, size: int) -> list[Piece] | None:
    header = _header(text)
    if len(text) > (text.count("\n") + 1) * (_SHORT_ROW if header else _SHORT_LINE):
        return None
    out: list[Piece] = []
    at = 0
    while at < len(text):
        end = text.rfind("\n", at, at + size) if at + size < len(text) else len(text)
        if end <= at:
            return None
        out.append(Piece(f"{header}{text[at:end]}" if at else text[at:end]))
        at = end + 1
    return out


def _header(text: str) -> str:
    """The first line of separated values, with its end; empty where they are none."""
    lines = text[: _SAMPLE * _SHORT_ROW].split("\n")[:_SAMPLE]
    for mark in (",", "\t", ";"):
        counts = {line.count(mark) for line in lines[:-1]}
        if len(counts) == 1 and counts.pop():
            return lines[0] + "\n"
    return ""


def _of_value(text: str, before: str, depth: int, most: int, *, single: bool = True) -> Iterator[Piece]:
    """The entries of a value in brackets, or the values of a sequence of them, gathered to pieces."""
    if len(text) <= most or depth > _DEEPEST or text[:64].lstrip()[:1] not in _OPEN:
        yield Piece(text, before)
        return
    gathered: list[str] = []
    size = 0
    for entry, brackets in _entries(text, single=single):
        if size and size + len(entry) > most:
            yield Piece(_joined(gathered, brackets), before)
            gathered, size = [], 0
        if len(entry) > most:
            name, value = _named(entry) if brackets[:1] == "{" else ("", entry)
            yield from _of_value(value, f"{before}{name}", depth + 1, most)
            continue
        gathered.append(entry)
        size += len(entry) + 1
    if gathered:
        yield Piece(_joined(gathered, brackets), before)


def _joined(entries: list[str], brackets: str) -> str:
    return f"{brackets[:1]}{','.join(entries)}{brackets[1:]}" if brackets else "\n".join(entries)


def _entries(text: str, *, single: bool) -> Iterator[tuple[str, str]]:
    """The entries of a value and its brackets; of values on lines of their own, each of them and no brackets."""
    depth = at = place = 0
    brackets = ""
    while (mark := (_TO_MARK if depth == single else _TO_BRACKET).match(text, place)) is not None:
        place = mark.end()
        sign = text[place - 1]
        if sign in _OPEN:
            depth += 1
            if single and depth == 1:
                at, brackets = place, sign + {"[": "]", "{": "}", "(": ")"}[sign]
        elif sign in _CLOSED:
            depth -= 1
            if single and not depth:
                break
        elif (sign == "," and single and depth == 1) or (sign == "\n" and not single and not depth):
            if entry := text[at : place - 1].strip():
                yield entry, brackets
            at = place
    if mark is None:
        # Cut off: what comes last has no end, and must not get one.
        brackets = brackets[:1]
    end = len(text) if mark is None else place - 1
    if entry := text[at:end].strip():
        yield entry, brackets


def _is_single(text: str) -> bool | None:
    """Whether the first value is all there is. Else each line has one. None: too deep to be a value."""
    depth = place = 0
    while (mark := _TO_BRACKET.match(text, place)) is not None:
        place = mark.end()
        sign = text[place - 1]
        if sign in _OPEN:
            depth += 1
            if depth > _NESTED:
                return None
        elif sign in _CLOSED:
            depth -= 1
            if not depth:
                return not text[place:].strip()
    return True


def _named(entry: str) -> tuple[str, str]:
    """The name of an object's entry, as it is said before its pieces, and its value."""
    name = _QUOTED.match(entry)
    if name is None or not entry[name.end() :].lstrip().startswith(":"):
        return "", entry
    at = entry.index(":", name.end()) + 1
    return f"{name.group()[1:-1]}: ", entry[at:].lstrip()
