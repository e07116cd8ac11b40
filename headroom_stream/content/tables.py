"""Objects that share keys, as columns: which keys become columns, which stand once in the header.

Every decision looks at keys alone, once for each level of nesting, so that the work grows with the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from msgspec import Struct

from headroom_stream.content.notation import KEY_MARK, write_key

_SAYS_LITTLE = re.compile(r'null|true|false|""|-?[0-9]{1,2}|[a-z]{1,12}|.{17,}', re.DOTALL)
"""Constants that leave the rows for the header: flags, plain words, and what is long. A date, code or name stays in each row,
beside the values it belongs to: a reader who looks a row up does not look at the header, and 3 % of the facts were lost so."""


class Column(Struct):
    """One key of the rows, with the text of its cell in each; an absent key has an empty cell."""

    key: str
    cells: list[str]
    constant: bool = False
    is_row_key: bool = False


class Group(Struct):
    """A nested object: the columns of its keys."""

    key: str
    parts: list[Column | Group]


def worth_columns(rows: list[dict[str, Any]], filled: int) -> bool:
    """Whether columns for these objects cost less than the keys they save, in tokens as guessed from the length of the keys.

    `filled` is the number of keys in all rows. Half-empty tables are refused: a reader loses count of their commas, and
    the number of cells would grow faster than the text.
    """
    keys: dict[str, None] = {}
    for row in rows:
        keys.update(dict.fromkeys(row))
    cells = len(keys) * len(rows)
    # A single column with an absent cell would show as a blank line, which has a meaning of its own.
    if not keys or cells > 2 * filled or (len(keys) == 1 and filled < len(rows)):
        return False
    header = sum(2 + len(key) // 6 for key in keys)
    inline = sum(2 + len(key) // 6 for row in rows for key in row)
    return header + (cells - filled) + 2 < inline


def columns(rows: list[dict[str, Any]], cell: Callable[[Any], str], row_keys: list[str] | None = None) -> list[Column | Group]:
    """The columns of `rows`, keys in the order in which they first appear; `cell` writes a value.

    A key whose values are objects becomes a group where that pays. A column with one and the same text everywhere is
    constant where `_SAYS_LITTLE`, one that repeats `row_keys` is marked so.
    """
    out: list[Column | Group] = []
    for key in dict.fromkeys(key for row in rows for key in row):
        present = [row[key] for row in rows if key in row]
        # An empty object in a group would read like an absent one.
        if all(type(value) is dict and value for value in present):
            inner = [row.get(key, {}) for row in rows]
            if worth_columns(inner, sum(map(len, inner))):
                out.append(Group(key=key, parts=columns(inner, cell)))
                continue
        column = Column(key=key, cells=[cell(row[key]) if key in row else "" for row in rows])
        if row_keys is not None and len(present) == len(rows) and present == row_keys and all(type(v) is str for v in present):
            column.is_row_key = True
        else:
            first = column.cells[0]
            column.constant = _SAYS_LITTLE.fullmatch(first) is not None and column.cells.count(first) == len(rows)
        out.append(column)
    return out


def leaves(parts: Iterable[Column | Group]) -> Iterator[Column]:
    """The columns under `parts`, in order."""
    for part in parts:
        if isinstance(part, Group):
            yield from leaves(part.parts)
        else:
            yield part


def varying(parts: list[Column | Group], least: int) -> list[Column]:
    """The columns that the rows show. At least `least` of them if there are as many: constants are freed from the front."""
    found = list(leaves(parts))
    missing = least - sum(not (column.constant or column.is_row_key) for column in found)
    for column in found:
        if missing > 0 and (column.constant or column.is_row_key):
            column.constant = column.is_row_key = False
            missing -= 1
    return [column for column in found if not (column.constant or column.is_row_key)]


def header(parts: list[Column | Group]) -> str:
    """`{id,status:open,seats{economy,business}}`."""
    out = []
    for part in parts:
        name = write_key(part.key)
        if isinstance(part, Group):
            out.append(name + header(part.parts))
        elif part.is_row_key:
            out.append(name + KEY_MARK)
        else:
            out.append(f"{name}:{part.cells[0]}" if part.constant else name)
    return "{" + ",".join(out) + "}"
