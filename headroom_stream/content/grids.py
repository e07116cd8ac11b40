"""Tables that commands and databases print, without their padding and borders: a line a row.

- rows of a query as Python prints them, `[('Oslo', 4), ('Rome', 5)]`: `Oslo,4`. A string keeps its quotes where it would read as
  something else without them; moments and decimals are written as databases do.
- grids with borders, of MySQL, PostgreSQL, Markdown and box drawings: `id|name`, the header first.
- columns under a line of names, as of `ps` and `df`: one blank, or two where names or cells hold blanks.

Of many rows the first and the last stay, and those that the query names.
"""

from __future__ import annotations

import re

from headroom_stream.config.policy import TablesConfig
from headroom_stream.content import Compressed, Hints
from headroom_stream.content.literals import value_of_call
from headroom_stream.content.named import Named

_TUPLES = re.compile(r"\s*\[\((?=['\"0-9NTFDdb-])")
_CELL = re.compile(
    r"""'(?:[^'\\\n]|\\.)*+' | "(?:[^"\\\n]|\\.)*+" | b'(?:[^'\\\n]|\\.)*+' | -?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)? | None | True | False
    | (?:Decimal|datetime\.(?:date|datetime|time|timedelta)|UUID)\([^()\n]{0,100}\)""",
    re.VERBOSE,
)
_PLAIN = re.compile(r"(?![0-9.+-]|None$|True$|False$|Decimal\(|datetime\.|UUID\()[^,'\"\\\n\s](?:[^,'\"\\\n]*[^,'\"\\\n\s])?")
_BORDER = re.compile(r"[+|:=\s─━┄┼╪╋┬┴├┤╞╡┌┐└┘╭╮╰╯┏┓┗┛┡┩╇┳┻┣┫-]*[-=─━┄]{2}[+|:=\s─━┄┼╪╋┬┴├┤╞╡┌┐└┘╭╮╰╯┏┓┗┛┡┩╇┳┻┣┫-]*")
_RULE = re.compile(r"\s*[-=:\s]*")
"""A line of dashes alone underlines a heading; a border has crossings."""
_BAR = re.compile(r"\s*[|│┃]\s*")
_COLUMN_NAMES = re.compile(r"\s*[A-Z%#][\w%#./:()-]*(?:\s+[\w%#./:()-]+){2,20}\s*")
_WIDE = re.compile(r"\s{2,}")
_BLANKS = re.compile(r"\s+")
_PADDED = re.compile(r"\S {2,}\S.{0,2000}?\S {2,}\S")
"""A line with two gaps at least, as rows of a table have them."""
_PADDED_SHARE = 0.8
_LEAST_ROWS = 3
_TAIL = 5
_WORTH = 0.75
"""The most that may be left by a cut of rows."""


def compress(text: str, hints: Hints, config: TablesConfig) -> Compressed | None:
    """`text` as plain rows, or None if it is no table or would not get shorter."""
    if not config.enabled:
        return None
    if _TUPLES.match(text):
        lines = _tuples(text)
    elif "\n" in text:
        source = text.split("\n")
        lines = (_bordered(source) if any(bar in text for bar in "|│┃") else None) or _aligned(source)
    else:
        lines = None
    if lines is None:
        return None
    short = "\n".join(lines)
    if len(lines) > config.rows + _TAIL:
        named = Named(hints.query, hints.intent).lines(lines)
        kept = [at for at in range(len(lines)) if at < config.rows or at >= len(lines) - _TAIL or at in named]
        cut = "\n".join([lines[at] for at in kept])
        if len(cut) <= _WORTH * len(short):
            return Compressed(text=cut, kind="tables", lossless=False, removed=f"{len(lines) - len(kept)} rows")
    return Compressed(text=short, kind="tables", lossless=True) if len(short) < len(text) else None


def _tuples(text: str) -> list[str] | None:
    """The rows of a list of tuples, all of one width; None for any other text."""
    at = text.index("[") + 1
    rows: list[str] = []
    width = 0
    end = len(text.rstrip()) - 1
    if text[end] != "]":
        return None
    while at < end:
        if rows:
            if not text.startswith(", ", at):
                return None
            at += 2
        if text[at] != "(":
            return None
        at += 1
        cells: list[str] = []
        while text[at] != ")":
            if cells:
                if text[at] != ",":
                    return None
                at += 1
                if text[at] == ")":
                    break
                if text[at] != " ":
                    return None
                at += 1
            cell = _CELL.match(text, at)
            if cell is None:
                return None
            cells.append(_written(cell.group()))
            at = cell.end()
        at += 1
        if not cells or (rows and len(cells) != width):
            return None
        width = len(cells)
        rows.append(",".join(cells))
    return rows if len(rows) >= _LEAST_ROWS else None


def _written(cell: str) -> str:
    if cell[0] in "'\"" and _PLAIN.fullmatch(cell, 1, len(cell) - 1):
        return cell[1:-1]
    return value_of_call(cell) if cell[-1] == ")" else cell


def _bordered(lines: list[str]) -> list[str] | None:
    """The rows of a grid, and the lines around it as they are."""
    if not any(_BORDER.fullmatch(line[:2000]) and not _RULE.fullmatch(line) for line in lines[:12]):
        return None
    out: list[str] = []
    rows = 0
    for line in lines:
        if _BORDER.fullmatch(line):
            continue
        cells = _BAR.split(line.strip())
        if len(cells) < 2:
            out.append(line)
            continue
        rows += 1
        framed = line.strip()[0] in "|│┃"
        out.append("|".join(cells[1:-1] if framed and not cells[-1] else cells))
    return out if rows >= _LEAST_ROWS and rows >= 0.7 * sum(line != "" for line in out) else None


def _aligned(lines: list[str]) -> list[str] | None:
    """The rows under a line of names. Their padding goes where every row has a cell for each name, else they stay as they are."""
    if _COLUMN_NAMES.fullmatch(lines[0][:1000]) is None or "  " not in lines[0]:
        return None
    for separator in (_WIDE, _BLANKS):
        names = separator.split(lines[0].strip())
        rows = [separator.split(line.strip(), maxsplit=len(names) - 1) for line in lines[1:] if line.strip()]
        if len(names) >= 3 and len(rows) >= _LEAST_ROWS and all(len(row) == len(names) for row in rows):
            between = "  " if separator is _WIDE and any(" " in cell for row in [names, *rows] for cell in row[:-1]) else " "
            return [between.join(row) for row in [names, *rows]]
    # An empty cell shows by its place alone.
    padded = sum(_PADDED.search(line) is not None for line in lines)
    return lines if padded >= _PADDED_SHARE * len(lines) else None
