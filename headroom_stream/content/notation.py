"""The compact notation of JSON values that `records` writes: which strings stand without quotes, and what marks a column.

It is JSON with these liberties (`reading` takes it back):

- a string or key that cannot be mistaken for anything else stands without quotes: `{cabin:economy,price:464,zip:"32131"}`;
- a list of objects is a header and rows: `[{id,status:open,seats{economy,business}}` and then `A1,17,1` a line. A key with a value
  in the header has that value in every row, a key with braces is a nested object, an empty cell is an absent key;
- where the objects of a list change their keys, the next header stands on a line of its own;
- an object of objects is the same with a key before each row: `{{owner,id=key}` and then `A1:Ann`; `id=key` repeats the row's key;
- a list of such lists has one header, and a blank line between its lists;
- `legs[from,to]` in a header: the cell is a list of objects with these keys, `[[ROM,OSL],[OSL,ROM]]`;
- `name?`: an empty cell is null; `zip=text`: digits are text; `url=https://example.com/…`: the cell stands where `…` is, and a
  cell in quotes stands alone; `url=https://example.com/<login>`: the value of that row's `login` stands there, and there is no cell;
- `^` repeats the cell above; `HAT110,…` repeats the row above that begins with `HAT110`;
- `json{a:1}` is the string `{"a":1}`, `json {a:1}` the string `{"a": 1}`, `json2{a:1}` the same indented by 2.
"""

from __future__ import annotations

import json
import re
from typing import Any

from headroom_stream.errors import HeadroomError

NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
KEY_MARK = "=key"
"""Stands after a column whose value is the key of its row, in a table made of an object of objects."""
TEXT_MARK = "=text"
"""Stands after a column of strings, some of which look like numbers."""
NULL_MARK = "?"
"""Stands after a column whose empty cells are null."""
HOLE = "…"
"""Where the cell stands in what all cells of a column have in common."""
ABOVE = "^"
"""The cell of the row above once more."""
AGAIN = "…"
"""Stands for all cells but the first of a row that stood before in the same table."""
WORDS = {"true": True, "false": False, "null": None}
BARE = re.compile(r"[^,{}\[\]\"\\\n]*")
BARE_KEY = re.compile(r"[^,{}\[\]\"\\\n:=?]*")

_NOT_IN_VALUES = re.compile(r'[,{}\[\]"\\]|: ')
_NOT_IN_KEYS = re.compile(r'[,{}\[\]"\\:=?]')
_LONGEST_BARE = 80
"""Longer strings are prose: quotes show a reader where they end, and cost next to nothing."""
_LONGEST_LINK = 400
"""Addresses and paths have no blanks, so that it is clear where they end."""


class NotationError(HeadroomError):
    """The text is not of this notation. Only text that `records.compress` wrote can be restored."""


def quoted(text: str) -> str:
    """`text` as a JSON string; only lone surrogates, which no encoding of Unicode takes, are escaped beyond need."""
    out = json.dumps(text, ensure_ascii=False)
    return out if out.isprintable() or not re.search("[\ud800-\udfff]", out) else json.dumps(text)


def write_string(text: str) -> str:
    """A string value: bare where nothing else could be meant, else JSON."""
    return text if is_bare(text) and text not in WORDS and not NUMBER.fullmatch(text) else quoted(text)


def is_bare(text: str) -> bool:
    """Whether a string has nothing in it that ends a cell, that a reader would stumble over, or that begins like a note of ours."""
    return (
        0 < len(text) <= (_LONGEST_BARE if " " in text else _LONGEST_LINK)
        and text.isprintable()
        and not _NOT_IN_VALUES.search(text)
        and text[0] not in " …"
        and text[-1] != " "
        and text not in (ABOVE, AGAIN)
    )


def write_key(key: str) -> str:
    """A key of an object: bare where possible. A key is always a string, so that `404` needs no quotes; `…` begins notes of ours."""
    if (
        0 < len(key) <= _LONGEST_BARE
        and key[0] != "…"
        and key.isprintable()
        and key == key.strip(" ")
        and not _NOT_IN_KEYS.search(key)
    ):
        return key
    return quoted(key)


def json_style(text: str) -> tuple[str, dict[str, Any]] | None:
    """For a string that looks like JSON: the mark of its style (`json`, `json ` with blanks, `json2` indented), and how to write it so.

    The options are those of `json.dumps`.
    """
    if text[:1] + text[-1:] not in ("{}", "[]") or len(text) < 8:
        return None
    indent = re.match(r".\n( {1,8})\S", text)
    if indent:
        return f"json{len(indent[1])}", style_options(f"json{len(indent[1])}")
    mark = "json " if re.search('": |, ', text[:1000]) else "json"
    return mark, style_options(mark)


def style_options(mark: str) -> dict[str, Any]:
    """What `json.dumps` needs to write a string that `mark` stands for. Raises NotationError for other marks."""
    if mark == "json":
        return {"separators": (",", ":"), "ensure_ascii": False}
    if mark == "json ":
        return {"ensure_ascii": False}
    if re.fullmatch("json[1-8]", mark):
        return {"indent": int(mark[4:]), "ensure_ascii": False}
    raise NotationError(f"text before brackets: {mark[:20]!r}")
