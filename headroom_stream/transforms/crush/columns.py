"""What the items of a list have under one path, and what can be told from it: numbers, categories, rare values."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from headroom_stream.content.records import NumberText
from headroom_stream.transforms.crush.values import Fields, Scalar

_RARE = 2
"""Items that share a value which is still rare. The logs take the same number for templates."""
_MOST_RARE_VALUES = 10
"""A field with more rare values is a text or an id that repeats now and then, not a category with exceptions."""


class Column(Struct):
    """The values under one path."""

    path: str
    at: list[int]
    """Places of the items that have it, in order."""
    values: list[Scalar]

    def numbers(self) -> tuple[list[int], NDArray[np.float64]]:
        """Places of the items with a number, and these numbers; such as no float can hold are left out."""
        found = [(at, float(value)) for at, value in zip(self.at, self.values, strict=True) if type(value) is NumberText]
        found = [(at, number) for at, number in found if math.isfinite(number)]
        return [at for at, _ in found], np.array([number for _, number in found], dtype=np.float64)


class Category(Struct):
    """A column whose values sort the items into a few kinds."""

    column: Column
    examples: list[int]
    """Places of the first item with each value that more than two have, the rarest value first."""
    rare: list[int]
    """Places of items with a value that hardly any other has, and of those that alone lack one."""


def columns_of(items: Sequence[Fields]) -> list[Column]:
    """One column a path, in the order in which paths first appear."""
    out: dict[str, Column] = {}
    for at, fields in enumerate(items):
        for path, value in fields.items():
            column = out.get(path)
            if column is None:
                column = out[path] = Column(path, [], [])
            column.at.append(at)
            column.values.append(value)
    return list(out.values())


def category(column: Column, total: int, uniqueness: float) -> Category | None:
    """The column as a category; None if more than the share `uniqueness` of all `total` items have a rare value.

    To lack the field counts as a value. The time is that of the column's own length, however many items lack it.
    """
    absent = total - len(column.at)
    if len(column.at) <= _RARE < absent:
        return Category(column, [], column.at)  # most columns of lists whose items have keys of their own
    counts = Counter(column.values)
    rare = {value for value, count in counts.items() if count <= _RARE}
    if len(rare) > _MOST_RARE_VALUES:
        return None
    places = [at for at, value in zip(column.at, column.values, strict=True) if value in rare]
    if 0 < absent <= _RARE:
        have = set(column.at)
        places += [at for at in range(total) if at not in have]
    first: dict[Scalar, int] = {}
    for at, value in zip(column.at, column.values, strict=True):
        if counts[value] > _RARE:
            first.setdefault(value, at)
    if len(places) > max(_RARE, uniqueness * total) or (not first and absent <= _RARE):
        return None
    return Category(
        column, [first[value] for value in sorted(first, key=lambda value: (counts[value], first[value]))], sorted(places)
    )
