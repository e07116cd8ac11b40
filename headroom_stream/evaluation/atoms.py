"""Typed atoms: the values in a text that can only come from somewhere, such as paths, numbers, dates, identifiers and addresses.

A plain word proves nothing when an agent writes it; `order_8812` does. Texts are read unescaped, so that a value counts as the same
value inside and outside of a JSON string.
"""

from __future__ import annotations

import json
import re
from typing import Any

from headroom_stream.evaluation.patterns import values

_COMMON = re.compile(
    r"i\.e|e\.g|v\d|utf-?8|python3?|py3|sha\d+|x86_64|__\w+__|\d{3,4}px|str_replace\w*|view_range|tool_call\w*|end_of_edit|call_\d+",
    re.IGNORECASE,
)
"""Looks like a fact and is said everywhere."""
_ROOT = re.compile(r"/testbed/|/workspace/[^/]+/")
"""Where an agent works is no part of a path's name."""
_UNSPACED = re.compile(r"[a-z]+\.[A-Z][a-z]*")
"""The end of a sentence and the beginning of the next one."""
_SHORTEST = {"num": 3, "date": 3}
_SHORTEST_OTHER = 4

_UNICODE = re.compile(r"\\u([0-9a-fA-F]{4})")
_ESCAPES = (("\\\\", "\\"), ('\\"', '"'), ("\\n", "\n"), ("\\/", "/"), ("\\t", "\t"))
"""In this order: a text that was escaped twice is unescaped twice where backslashes were doubled."""


def unescaped(text: str) -> str:
    """The text with the escapes of JSON strings resolved."""
    if "\\" not in text:
        return text
    text = _UNICODE.sub(lambda found: chr(int(found[1], 16)), text)
    for escape, character in _ESCAPES:
        text = text.replace(escape, character)
    return text


def atoms(text: str) -> dict[str, str]:
    """The atoms of an unescaped text and the kind of each (url, email, path, date, num, ident), in order of appearance."""
    found: dict[str, str] = {}
    for value, kind in values(text):
        atom = _canonical(value.strip(".,;:!?"), kind)
        if len(atom) < _SHORTEST.get(kind, _SHORTEST_OTHER) or _COMMON.fullmatch(atom):
            continue
        if kind == "ident" and _UNSPACED.fullmatch(atom):
            continue
        found[atom] = kind
    return found


def _canonical(atom: str, kind: str) -> str:
    if kind == "path":
        root = _ROOT.match(atom)
        return (atom[root.end() :] if root else atom).rstrip("/")
    return atom.replace(",", "") if kind == "num" else atom


_LEAF_CHARS = range(4, 61)
_TELLING = re.compile(r"[A-Z]|\d|_| ")
"""A value in lower case and of one word may be any word."""


def parsed(text: str) -> Any:
    """The JSON value that a text is; None where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def strings(value: Any) -> tuple[list[str], list[str]]:
    """All strings and all keys within a JSON value, in the order in which they are written."""
    texts: list[str] = []
    keys: list[str] = []
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, str):
            texts.append(one)
        elif isinstance(one, dict):
            keys += one
            stack += reversed(one.values())
        elif isinstance(one, list):
            stack += reversed(one)
    return texts, keys


def is_leaf(text: str) -> bool:
    """Whether a string within JSON is a fact as a whole: a name, a city, the value of an option."""
    return len(text) in _LEAF_CHARS and _TELLING.search(text) is not None


def bounded(atom: str, text: str) -> bool:
    """Whether the atom stands in the text as a whole, not within a longer word or number."""
    return place(atom, text) >= 0


def place(atom: str, text: str) -> int:
    """Where it first does; -1: nowhere."""
    at = text.find(atom)
    while at >= 0:
        end = at + len(atom)
        before = at > 0 and text[at - 1].isalnum() and atom[0].isalnum()
        after = end < len(text) and text[end].isalnum() and atom[-1].isalnum()
        if not before and not after:
            return at
        at = text.find(atom, at + 1)
    return -1
