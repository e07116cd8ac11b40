"""JSON and newline-delimited JSON as a compact text with equal values: minified, quotes dropped, lists of objects as tables.

The notation is described in `notation`. Numbers keep the very characters they had.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable
from typing import Any, NoReturn

from msgspec import structs

from headroom_stream.config import RecordsConfig
from headroom_stream.content import Compressed, Hints
from headroom_stream.content.factoring import Query, derive, factor, standing_out
from headroom_stream.content.notation import AGAIN, NUMBER, WORDS, json_style, write_key, write_string
from headroom_stream.content.reading import read
from headroom_stream.content.sections import sections
from headroom_stream.content.tables import Column, Parts, columns, free_constant, header, varying, worth_columns

MAX_DEPTH = 60
"""Deeper values are left alone: writing and reading recurse, and Python's stack is the caller's too."""
NO_TABLES = 1_000_000_000
"""As `min_rows`: more than any list has."""
_AGAIN_CHARS = 12
"""Characters that a row has to have beyond its first cell to be worth a look at the row before."""
_REMEMBERED = 2_000
"""Different cells whose text is remembered while a column is written, and keys: more would weigh as much as the column."""
_LONG_NUMBER = re.compile(r"(?<![0-9])[0-9]{4001}")
"""Python refuses to read integers of more than 4,300 digits."""
_DIGITS, _STEP = 50, 2_000
"""In a number that long so many digits begin at a multiple of the step: most texts have them nowhere, and no digit is tried."""


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


def write_columns(columns: dict[str, list[str]], config: RecordsConfig, query: str = "") -> str:
    """Flat rows, given as the cells of each key: what `write` makes of the list of them, without an object for each row.

    A cell that reads like a number or a constant is one, any other is a string; an empty one is an absent key. Takes the columns out of
    the dictionary as it writes them, so that both forms are never in memory at once.
    """
    shapes = _shapes(columns)
    runs = sections(shapes)
    one_table = len(shapes) >= max(config.min_rows, 2) and (runs is None or len(runs) < 2)
    writer = _Writer(config, query)
    if one_table and worth_columns(shapes, sum(map(len, shapes))):
        return writer.flat(columns, dict.fromkeys(key for shape, _ in itertools.groupby(shapes) for key in shape))
    rows = zip(shapes, zip(*columns.values(), strict=True), strict=True)
    return writer.value([dict(zip(keys, map(_typed, filter(None, row)), strict=True)) for keys, row in rows], 0)


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
    if any(text[at : at + _DIGITS].isdecimal() for at in range(0, len(text), _STEP)) and _LONG_NUMBER.search(text):
        raise _LeaveAloneError("an integer too long to be read")
    return _read(text)


def _record(line: str) -> dict[str, Any]:
    value = _decode(line)
    if type(value) is not dict:
        raise _LeaveAloneError("a line that is no object")
    return value


def _shapes(columns: dict[str, list[str]]) -> list[dict[str, Any]]:
    """An object with the keys of each row, one and the same for all rows that have the same keys."""
    if not any("" in cells for cells in columns.values()):
        return [dict.fromkeys(columns)] * len(next(iter(columns.values())))
    known: dict[tuple[bool, ...], dict[str, Any]] = {}
    out = []
    for row in zip(*columns.values(), strict=True):
        filled = tuple(map(bool, row))
        if filled not in known:
            known[filled] = dict.fromkeys(itertools.compress(columns, filled))
        out.append(known[filled])
    return out


def _typed(cell: str) -> str:
    return NumberText(cell) if NUMBER.fullmatch(cell) or cell in WORDS else cell


class _Writer:
    """Writes one value; remembers how each string is written."""

    def __init__(self, config: RecordsConfig, query: str) -> None:
        self.config = config
        self.query = Query(query)
        self.strings: dict[str, str] = {}
        self.keys: dict[str, str] = {}

    def value(self, value: Any, depth: int) -> str:
        kind = type(value)
        if kind is str:
            out = self.strings.get(value)
            if out is None:
                out = self.strings[value] = self.string(value, depth)
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

    def string(self, text: str, depth: int) -> str:
        return self.json_within(text, depth) or write_string(text)

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
        return "{" + ",".join([f"{self.key(key)}:{self.value(item, depth + 1)}" for key, item in value.items()]) + "}"

    def key(self, key: str) -> str:
        """Keys repeat more than anything else."""
        out = self.keys.get(key)
        if out is None:
            if len(self.keys) >= _REMEMBERED:
                self.keys.clear()
            out = self.keys[key] = write_key(key)
        return out

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
        return "[" + head + "\n".join(["\n" + "\n".join(itertools.islice(left, len(inner))) for inner in lists]) + "]"

    def flat(self, cells: dict[str, list[str]], keys: Iterable[str]) -> str:
        """One table of these columns."""
        parts: Parts = []
        count = len(next(iter(cells.values())))
        factored = count >= self.config.factored_rows
        for key in keys:
            column = Column(key=key, cells=self.written(cells.pop(key)))
            free_constant(column, factored=factored)
            parts.append(column)
        head, lines = self.lines(parts, 1, factored=factored)
        return "\n".join(["[" + head, *lines]) + "]"

    def written(self, cells: list[str]) -> list[str]:
        """Cells of flat rows as they are shown."""
        known = {"": ""}
        out = []
        for cell in cells:
            text = known.get(cell)
            if text is None:
                if len(known) > _REMEMBERED:
                    known = {"": ""}
                text = known[cell] = cell if NUMBER.fullmatch(cell) or cell in WORDS else self.string(cell, 2)
            out.append(text)
        return out

    def keyed_table(self, keys: list[str], rows: list[dict[str, Any]], depth: int) -> str:
        head, lines = self.rows(rows, depth, 1, keys)
        return "{" + head + "".join(f"\n{write_key(key)}:{line}" for key, line in zip(keys, lines, strict=True)) + "}"

    def rows(self, rows: list[dict[str, Any]], depth: int, least: int, keys: list[str] | None = None) -> tuple[str, list[str]]:
        """The header of a table and its rows, of `least` cells each if there are as many."""
        # The lists of a list are read one by one, and each is short.
        factored = least == 1 and len(rows) >= self.config.factored_rows
        parts = columns(rows, lambda item, left: self.value(item, MAX_DEPTH - left), MAX_DEPTH - depth - 2, keys, factored=factored)
        return self.lines(parts, least, factored=factored, keyed=keys is not None)

    def lines(self, parts: Parts, least: int, *, factored: bool, keyed: bool = False) -> tuple[str, list[str]]:
        """The header of these columns and the rows that are left."""
        if factored:
            derive(parts)
        shown = varying(parts, least)
        if not keyed and len(shown) == 1 and "" in shown[0].cells:
            shown = varying(parts, 2)  # a blank line again; there is a second column, since one with gaps is no table
        if factored:
            factor(shown, standing_out(shown, self.query))
        lines = list(map(",".join, zip(*(column.cells for column in shown), strict=True)))
        # Rows with a key before them are told apart by it, and marks of repetition would lose the row that they repeat.
        return header(parts), lines if factored or keyed else _again(lines, shown[0].cells)


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
