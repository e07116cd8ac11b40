"""JSON and newline-delimited JSON as a compact text with equal values: minified, quotes dropped, lists of objects as tables.

The notation is described in `notation`. Numbers keep the very characters they had.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from msgspec import structs

from headroom_stream.config import RecordsConfig
from headroom_stream.content import Compressed, Hints
from headroom_stream.content.factoring import Query, derive, factor, standing_out
from headroom_stream.content.notation import AGAIN, json_style, write_key, write_string
from headroom_stream.content.reading import read
from headroom_stream.content.sections import sections
from headroom_stream.content.tables import columns, header, varying, worth_columns

MAX_DEPTH = 60
"""Deeper values are left alone: writing and reading recurse, and Python's stack is the caller's too."""
NO_TABLES = 1_000_000_000
"""As `min_rows`: more than any list has."""
_AGAIN_CHARS = 12
"""Characters that a row has to have beyond its first cell to be worth a look at the row before."""
_LONG_NUMBER = re.compile(r"(?<![0-9])[0-9]{4001}")
"""Python refuses to read integers of more than 4,300 digits."""


class NumberText(str):
    """A number as it is written in the source: `1.0`, `1` and `0.10` stay what they are."""

    __slots__ = ()


class Note(str):
    """Words of ours within a value, such as `…12 more`. Written as they are, which no string of the data that begins with `…` is."""

    __slots__ = ()


class _LeaveAloneError(ValueError):
    """This JSON cannot be written without loss."""


def compress(text: str, hints: Hints, config: RecordsConfig) -> Compressed | None:
    """`text` in the compact notation, or None if it is no JSON list or object, or would not get shorter in characters.

    Not JSON for this purpose: duplicate keys, NaN and Infinity, values nested deeper than MAX_DEPTH.
    Newline-delimited objects are written as the list of them.
    """
    if not config.enabled:
        return None
    start = text[:64].lstrip()[:1]
    if start not in ("{", "[") and start:
        return None
    try:
        out = write(parse(text), config, hints.query)
    except (ValueError, RecursionError):  # no JSON, or one that is left alone; RecursionError is json's word for "too deep"
        return None
    if len(out) >= len(text):
        return None
    # Within strings a newline is escaped: one that stands as itself begins a row.
    return Compressed(text=out, kind="records" if "\n" in out else "json", lossless=True)


def parse(text: str) -> Any:
    """The value of a JSON text, its numbers as NumberText; of newline-delimited objects the list of them.

    Raises ValueError or RecursionError for what is no JSON, and for what cannot be written back without loss.
    """
    try:
        return _decode(text)
    except json.JSONDecodeError as error:
        # A second document right after the first, on a line of its own, is what newline-delimited JSON looks like.
        if error.msg != "Extra data" or not text.lstrip().startswith("{"):
            raise
        return [_record(line) for line in text.split("\n") if line.strip()]


def write(value: Any, config: RecordsConfig | None = None, query: str = "") -> str:
    """A parsed value in the compact notation. Rows that `query` names keep their values whole where others share theirs in the header.

    Raises ValueError for values nested deeper than MAX_DEPTH.
    """
    return _Writer(config or RecordsConfig(), query).value(value, 0)


def restore(text: str) -> Any:
    """The JSON value that `compress` wrote as `text`. Raises NotationError for other texts."""
    return read(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        raise _LeaveAloneError("duplicate keys")
    return out


def _refuse(name: str) -> NoReturn:
    raise _LeaveAloneError(f"{name} is no JSON")


_read = json.JSONDecoder(object_pairs_hook=_object, parse_float=NumberText, parse_int=NumberText, parse_constant=_refuse).decode


def _decode(text: str) -> Any:
    if _LONG_NUMBER.search(text):
        raise _LeaveAloneError("an integer too long to be read")
    return _read(text)


def _record(line: str) -> dict[str, Any]:
    value = _decode(line)
    if type(value) is not dict:
        raise _LeaveAloneError("a line that is no object")
    return value


class _Writer:
    """Writes one value; remembers how each string is written."""

    def __init__(self, config: RecordsConfig, query: str) -> None:
        self.config = config
        self.query = Query(query)
        self.strings: dict[str, str] = {}

    def value(self, value: Any, depth: int) -> str:
        kind = type(value)
        if kind is str:
            out = self.strings.get(value)
            if out is None:
                out = self.strings[value] = self.json_within(value, depth) or write_string(value)
            return out
        if kind is NumberText or kind is Note:
            text: str = value
            return text
        if depth > MAX_DEPTH:
            raise _LeaveAloneError("nested too deep")
        if kind is dict:
            return self.fields(value, depth)
        if kind is list:
            return self.items(value, depth)
        return "null" if value is None else "true" if value else "false"

    def json_within(self, text: str, depth: int) -> str | None:
        """A string that is JSON itself, where its very characters follow from the value in it."""
        if (style := json_style(text)) is None:
            return None
        mark, options = style
        try:
            if json.dumps(json.loads(text), **options) != text:
                return None
            value = _decode(text)
            out = self.value(value, depth + 1)
            # A table has one order of keys for all its rows: where theirs differ, other characters would be read back.
            if "\n" in out and json.dumps(read(out), **options) != text:
                out = _Writer(structs.replace(self.config, min_rows=NO_TABLES), "").value(value, depth + 1)
            return mark + out
        except (ValueError, RecursionError):
            return None

    def fields(self, value: dict[str, Any], depth: int) -> str:
        rows = list(value.values())
        if self.are_objects(rows) and worth_columns(rows, sum(map(len, rows))):
            return self.keyed_table(list(value), rows, depth)
        return "{" + ",".join(f"{write_key(key)}:{self.value(item, depth + 1)}" for key, item in value.items()) + "}"

    def items(self, value: list[Any], depth: int) -> str:
        if self.are_objects(value):
            if (runs := sections(value)) is not None and len(runs) > 1:
                return "[" + "\n".join(self.table([run], depth)[1:-1] for run in runs) + "]"
            if worth_columns(value, sum(map(len, value))):
                return self.table([value], depth)
        elif value and all(type(inner) is list and inner for inner in value):
            rows = [row for inner in value for row in inner]
            # One absent cell alone would be a blank line, which stands between lists.
            if len(value) > 1 and self.are_objects(rows) and len(rows[0]) > 1 and worth_columns(rows, sum(map(len, rows))):
                return f"[{self.table(value, depth + 1)}]"
        return "[" + ",".join([self.value(item, depth + 1) for item in value]) + "]"

    def are_objects(self, rows: list[Any]) -> bool:
        return len(rows) >= max(self.config.min_rows, 2) and all(type(row) is dict for row in rows)

    def table(self, lists: list[list[dict[str, Any]]], depth: int) -> str:
        rows = [row for inner in lists for row in inner]
        head, lines = self.rows(rows, depth, 2 if len(lists) > 1 else 1)
        left = iter(lines)
        blocks = ["".join(["\n" + next(left) for _ in inner]) for inner in lists]
        return "[" + head + "\n".join(blocks) + "]"

    def keyed_table(self, keys: list[str], rows: list[dict[str, Any]], depth: int) -> str:
        head, lines = self.rows(rows, depth, 1, keys)
        return "{" + head + "".join(f"\n{write_key(key)}:{line}" for key, line in zip(keys, lines, strict=True)) + "}"

    def rows(self, rows: list[dict[str, Any]], depth: int, least: int, keys: list[str] | None = None) -> tuple[str, list[str]]:
        """The header of a table and its rows, of `least` cells each if there are as many."""
        # The lists of a list are read one by one, and each is short.
        factored = least == 1 and len(rows) >= self.config.factored_rows
        parts = columns(rows, lambda item, left: self.value(item, MAX_DEPTH - left), MAX_DEPTH - depth - 2, keys, factored=factored)
        if factored:
            derive(parts)
        shown = varying(parts, least)
        if keys is None and len(shown) == 1 and "" in shown[0].cells:
            shown = varying(parts, 2)  # a blank line again; there is a second column, since one with gaps is no table
        if factored:
            factor(shown, standing_out(shown, self.query))
        lines = list(map(",".join, zip(*(column.cells for column in shown), strict=True)))
        # Rows with a key before them are told apart by it, and marks of repetition would lose the row that they repeat.
        return header(parts), lines if factored or keys is not None else _again(lines, shown[0].cells)


def _again(lines: list[str], firsts: list[str]) -> list[str]:
    """Rows that stood before in full as their first cell alone, where no other row begins with it."""
    whole: dict[str, str] = {}
    others = {first for line, first in zip(lines, firsts, strict=True) if whole.setdefault(first, line) != line}
    shown: set[str] = set()
    out = []
    for line, first in zip(lines, firsts, strict=True):
        repeats = line in shown and first[:1] not in ("", "{") and first not in others and len(line) >= len(first) + _AGAIN_CHARS
        out.append(f"{first},{AGAIN}" if repeats else line)
        shown.add(line)
    return out
