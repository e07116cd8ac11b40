"""One item of a list, as its fields: the values in it by path, the words in these, and its JSON."""

from __future__ import annotations

import re
from typing import Any

from headroom_stream.content.notation import quoted
from headroom_stream.content.records import NumberText

Scalar = str | bool | None
"""A text, a NumberText, a flag or null."""
Fields = dict[str, Scalar]
"""`{"user.name": "Ann", "tags": '["a"]'}`: lists stand as their JSON; the path of an item that is itself a value is empty."""

_WORD = re.compile(r"\w+")


def fields_of(item: Any) -> Fields:
    """The values of an item by path. An item that is a list has its places for paths; lists within stay whole."""
    out: Fields = {}
    open_: list[tuple[str, Any]] = [("", item)]
    if type(item) is list:
        open_ = [(str(at), value) for at, value in enumerate(item)][::-1]
    while open_:
        path, value = open_.pop()
        if type(value) is dict and value:
            open_ += [(f"{path}.{key}" if path else key, inner) for key, inner in reversed(value.items())]
        else:
            out[path] = write_json(value) if type(value) in (dict, list) else value
    return out


def words_of(fields: Fields) -> frozenset[str]:
    """The words of an item's values, without the names of its fields, which all items share."""
    return frozenset(_WORD.findall("\n".join(value.lower() for value in fields.values() if isinstance(value, str))))


def text_of(fields: Fields) -> str:
    """The values alone, a line each: what a query may name."""
    return "\n".join("" if value is None else str(value) for value in fields.values())


def shown(text: str, most: int) -> str:
    """A text of the data as a part of a marker: on one line, and not longer than `most` characters."""
    line = "".join([mark if mark.isprintable() else " " for mark in text[: most + 1]])
    return line if len(line) <= most else line[:most] + "…"


def write_json(value: Any) -> str:
    """A parsed value as JSON without white space, numbers as they came."""
    kind = type(value)
    if kind is str:
        return quoted(value)
    if kind is NumberText:
        return str(value)
    if kind is dict:
        return "{" + ",".join([f"{quoted(key)}:{write_json(inner)}" for key, inner in value.items()]) + "}"
    if kind is list:
        return "[" + ",".join([write_json(inner) for inner in value]) + "]"
    return "null" if value is None else "true" if value else "false"
