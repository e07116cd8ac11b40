"""The shape of a tool's output: the paths of its fields, whatever the values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from msgspec import Struct

from headroom_stream.content.paths import ITEMS, field

TEXT = "text"
"""Schema of outputs that are no JSON object or list; their only field is the empty path."""
MAX_FIELDS = 64
"""Fields of a schema that are told apart: the first by name. Records of a tool have fewer; more come from keys that are data."""
_MAX_LEAVES = 4_000
"""Of one output. What a long list shows, its first thousands of values show."""
_MAX_DEPTH = 12


class Leaf(Struct, frozen=True):
    """A value of an output, as text, and the path of its field."""

    path: str
    text: str


class Shape(Struct, frozen=True):
    """What is learnt from about one output."""

    schema: str
    fields: tuple[str, ...]
    leaves: tuple[Leaf, ...]


def shape_of(text: str) -> Shape:
    """The schema, the fields and the values of a tool's output.

    The schema is a hash of the fields' paths, as `content.paths` writes them. Constant work however large the values; linear in the text
    for reading the JSON.
    """
    value: Any = None
    if text[:64].lstrip()[:1] in ("{", "["):
        try:
            value = json.loads(text, parse_float=str, parse_int=str)
        except (ValueError, RecursionError):  # no JSON: it is taken as a text
            value = None
    if not isinstance(value, dict | list):
        return Shape(TEXT, ("",), (Leaf("", text),))
    leaves = tuple(islice(_leaves(value, "", 0), _MAX_LEAVES))
    fields = tuple(sorted({leaf.path for leaf in leaves})[:MAX_FIELDS])
    return Shape(hashlib.blake2b("\0".join(fields).encode(errors="replace"), digest_size=6).hexdigest(), fields, leaves)


def schema_of(text: str) -> str:
    """Name of the schema of a tool's output."""
    return shape_of(text).schema


def _leaves(value: Any, path: str, depth: int) -> Iterator[Leaf]:
    if isinstance(value, dict) and depth < _MAX_DEPTH:
        for key, item in value.items():
            yield from _leaves(item, field(path, key), depth + 1)
    elif isinstance(value, list) and depth < _MAX_DEPTH:
        for item in value:
            yield from _leaves(item, path + ITEMS, depth + 1)
    else:
        yield Leaf(path, value if isinstance(value, str) else "")
