"""Reads the compact notation back: the one grammar against which every table that is written is tested."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from headroom_stream.content.notation import (
    ABOVE,
    AGAIN,
    BARE,
    BARE_KEY,
    HOLE,
    KEY_MARK,
    NULL_MARK,
    NUMBER,
    TEXT_MARK,
    WORDS,
    NotationError,
    style_options,
)

_scan_string = json.decoder.scanstring  # type: ignore[attr-defined]  # public in the json package's source, absent from its stubs
_ABSENT = object()

# What an entry of `{...}` is. An object has values only; anything else makes it a header of columns.
_VALUE, _COLUMN, _GROUP, _LISTS, _KEY, _TEXT, _PATTERN, _DERIVED = range(8)
_SHOWN = frozenset({_COLUMN, _LISTS, _TEXT, _PATTERN})


class _Entry(Struct):
    key: str
    kind: int
    value: Any = None
    """The value of a constant, the entries of a group, the two sides of a pattern."""
    nullable: bool = False


def read(text: str) -> Any:
    """The value that `text` stands for. Raises NotationError for anything that was not written by `records.compress`."""
    try:
        return _Reader(text).whole()
    except (IndexError, ValueError, RecursionError) as error:
        raise NotationError(f"not in the compact notation: {error}") from error


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def whole(self) -> Any:
        value = self.value()
        if self.at != len(self.text):
            raise NotationError(f"text goes on at character {self.at}")
        return value

    def expect(self, mark: str) -> None:
        if not self.text.startswith(mark, self.at):
            raise NotationError(f"expected {mark!r} at character {self.at}")
        self.at += len(mark)

    def bare(self) -> str:
        match = BARE.match(self.text, self.at)
        assert match
        self.at = match.end()
        return match.group()

    def value(self) -> Any:
        mark = self.text[self.at]
        if mark == '"':
            return self.quoted()
        if mark == "{":
            return self.keyed_table() if self.text.startswith("{{", self.at) else self.plain(self.entries("{", "}"))
        if mark == "[":
            return self.items()
        return self.atom(self.bare())

    def atom(self, text: str) -> Any:
        if self.text[self.at : self.at + 1] in ("{", "["):
            return json.dumps(self.value(), **style_options(text))
        if text in WORDS:
            return WORDS[text]
        if NUMBER.fullmatch(text):
            return int(text) if text.lstrip("-").isdigit() else float(text)
        return text

    def quoted(self) -> str:
        value, self.at = _scan_string(self.text, self.at + 1, True)
        return str(value)

    def key(self) -> str:
        if self.text[self.at] == '"':
            return self.quoted()
        match = BARE_KEY.match(self.text, self.at)
        assert match
        self.at = match.end()
        return match.group()

    def entries(self, left: str, right: str) -> list[_Entry]:
        self.expect(left)
        out: list[_Entry] = []
        while self.text[self.at] != right:
            if out:
                self.expect(",")
            out.append(self.entry())
        self.at += 1
        return out

    def entry(self) -> _Entry:
        key, mark = self.key(), self.text[self.at]
        if mark == ":":
            self.at += 1
            return _Entry(key, _VALUE, self.value())
        if mark == "{":
            return _Entry(key, _GROUP, self.entries("{", "}"))
        if nullable := mark == NULL_MARK:
            self.at += 1
        if self.text[self.at] == "[":
            return _Entry(key, _LISTS, self.entries("[", "]"), nullable)
        if self.text[self.at] != "=":
            return _Entry(key, _COLUMN, None, nullable)
        sign = self.bare()
        if sign in (KEY_MARK, TEXT_MARK):
            return _Entry(key, _KEY if sign == KEY_MARK else _TEXT, None, nullable)
        before, hole, after = sign[1:].partition(HOLE)
        if hole:
            return _Entry(key, _PATTERN, (before, after), nullable)
        before, _, rest = before.partition("<")
        source, end, after = rest.partition(">")
        if not end:
            raise NotationError(f"unknown mark {sign[:40]!r}")
        return _Entry(key, _DERIVED, (before, source, after))

    def plain(self, entries: list[_Entry]) -> dict[str, Any]:
        if _is_header(entries):
            raise NotationError(f"a header without a table before character {self.at}")
        return {entry.key: entry.value for entry in entries}

    def items(self) -> list[Any]:
        self.expect("[")
        if self.text[self.at] == "{" and not self.text.startswith("{{", self.at):
            entries = self.entries("{", "}")
            if _is_header(entries):
                return self.table(entries)
            out: list[Any] = [self.plain(entries)]
        elif self.text[self.at] == "]":
            self.at += 1
            return []
        else:
            out = self.element()
        while self.text[self.at] != "]":
            self.expect(",")
            out += self.element()
        self.at += 1
        return out

    def element(self) -> list[Any]:
        """The next element of a list; several where it is a table with blank lines."""
        value = self.value()
        return list(value) if isinstance(value, _Lists) else [value]

    def table(self, entries: list[_Entry]) -> list[Any]:
        lists: list[Any] = [[]]
        header = _Header(entries)
        while self.text[self.at] != "]":
            self.expect("\n")
            if self.text[self.at] == "\n":
                self.at += 1
                lists.append([])
            first = _ABSENT
            if self.text[self.at] == "{" and not self.text.startswith("{{", self.at):
                entries = self.entries("{", "}")
                if _is_header(entries):
                    header = _Header(entries)
                    continue
                first = self.plain(entries)
            lists[-1].append(self.row(header, None, first))
        self.at += 1
        return lists[0] if len(lists) == 1 else _Lists(lists)

    def keyed_table(self) -> dict[str, Any]:
        self.expect("{")
        header = _Header(self.entries("{", "}"))
        out: dict[str, Any] = {}
        while self.text[self.at] != "}":
            self.expect("\n")
            key = self.key()
            self.expect(":")
            out[key] = self.row(header, key, _ABSENT)
        self.at += 1
        return out

    def row(self, header: _Header, row_key: str | None, first: Any) -> dict[str, Any]:
        """One row; `first` is the value of its first cell where that has been read already."""
        cells: list[Any] = []
        start = self.at
        for n, column in enumerate(header.shown):
            if n:
                self.expect(",")
            if n == 1:
                begun = self.text[start : self.at - 1]
                if self.text.startswith(AGAIN, self.at) and self.text[self.at + 1] in "\n]" and begun in header.begun:
                    self.at += 1
                    cells = header.begun[begun]
                    break
                header.begun.setdefault(begun, cells)
            cells.append(first if n == 0 and first is not _ABSENT else self.cell(column, header.above[n]))
        header.above = cells
        return _build(header.entries, iter(cells), row_key)

    def cell(self, column: _Entry, above: Any) -> Any:
        mark = self.text[self.at]
        if mark in ",\n]}":
            return None if column.nullable else _ABSENT
        if mark == ABOVE and self.text[self.at + 1] in ",\n]}":
            self.at += 1
            return above
        if column.kind == _LISTS and mark == "[":
            return self.tuples(column.value)
        if column.kind in (_COLUMN, _LISTS) or mark in '"{[':
            return self.value()
        text = self.bare()
        if text in WORDS:
            return WORDS[text]
        if self.text[self.at] in "{[":
            return self.atom(text)
        return text if column.kind == _TEXT else column.value[0] + text + column.value[1]

    def tuples(self, entries: list[_Entry]) -> list[Any]:
        header = _Header(entries)
        self.expect("[")
        out: list[Any] = []
        while self.text[self.at] != "]":
            self.expect(",[" if out else "[")
            out.append(self.row(header, None, _ABSENT))
            self.expect("]")
        self.at += 1
        return out


class _Header:
    """A header: its entries, those of them that have cells, and the cells of the rows so far that later ones may repeat."""

    def __init__(self, entries: list[_Entry]) -> None:
        self.entries = entries
        self.shown = list(_shown(entries))
        self.above: list[Any] = [_ABSENT] * len(self.shown)
        self.begun: dict[str, list[Any]] = {}
        """Rows by the text of their first cell."""


class _Lists(list[Any]):
    """The lists of one table with blank lines; they are elements of the list around it."""


def _is_header(entries: list[_Entry]) -> bool:
    return any(entry.kind != _VALUE for entry in entries)


def _shown(entries: list[_Entry]) -> Iterator[_Entry]:
    for entry in entries:
        if entry.kind == _GROUP:
            yield from _shown(entry.value)
        elif entry.kind in _SHOWN:
            yield entry


def _build(entries: list[_Entry], cells: Iterator[Any], row_key: str | None) -> dict[str, Any]:
    out: dict[str, Any] = {}
    derived = [entry for entry in entries if entry.kind == _DERIVED]
    for entry in entries:
        if entry.kind == _VALUE:
            out[entry.key] = entry.value
        elif entry.kind == _KEY:
            out[entry.key] = row_key
        elif entry.kind == _GROUP:
            if inner := _build(entry.value, cells, row_key):
                out[entry.key] = inner
        elif entry.kind == _DERIVED:
            out[entry.key] = None
        elif (value := next(cells)) is not _ABSENT:
            out[entry.key] = value
    for entry in derived:
        before, source, after = entry.value
        if source not in out:
            raise NotationError(f"no value for <{source}>")
        out[entry.key] = f"{before}{out[source]}{after}" if before + after else out[source]
    return out
