"""Values, however a tool printed them: JSON, Python literals, literals within strings, cut off or not; as compact text."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from msgspec import structs

from headroom_stream.config import Policy
from headroom_stream.content import Compressed, Hints, bulk, literals, records

_LEAST_CHARS = 40
"""A shorter literal within a string gains nothing."""
_HOLDING = frozenset((dict, list, str))
"""Of values in which others may be."""


def compress(text: str, hints: Hints, policy: Policy) -> Compressed | None:
    """`text` in the notation of `records`, without the bulk of long lists and strings; None if it is no such value or gets no shorter."""
    start = text[:64].lstrip()[:2]
    # Rows of tuples are a table, which `grids` writes as one.
    if not policy.records.enabled or start[:1] not in ("{", "[", "(") or start == "[(":
        return None
    try:
        value, exact = _parse(text)
        value, unfolded = _unfold(value)
        short, removed = bulk.cut(value, hints, policy.bulk) if policy.lossy else (value, "")
        # Lists within strings are often cut off. Keys stay beside their values, or the last row would be read under the wrong ones.
        config = structs.replace(policy.records, min_rows=records.NO_TABLES) if unfolded else policy.records
        out = records.write(short, config, hints.query)
    except (ValueError, RecursionError):  # no such value, or one that is left alone; RecursionError is json's word for "too deep"
        return None
    if len(out) >= len(text):
        return None
    kind = "bulk" if removed else "records" if "\n" in out else "json"
    return Compressed(text=out, kind=kind, lossless=exact and not unfolded and not removed, removed=removed, compact=True)


def _parse(text: str) -> tuple[Any, bool]:
    """The value, and whether the text is JSON, whose data the notation keeps exactly."""
    try:
        return records.parse(text), True
    except ValueError:
        return literals.parse(text), False


def _unfold(value: Any) -> tuple[Any, bool]:
    """The value with the literals that stand in its strings read, and whether there were any. JSON in strings is for the writer."""
    kind = type(value)
    if kind is str and len(value) > _LEAST_CHARS and value[0] in "{[(":
        try:
            inner, is_json = _parse(value)
        except (ValueError, RecursionError):
            return value, False
        return (value, False) if is_json else (_unfold(inner)[0], True)
    if kind is dict:
        items, found = _unfold_all(value.values())
        return (dict(zip(value, items, strict=True)), True) if found else (value, False)
    if kind is list:
        items, found = _unfold_all(value)
        return (items, True) if found else (value, False)
    return value, False


def _unfold_all(values: Collection[Any]) -> tuple[list[Any], bool]:
    """The same of each; numbers and constants hold nothing to be read."""
    out: list[Any] = []
    found = False
    if _HOLDING.isdisjoint(map(type, values)):  # a long list of numbers
        return list(values), False
    for value in values:
        kind = type(value)
        if kind is dict or kind is list or (kind is str and len(value) > _LEAST_CHARS and value[0] in "{[("):
            inner, unfolded = _unfold(value)
            found |= unfolded
            out.append(inner)
        else:
            out.append(value)
    return out, found
