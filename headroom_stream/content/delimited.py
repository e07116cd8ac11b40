"""Comma- and tab-separated values, as the tables of `records`: what the rows share is said once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from headroom_stream.config import RecordsConfig
from headroom_stream.content import Compressed, Hints, records

_DELIMITERS = ("\t", ";", ",")
_FIRST_LINES = 8
"""Lines that decide before the whole is read: sentences with commas differ in their number soon."""
_LONGEST_NAME = 60
_QUOTES = re.compile('["\r]')
_NAME = re.compile(r"[^\W\d][^\n]*")
_AT_ONCE = 256
"""Lines whose fields are in memory as lists of their own."""
_REMEMBERED = 2_000
"""Different cells of which one copy is kept for all places: all of them, of columns without repeats, would weigh more than the file."""
_WORTH = 0.8
"""The most that may be left. Who edits such a file wants it as it is, and what is saved has to be worth the other form."""


def compress(text: str, hints: Hints, config: RecordsConfig) -> Compressed | None:
    """`text` as a table with a header, or None if it is none, is short, or would not shrink by a fifth.

    Cells keep their characters; an empty one is an absent key.
    """
    # No file has more rows than line ends.
    if not config.enabled or text.count("\n") < config.factored_rows or (columns := parse(text)) is None:
        return None
    if len(next(iter(columns.values()))) < config.factored_rows:
        return None
    out = records.write_columns(columns, config, hints.query)
    return Compressed(text=out, kind="records", lossless=True) if len(out) <= _WORTH * len(text) else None


def parse(text: str) -> dict[str, list[str]] | None:
    """The cells of each column, as `records.write_columns` takes them; None unless every line has as many fields as the first has names."""
    first = text[: text.find("\n") + 1] if "\n" in text else ""
    for delimiter in _DELIMITERS:
        width = first.count(delimiter) + 1
        if width < 2:
            continue
        begin = text.split("\n", _FIRST_LINES)[:-1]
        if '"' not in "".join(begin) and any(line.count(delimiter) + 1 != width for line in begin):
            continue
        rows = _quoted(text, delimiter) if _QUOTES.search(text) else _plain(text, delimiter)
        if (columns := _columns(rows)) is not None:
            return columns
    return None


def _columns(rows: Iterator[list[str]]) -> dict[str, list[str]] | None:
    """The rows under the first one by its names; None where there are no others, or they have not as many fields."""
    names = next(rows, [])
    if not _are_names(names):
        return None
    out: dict[str, list[str]] = {name: [] for name in names}
    known: dict[str, str] = {}
    while block := list(islice(rows, _AT_ONCE)):
        if any(len(row) != len(names) for row in block):
            return None
        if len(known) > _REMEMBERED:
            known = {}
        for cells, more in zip(out.values(), zip(*block, strict=True), strict=True):
            cells.extend(map(known.setdefault, more, more))
    return out if any(out.values()) else None


def _plain(text: str, delimiter: str) -> Iterator[list[str]]:
    """The fields of each line."""
    at, end = 0, len(text.rstrip("\n"))
    while at <= end:
        stop = text.find("\n", at, end)
        line = text[at : stop if stop >= 0 else end]
        yield line.split(delimiter)
        at += len(line) + 1


def _quoted(text: str, delimiter: str) -> Iterator[list[str]]:
    """The fields of each row of a text with quotes (RFC 4180). A row without fields where the quotes do not pair: no row is like that."""
    match = re.compile(rf'("(?:[^"]|"")*+"|[^"{delimiter}\r\n]*+)({delimiter}|\r?\n|\Z)').match
    row: list[str] = []
    at = 0
    while at < len(text):
        if (found := match(text, at)) is None:
            yield []
            return
        field, end = found.groups()
        at = found.end()
        row.append(field[1:-1].replace('""', '"') if field[:1] == '"' else field)
        if end != delimiter:
            if row != [""]:
                yield row
            row = []
    if row:
        yield row


def _are_names(cells: list[str]) -> bool:
    return len(set(cells)) == len(cells) and all(len(cell) <= _LONGEST_NAME and _NAME.fullmatch(cell) for cell in cells)
