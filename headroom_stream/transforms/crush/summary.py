"""A list in a few words: what its items share, and the range of what is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from headroom_stream.transforms.crush.columns import Column, columns_of
from headroom_stream.transforms.crush.values import fields_of, shown, write_json

_COLUMNS = 6
_VALUES = 3
_VALUE_CHARS = 24


def constants(items: Sequence[Any], least: int) -> dict[str, Any]:
    """The fields with one and the same value in all items, if these are objects, and at least `least` and two."""
    if len(items) < max(least, 2) or not all(type(item) is dict for item in items):
        return {}
    shared = {key: write_json(value) for key, value in items[0].items()}
    for item in items:
        shared = {key: text for key, text in shared.items() if key in item and write_json(item[key]) == text}
    # An item without any field would look like an empty one.
    return {key: items[0][key] for key in shared} if all(len(item) > len(shared) for item in items) else {}


def summary(items: Sequence[Any]) -> str:
    """`ms 3 to 90, mean 41.5; state ok ×400, late ×12`: of fields that most items have, the first ones that can be told so shortly."""
    told = [_told(column) for column in columns_of([fields_of(item) for item in items]) if 2 * len(column.at) > len(items)]
    return "; ".join([one for one in told if one][:_COLUMNS])


def _told(column: Column) -> str:
    name = f"{shown(column.path, _VALUE_CHARS)} " if column.path else ""
    at, numbers = column.numbers()
    if len(at) == len(column.at):
        return f"{name}{numbers.min():g} to {numbers.max():g}, mean {numbers.mean():.4g}"
    counts = Counter(column.values)
    common = [(value, count) for value, count in counts.most_common(_VALUES) if count > 1]
    if sum(count for _, count in common) * 2 < len(column.at):
        return ""  # names, ids and texts: the commonest say nothing of the rest
    return name + ", ".join(f"{_short(value)} ×{count}" for value, count in common)


def _short(value: Any) -> str:
    return shown(value if isinstance(value, str) else write_json(value), _VALUE_CHARS)
