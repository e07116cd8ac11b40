"""Just enough of ClickHouse's lexer to tell the statement of a request from the data that follows it."""

from __future__ import annotations

import re

from msgspec import Struct

_TOKEN = re.compile(
    rb"""
    (?P<skip>\s+|--[^\n]*|/\*.*?\*/)
  | (?P<quoted>'(?:[^'\\]|\\.|'')*'|`(?:[^`\\]|\\.)*`|"(?:[^"\\]|\\.)*")
  | (?P<word>[A-Za-z_][A-Za-z_0-9]*)
  | (?P<open>[(\[{])
  | (?P<close>[)\]}])
  | (?P<other>[0-9][0-9A-Za-z_.]*|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_DATA_STARTS = re.compile(rb"[ \t\f]*\r?\n?")
"""One line end at most: Native data may itself begin with a byte that looks like white space."""
_KEEPS = (b"SET", b"USE", b"CREATE TEMPORARY", b"CREATE OR REPLACE TEMPORARY")


class Statement(Struct, frozen=True):
    """What a request asks for."""

    head: bytes
    """The statement; without the FORMAT clause if data follows."""
    format: str | None
    """Named in the FORMAT clause."""
    data: bytes | None
    """Rows to insert, in `format`; None: the statement stands for itself."""
    changes_session: bool
    """SET, USE and temporary tables matter only to later requests of the same session."""


def read_statement(text: bytes) -> Statement:
    """Split `text`. An INSERT with VALUES or SELECT is left whole, as the engine reads it by itself."""
    words: list[bytes] = []
    depth = 0
    insert = False
    named: str | None = None
    at = 0
    format_at: int | None = None
    while found := _TOKEN.match(text, at):
        at = found.end()
        kind = found.lastgroup
        if kind == "open":
            depth += 1
        elif kind == "close":
            depth -= 1
        if kind == "skip":
            continue
        if format_at is not None and kind == "word":
            named = found.group().decode()
            if insert:
                data = text[_DATA_STARTS.match(text, at).end() :]  # type: ignore[union-attr]  # the pattern matches the empty string
                return Statement(text[:format_at], named, data, changes_session=False)
            format_at = None
            continue
        format_at = None
        if kind != "word" or depth > 0:
            if not words and kind != "open":
                words.append(b"")
            continue
        word = found.group().upper()
        if len(words) < 4:
            words.append(word)
            insert = words[0] == b"INSERT"
        if word == b"FORMAT":
            format_at = found.start()
        elif insert and word in (b"VALUES", b"SELECT", b"WITH"):
            # What follows may be long and is the engine's to read; a FORMAT clause after SELECT has no data of ours.
            insert = False
            if word == b"VALUES":
                break
    start = b" ".join(words)
    keeps = any(start == k or start.startswith(k + b" ") for k in _KEEPS)
    return Statement(text, named, None, changes_session=keeps)
