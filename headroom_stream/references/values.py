"""Values within a text in the notation of `content.notation`: which objects and lists stand in it, and where."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from msgspec import Struct

LEAST_CHARS = 40
"""Shorter values cost about as many tokens as a marker."""

_DEEPEST = 1_000
"""Brackets that are open at once. A text of nothing else is no value, and would cost some hundred bytes a character."""
_MOST_FIELDS = 1_000
"""Entries of an object that are told apart: one with more is a table by another name, and no state of one thing."""

_PUNCTUATION = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[\]{},]', re.DOTALL)
"""A string without an end is the rest of the text: were it none, each quote in it would be looked at as the beginning of one."""
_JSON_MARKS = ("json", "json ", *(f"json{n}" for n in range(1, 9)))
"""What stands before a value that is a string's JSON."""
_IDENTITY = re.compile(r'"?(?:\w*[a-z_ ])?(?:id|ID|Id|uuid|number|key)"?:([^,{}\[\]]{3,80})')


class Value(Struct):
    """An object or a list in a text."""

    start: int
    end: int = 0
    commas: list[int] = []
    """Places of the commas between the entries of an object: nobody asks for those of a list."""
    inner: list[Value] = []
    """Those of LEAST_CHARS at least."""
    table: bool = False
    """A header with rows: its entries can't stand alone."""
    header: bool = False
    ordered: bool = False
    """Part of a string that is JSON itself: the order of its entries is that of the string's characters."""


def scan(text: str) -> Value | None:
    """The outermost value of `text`, or None if it is not one value in brackets from start to end."""
    if text[:1] not in ("{", "["):
        return None
    stack: list[Value] = []
    for match in _PUNCTUATION.finditer(text):
        mark, at = match.group(), match.start()
        if mark == ",":
            if not stack:
                return None
            if text[stack[-1].start] == "{":
                stack[-1].commas.append(at)
        elif mark in ("{", "["):
            if len(stack) >= _DEEPEST:
                return None
            ordered = (stack[-1].ordered if stack else False) or text.endswith(_JSON_MARKS, 0, at)
            stack.append(Value(at, ordered=ordered))
        elif mark in ("}", "]"):
            if not stack:
                return None
            value = stack.pop()
            value.end = at + 1
            if not stack:
                return value if value.end == len(text) else None
            above = stack[-1]
            if value.start == above.start + 1 and text[value.end : value.end + 1] == "\n":
                value.header = above.table = True
            # Millions of small ones would weigh a hundred times the text.
            if at + 1 - value.start >= LEAST_CHARS or value.header:
                above.inner.append(value)
    return None


def pieces(value: Value) -> Iterator[Value]:
    """The values in `value` that mean the same wherever they stand, and the headers of tables, outermost first."""
    stack = [value]
    while stack:
        one = stack.pop()
        if one.end - one.start >= LEAST_CHARS:
            yield one
            # What a header says of nested columns makes no sense without it.
            stack += [] if one.header else reversed(one.inner)


def name(text: str, value: Value) -> str:
    """What a value is known by. The header of a table may read like an object, and is none."""
    return "\n" * value.header + text[value.start : value.end]


def fields(text: str, value: Value) -> list[tuple[str, int, int]]:
    """The entries of an object that is no table: key as written, start and end of the entry. None of an object of very many."""
    if len(value.commas) >= _MOST_FIELDS:
        return []
    bounds = [value.start, *value.commas, value.end - 1]
    out = []
    for before, end in itertools.pairwise(bounds):
        start = before + 1
        if text[start : start + 1] == '"':
            match = _PUNCTUATION.match(text, start)
            key_end = match.end() if match else start
        else:
            key_end = text.find(":", start, end)
        if key_end < 0 or text[key_end : key_end + 1] != ":":
            return []
        out.append((text[start:key_end], start, end))
    return out


def identity(text: str, value: Value) -> str:
    """The entry that says which thing an object tells of, such as `reservation_id:4WQ150`; empty without one."""
    if text[value.start] != "{" or value.table:
        return ""
    found = _IDENTITY.match(text, value.start + 1)
    return found.group() if found else ""
