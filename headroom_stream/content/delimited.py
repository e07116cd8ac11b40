"""Comma- and tab-separated values, as the tables of `records`: what the rows share is said once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from headroom_stream.config import RecordsConfig
from headroom_stream.content import Compressed, Hints, records
from headroom_stream.content.notation import NUMBER, WORDS

_DELIMITERS = ("\t", ";", ",")
_FIRST_LINES = 8
"""Lines that decide before the whole is read: sentences with commas differ in their number soon."""
_LONGEST_NAME = 60
_QUOTES = re.compile('["\r]')
_NAME = re.compile(r"[^\W\d][^\n]*")
_WORTH = 0.8
"""The most that may be left. Who edits such a file wants it as it is, and what is saved has to be worth the other form."""


def compress(text: str, hints: Hints, config: RecordsConfig) -> Compressed | None:
    """`text` as a table with a header, or None if it is none, is short, or would not shrink by a fifth.

    Cells keep their characters; an empty one is an absent key.
    """
    if not config.enabled or (rows := parse(text)) is None or len(rows) < config.factored_rows:
        return None
    out = records.write(rows, config, hints.query)
    return Compressed(text=out, kind="records", lossless=True) if len(out) <= _WORTH * len(text) else None


def parse(text: str) -> list[dict[str, Any]] | None:
    """The rows under a line of names, as `records.write` takes them; None unless every line has as many fields as there are names."""
    first = text[: text.find("\n") + 1] if "\n" in text else ""
    for delimiter in _DELIMITERS:
        width = first.count(delimiter) + 1
        begin = text.split("\n", _FIRST_LINES)[:-1]
        if width < 2 or ('"' not in "".join(begin) and any(line.count(delimiter) + 1 != width for line in begin)):
            continue
        lines = (
            (line.split(delimiter) for line in text.rstrip("\n").split("\n"))
            if not _QUOTES.search(text)
            else iter(_quoted(text, delimiter))
        )
        if (rows := _rows(lines)) is not None:
            return rows
    return None


def _rows(lines: Iterator[list[str]]) -> list[dict[str, Any]] | None:
    """The lines under the first one by its names; None where there are no others, or they have not as many fields."""
    names = next(lines, [])
    if not _are_names(names):
        return None
    known: dict[str, Any] = {}
    out: list[dict[str, Any]] = []
    for line in lines:
        if len(line) != len(names):
            return None
        for cell in line:
            if cell not in known:
                known[cell] = records.NumberText(cell) if NUMBER.fullmatch(cell) or cell in WORDS else cell
        out.append({name: known[cell] for name, cell in zip(names, line, strict=True) if cell})
    return out or None


def _quoted(text: str, delimiter: str) -> list[list[str]]:
    """The fields of a text with quotes (RFC 4180), none where they do not pair."""
    match = re.compile(rf'("(?:[^"]|"")*+"|[^"{delimiter}\r\n]*+)({delimiter}|\r?\n|\Z)').match
    out: list[list[str]] = [[]]
    at = 0
    while at < len(text):
        if (found := match(text, at)) is None:
            return []
        field, end = found.groups()
        at = found.end()
        out[-1].append(field[1:-1].replace('""', '"') if field[:1] == '"' else field)
        if end != delimiter:
            out.append([])
    return [line for line in out if line not in ([], [""])]


def _are_names(cells: list[str]) -> bool:
    return len(set(cells)) == len(cells) and all(len(cell) <= _LONGEST_NAME and _NAME.fullmatch(cell) for cell in cells)
