"""Objects that share keys, as columns: which keys become columns, which stand once in the header.

Whether a table is worth it is decided by keys alone, once for each level of nesting, so that the work grows with the text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from msgspec import Struct

from headroom_stream.content.notation import KEY_MARK, write_key

_SAYS_LITTLE = re.compile(r'null|true|false|""|-?[0-9]{1,2}|[a-z]{1,12}|.{17,}', re.DOTALL)
"""Constants that leave the rows of a short list for the header: flags, plain words, and what is long. A date, code or name stays in
each row, beside the values it belongs to: a reader who looks a row up does not look at the header, and 3 % of the facts were lost so."""


class Column(Struct):
    """One key of the rows, with the text of its cell in each; an absent key has an empty cell."""

    key: str
    cells: list[str]
    mark: str = ""
    """What follows the key in the header: `:` and a constant, `=key`, `[…]` of a list, or what `factoring` finds."""
    shown: bool = True
    """Whether the rows have a cell of it."""


class Group(Struct):
    """A nested object: the columns of its keys."""

    key: str
    parts: list[Column | Group]


Parts = list[Column | Group]


def key_cost(key: str) -> int:
    """Tokens of a key with its punctuation, as guessed from its length."""
    return 2 + len(key) // 6


def worth_columns(rows: list[dict[str, Any]], filled: int) -> bool:
    """Whether columns for these objects cost less than the keys they save, in tokens as guessed from the length of the keys.

    `filled` is the number of keys in all rows. Half-empty tables are refused: a reader loses count of their commas, and
    the number of cells would grow faster than the text.
    """
    shapes = Counter(map(tuple, rows))
    keys = dict.fromkeys(key for shape in shapes for key in shape)
    cells = len(keys) * len(rows)
    # A single column with an absent cell would show as a blank line, which has a meaning of its own.
    if not keys or cells > 2 * filled or (len(keys) == 1 and filled < len(rows)):
        return False
    header = sum(map(key_cost, keys))
    inline = sum(count * sum(map(key_cost, shape)) for shape, count in shapes.items())
    return header + (cells - filled) + 2 < inline


Cell = Callable[[Any, int], str]
"""Writes a value, given how many levels of nesting are left to it."""


def columns(
    rows: list[dict[str, Any]], cell: Cell, levels: int, row_keys: list[str] | None = None, *, factored: bool = False
) -> Parts:
    """The columns of `rows`, keys in the order in which they first appear, nested by `levels` at most.

    A key whose values are objects becomes a group where that pays, one whose values are lists of objects shares their keys. A column
    with one and the same text everywhere stands in the header if `factored` or where `_SAYS_LITTLE`, one that repeats `row_keys` is
    marked so.
    """
    out: Parts = []
    for key in dict.fromkeys(key for row in rows for key in row):
        present = [row[key] for row in rows if key in row]
        # An empty object in a group would read like an absent one.
        if levels > 0 and all(type(value) is dict and value for value in present):
            inner = [row.get(key, {}) for row in rows]
            if worth_columns(inner, sum(map(len, inner))):
                out.append(Group(key=key, parts=columns(inner, cell, levels - 1, factored=factored)))
                continue
        column = _lists(key, rows, cell, levels) if levels > 1 and type(present[0]) is list else None
        if column is None:
            column = Column(key=key, cells=[cell(row[key], levels) if key in row else "" for row in rows])
        if row_keys is not None and len(present) == len(rows) and present == row_keys and all(type(v) is str for v in present):
            column.mark, column.shown = KEY_MARK, False
        elif not column.mark:
            free_constant(column, factored=factored)
        out.append(column)
    return out


def free_constant(column: Column, *, factored: bool) -> None:
    """Moves the text of a column to the header where it is the same in every row, if `factored` or where `_SAYS_LITTLE`."""
    first = column.cells[0]
    if (factored or _SAYS_LITTLE.fullmatch(first)) and first and column.cells.count(first) == len(column.cells):
        column.mark, column.shown = f":{first}", False


def _lists(key: str, rows: list[dict[str, Any]], cell: Cell, levels: int) -> Column | None:
    """The column of a key whose values are lists of objects with common keys: `legs[from,to]` over cells `[[ROM,OSL],[OSL,ROM]]`."""
    present = [row[key] for row in rows if key in row]
    if not all(type(value) is list for value in present) or sum(map(bool, present)) < 2:
        return None
    inner = [item for value in present for item in value]
    if not all(type(item) is dict for item in inner) or not worth_columns(inner, sum(map(len, inner))):
        return None
    parts = columns(inner, cell, levels - 2)
    shown = varying(parts, 1)
    tuples = iter(zip(*(column.cells for column in shown), strict=True))
    cells = ["[" + ",".join(f"[{','.join(next(tuples))}]" for _ in row[key]) + "]" if key in row else "" for row in rows]
    return Column(key=key, cells=cells, mark=f"[{header(parts)[1:-1]}]")


def leaves(parts: Iterable[Column | Group]) -> Iterator[Column]:
    """The columns under `parts`, in order."""
    for part in parts:
        if isinstance(part, Group):
            yield from leaves(part.parts)
        else:
            yield part


def varying(parts: Parts, least: int) -> list[Column]:
    """The columns that the rows show. At least `least` of them if there are as many: constants are freed from the front."""
    found = list(leaves(parts))
    missing = least - sum(column.shown for column in found)
    for column in found:
        if missing > 0 and not column.shown:
            column.mark, column.shown = "", True
            missing -= 1
    return [column for column in found if column.shown]


def header(parts: Parts) -> str:
    """`{id,status:open,seats{economy,business}}`."""
    out = [write_key(part.key) + (header(part.parts) if isinstance(part, Group) else part.mark) for part in parts]
    return "{" + ",".join(out) + "}"
