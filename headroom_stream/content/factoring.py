"""What the cells of a column have in common, said once in the header: for long lists, whose header a reader has at hand.

Works on the text of the cells as they will be shown, column by column, so that the work grows with the text. Rows that a reader is likely
to look for stay whole.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cached_property

from headroom_stream.content.notation import ABOVE, HOLE, NULL_MARK, NUMBER, TEXT_MARK, WORDS, is_bare, quoted, write_key
from headroom_stream.content.tables import Column, Group, Parts

_EDGE = re.compile(r"(?s:.*)(?:[/=?#]|::|(?<=[0-9]{4}-[0-9]{2}-[0-9]{2})[T ])")
"""The last place where a beginning may end: a step of a path or address, or the day of a time. What is left is a name or a time of day,
which says something by itself; half a date does not."""
_TAIL_EDGE = re.compile(r"(?s:.*)[/?.]")
"""The same for an end, read backwards."""
_PIECES = re.compile(r"[A-Za-z]{1,8}|[0-9]{1,3}|[^\sA-Za-z0-9]{1,3}|[^\S ]")
_LEAST_SAVED = 4
"""Tokens that must leave every cell before a reader is asked to put a value together from two places."""
_LEAST_REPEATED = 3
"""Tokens of a cell that is worth saying `^` for, which costs two."""
_SOURCES = 12
"""Columns tried as the varying part of another, so that wide tables do not cost their width squared."""
_LEAST_NULLS = 3
"""Nulls in a column that is worth a `?`."""
_USUAL = 0.9
_UNUSUAL = 0.02
"""Of the rows: values that so few or fewer share, where nearly all others share one."""
_LEAST_NAMED = 4
"""Characters of a value by which a query may name a row."""
_QUERY = 4000
"""Characters of the query in which values of rows are looked for."""


def guess_tokens(text: str) -> int:
    """About how many tokens a text has, by classes of characters."""
    return len(_PIECES.findall(text))


def derive(parts: Parts) -> None:
    """Takes columns out of the rows that follow from another of the same object: `url=https://example.com/<login>`."""
    flat = [part for part in parts if isinstance(part, Column) and part.shown and not part.mark]
    for part in parts:
        if isinstance(part, Group):
            derive(part.parts)
    addresses = [column for column in flat if guess_tokens(column.cells[0]) >= _LEAST_SAVED and all(map(_plain, column.cells))]
    if not addresses:
        return
    sources = [column for column in flat if _names(column) and all(map(_plain, column.cells))][:_SOURCES]
    sources.sort(key=lambda column: len(column.cells[0]))  # the shortest, or an address would be the source of another
    used: list[str] = []
    for column in addresses:
        # What another column is read from has to be seen itself.
        if column.key in used:
            continue
        for source in sources:
            if source.key != column.key and source.shown and (sign := _derived(column, source)) is not None:
                column.mark, column.shown = sign, False
                used.append(source.key)
                break


def factor(columns: list[Column], whole: set[int]) -> None:
    """Says once what the shown columns repeat: nulls, common beginnings and ends, cells equal to the one above.

    Rows in `whole` keep their values complete.
    """
    for place, column in enumerate(columns):
        if not column.mark:
            _share(column, whole)
            if not column.mark and place in (0, len(columns) - 1):
                _as_text(column)
        if "" not in column.cells and len(columns) > 1 and column.cells.count("null") >= _LEAST_NULLS:
            column.mark = NULL_MARK + column.mark
            column.cells = ["" if cell == "null" else cell for cell in column.cells]
        _repeat(column, whole)


class Query:
    """What is asked for, cut at a bound, and the beginnings that a value in it can have."""

    def __init__(self, text: str) -> None:
        self.text = text[:_QUERY]

    @cached_property
    def begins(self) -> set[str]:
        """Most values have no list that is long enough to ask."""
        return {self.text[at : at + _LEAST_NAMED] for at in range(len(self.text) - _LEAST_NAMED + 1)}

    def names(self, cell: str) -> bool:
        """Whether a cell's value stands in it."""
        value = cell.strip('"')
        return value[:_LEAST_NAMED] in self.begins and value in self.text


def standing_out(columns: list[Column], query: Query) -> set[int]:
    """Rows that a reader is likely to look for: the query names one of their values, or they alone differ from all others."""
    out: set[int] = set()
    for column in columns:
        counts = Counter(column.cells)
        usual, most = counts.most_common(1)[0]
        few = max(2, int(_UNUSUAL * len(column.cells)))
        told: set[str] = set()
        if most >= _USUAL * len(column.cells):
            told.update(cell for cell, count in counts.items() if cell != usual and count <= few)
        if query.begins:
            told.update(cell for cell, count in counts.items() if count <= few and query.names(cell))
        if told:
            out.update(at for at, cell in enumerate(column.cells) if cell in told)
    return out


def _plain(cell: str) -> bool:
    """Whether a cell is a string without quotes, or a whole number."""
    return (
        bool(cell)
        and cell not in WORDS
        and cell[0] not in '"{['
        and cell[-1] not in "]}"
        and not (NUMBER.fullmatch(cell) and (not cell.lstrip("-").isdigit() or cell == "-0"))
    )


def _names(column: Column) -> bool:
    """Whether a column can stand in the address of another: its name fits between angle brackets."""
    return write_key(column.key) == column.key and not re.search(f"[<>{HOLE}]", column.key)


def _derived(column: Column, source: Column) -> str | None:
    """`=before<source>after`, where that holds in every row."""
    first, value = column.cells[0], source.cells[0]
    at = first.find(value)
    if at < 0 or (len(value) < 2 and guess_tokens(first) < 2 * _LEAST_SAVED):
        return None
    before, after = first[:at], first[at + len(value) :]
    # With words around it a value is a string; a number is only ever the same number.
    if before + after and any(map(NUMBER.fullmatch, column.cells)):
        return None
    # Within a word or a number the name of another column would be hard to read.
    if before[-1:].isalnum() or after[:1].isalnum():
        return None
    if re.search(f"[<>{HOLE}]", before + after) or not all(
        cell == f"{before}{value}{after}" for cell, value in zip(column.cells, source.cells, strict=True)
    ):
        return None
    return f"={before}<{source.key}>{after}"


def _share(column: Column, whole: set[int]) -> None:
    """A common beginning and end of all strings of a column moves to the header, where that saves enough."""
    strings = [cell for cell in column.cells if cell and cell[0] not in '"{[' and cell not in WORDS]
    if len(strings) < 2 or any(NUMBER.fullmatch(cell) or cell[-1] in "]}" for cell in strings):
        return
    before = _cut(_EDGE, common_beginning(strings))
    room = min(map(len, strings)) - len(before)
    after = _cut(_TAIL_EDGE, common_beginning([cell[::-1] for cell in strings])[: max(room, 0)])[::-1]
    if guess_tokens(after) < _LEAST_SAVED:
        after = ""  # the kind of a file is part of its name
    if guess_tokens(before) + guess_tokens(after) < _LEAST_SAVED or re.search(f"[<>{HOLE}]", before + after):
        return
    cut = slice(len(before), -len(after) if after else None)
    cells = []
    for at, cell in enumerate(column.cells):
        if not cell or cell[0] in '"{[' or cell in WORDS:
            cells.append(cell)
        else:
            rest = cell[cut]
            cells.append(quoted(cell) if at in whole or not is_bare(rest) or rest in WORDS else rest)
    column.cells = cells
    column.mark = f"={before}{HOLE}{after}"


def common_beginning(strings: list[str]) -> str:
    """The beginning that all have in common: what the first and the last of them in their order have."""
    low, high = min(strings), max(strings)
    start, end = 0, min(len(low), len(high))
    while start < end:
        middle = (start + end + 1) // 2
        if low[start:middle] == high[start:middle]:
            start = middle
        else:
            end = middle - 1
    return low[:start]


def _cut(edge: re.Pattern[str], text: str) -> str:
    """`text` up to its last edge, so that no word, number or date is torn."""
    found = edge.match(text)
    return found.group() if found else ""


def _as_text(column: Column) -> None:
    """Digit strings lose their quotes in a column that has no numbers; at the ends of a line quotes cost tokens."""
    digits = [cell for cell in column.cells if cell[:1] == '"' and NUMBER.fullmatch(cell[1:-1])]
    if len(digits) < 2 or any(NUMBER.fullmatch(cell) for cell in column.cells):
        return
    column.cells = [cell[1:-1] if cell[:1] == '"' and NUMBER.fullmatch(cell[1:-1]) else cell for cell in column.cells]
    column.mark = TEXT_MARK


def _repeat(column: Column, whole: set[int]) -> None:
    """`^` for a long cell equal to the one above."""
    cells = column.cells
    costs: dict[str, bool] = {}
    out = cells[:1]
    for at in range(1, len(cells)):
        cell = cells[at]
        if cell != cells[at - 1] or at in whole:
            out.append(cell)
            continue
        if cell not in costs:
            costs[cell] = guess_tokens(cell) >= _LEAST_REPEATED
        out.append(ABOVE if costs[cell] else cell)
    column.cells = out
