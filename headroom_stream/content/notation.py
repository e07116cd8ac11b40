"""The compact notation of JSON values that `records` writes: which strings stand without quotes, and reading it back.

It is JSON with four liberties:

- a string or key that cannot be mistaken for anything else stands without quotes: `{cabin:economy,price:464,zip:"32131"}`;
- a list of objects is a header and rows: `[{id,status:open,seats{economy,business}}` and then `A1,17,1` a line. A key with a value
  in the header has that value in every row, a key with braces is a nested object, an empty cell is an absent key;
- an object of objects is the same with a key before each row: `{{owner,id=key}` and then `A1:Ann`; `id=key` repeats the row's key;
- a list of such lists has one header, and a blank line between its lists.
"""

from __future__ import annotations

import json
import re
from typing import Any

from headroom_stream.errors import HeadroomError

NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
KEY_MARK = "=key"
"""Stands after a column whose value is the key of its row, in a table made of an object of objects."""

_NOT_IN_VALUES = re.compile(r'[,{}\[\]"\\]|: ')
_NOT_IN_KEYS = re.compile(r'[,{}\[\]"\\:=]')
_BARE = re.compile(r"[^,{}\[\]\"\\\n]*")
_BARE_KEY = re.compile(r"[^,{}\[\]\"\\\n:=]*")
_LONGEST_BARE = 80
"""Longer strings are prose: quotes show a reader where they end, and cost next to nothing."""
_WORDS = {"true": True, "false": False, "null": None}
_scan_string = json.decoder.scanstring  # type: ignore[attr-defined]  # public in the json package's source, absent from its stubs


class NotationError(HeadroomError):
    """The text is not of this notation. Only text that `records.compress` wrote can be restored."""


def quoted(text: str) -> str:
    """`text` as a JSON string; only lone surrogates, which no encoding of Unicode takes, are escaped beyond need."""
    out = json.dumps(text, ensure_ascii=False)
    return out if out.isprintable() or not re.search("[\ud800-\udfff]", out) else json.dumps(text)


def write_string(text: str) -> str:
    """A string value: bare where nothing else could be meant, else JSON."""
    if (
        0 < len(text) <= _LONGEST_BARE
        and text.isprintable()
        and not _NOT_IN_VALUES.search(text)
        and text[0] != " "
        and text[-1] != " "
        and text not in _WORDS
        and not NUMBER.fullmatch(text)
    ):
        return text
    return quoted(text)


def write_key(key: str) -> str:
    """A key of an object: bare where possible. A key is always a string, so that `404` needs no quotes."""
    if 0 < len(key) <= _LONGEST_BARE and key.isprintable() and key == key.strip(" ") and not _NOT_IN_KEYS.search(key):
        return key
    return quoted(key)


def read(text: str) -> Any:
    """The value that `text` stands for. Raises NotationError for anything that was not written by `records.compress`."""
    try:
        return _Reader(text).whole()
    except (IndexError, ValueError, RecursionError) as error:
        raise NotationError(f"not in the compact notation: {error}") from error


# One entry of `{...}`: its key and what follows it. An object has values only; anything else makes it a header of columns.
_VALUE, _COLUMN, _GROUP, _KEY = range(4)
_Entry = tuple[str, int, Any]


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

    def value(self) -> Any:
        mark = self.text[self.at]
        if mark == '"':
            return self.quoted()
        if mark == "{":
            return self.keyed_table() if self.text.startswith("{{", self.at) else self.plain(self.entries())
        if mark == "[":
            return self.items()
        match = _BARE.match(self.text, self.at)
        assert match
        self.at = match.end()
        return _atom(match.group())

    def quoted(self) -> str:
        value, self.at = _scan_string(self.text, self.at + 1, True)
        return str(value)

    def key(self) -> str:
        if self.text[self.at] == '"':
            return self.quoted()
        match = _BARE_KEY.match(self.text, self.at)
        assert match
        self.at = match.end()
        return match.group()

    def entries(self) -> list[_Entry]:
        self.expect("{")
        out: list[_Entry] = []
        while self.text[self.at] != "}":
            if out:
                self.expect(",")
            key, mark = self.key(), self.text[self.at]
            if mark == ":":
                self.at += 1
                out.append((key, _VALUE, self.value()))
            elif mark == "{":
                out.append((key, _GROUP, self.entries()))
            elif self.text.startswith(KEY_MARK, self.at):
                self.at += len(KEY_MARK)
                out.append((key, _KEY, None))
            else:
                out.append((key, _COLUMN, None))
        self.at += 1
        return out

    def plain(self, entries: list[_Entry]) -> dict[str, Any]:
        if any(kind != _VALUE for _, kind, _ in entries):
            raise NotationError(f"a header without a table before character {self.at}")
        return {key: value for key, _, value in entries}

    def items(self) -> list[Any]:
        self.expect("[")
        if self.text[self.at] == "{" and not self.text.startswith("{{", self.at):
            entries = self.entries()
            if any(kind != _VALUE for _, kind, _ in entries):
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

    def table(self, header: list[_Entry]) -> list[Any]:
        lists: list[Any] = [[]]
        while self.text[self.at] != "]":
            self.expect("\n")
            if self.text[self.at] == "\n":
                self.at += 1
                lists.append([])
            lists[-1].append(self.row(header, None))
        self.at += 1
        return lists[0] if len(lists) == 1 else _Lists(lists)

    def keyed_table(self) -> dict[str, Any]:
        self.expect("{")
        header = self.entries()
        out: dict[str, Any] = {}
        while self.text[self.at] != "}":
            self.expect("\n")
            key = self.key()
            self.expect(":")
            out[key] = self.row(header, key)
        self.at += 1
        return out

    def row(self, header: list[_Entry], row_key: str | None) -> dict[str, Any]:
        self.first_cell = True
        return self.part(header, row_key)

    def part(self, header: list[_Entry], row_key: str | None) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for key, kind, value in header:
            if kind == _VALUE:
                out[key] = value
            elif kind == _KEY:
                out[key] = row_key
            elif kind == _GROUP:
                if inner := self.part(value, row_key):
                    out[key] = inner
            else:
                if not self.first_cell:
                    self.expect(",")
                if self.text[self.at] not in ",\n]}":
                    out[key] = self.value()
                self.first_cell = False
        return out


class _Lists(list[Any]):
    """The lists of one table with blank lines; they are elements of the list around it."""


def _atom(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if NUMBER.fullmatch(text):
        return int(text) if text.lstrip("-").isdigit() else float(text)
    return text
