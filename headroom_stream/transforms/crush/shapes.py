"""The shape of a list, and in which order its items are worth showing where there is room for some of them only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Literal

import numpy as np
from msgspec import Struct

from headroom_stream.content.log_lines import stamp
from headroom_stream.content.records import NumberText
from headroom_stream.transforms.crush.columns import Category, Column

Shape = Literal["numbers", "strings", "time_series", "logs", "scored", "categories", "items"]

_SCORE = re.compile(
    r"(?:^|[._-])(?:score|relevance|similarity|confidence|probability|weight|rank|ranking|distance)$", re.IGNORECASE
)
_LOWER_IS_BETTER = re.compile(r"(?:rank|ranking|distance)$", re.IGNORECASE)
_MESSAGE = re.compile(r"(?:^|[._-])(?:message|msg|text|log|event|description|summary|details?)$", re.IGNORECASE)
_TIME = re.compile(
    r"(?:^|[._-])(?:time|timestamp|ts|date|datetime|at|created|updated|when|epoch)(?:$|[._-])|_at$|(?:Time|At|Date)$"
)
_LETTERS = re.compile(r"[^\W\d_]+")
_MOST = 0.9
"""Share of the items that need a field before it makes a shape."""


class Form(Struct, frozen=True):
    """A shape, and the columns that make it."""

    shape: Shape
    columns: tuple[Column, ...] = ()


def form_of(columns: Sequence[Column], categories: Sequence[Category], total: int) -> Form:
    """The shape of a list of `total` items."""
    if len(columns) == 1 and not columns[0].path and len(columns[0].at) == total:
        kinds = {type(value) for value in columns[0].values}
        if kinds == {NumberText}:
            return Form("numbers", tuple(columns))
        if kinds == {str}:
            return Form("strings", tuple(columns))
    full = [column for column in columns if len(column.at) >= _MOST * total]
    numeric = [column for column in full if _is_numeric(column)]
    scored = [column for column in numeric if _SCORE.search(column.path)]
    if scored:
        return Form("scored", (scored[0],))
    times = [column for column in full if _is_time(column)]
    messages = [column for column in full if _is_message(column)]
    if messages and (times or any(_MESSAGE.search(column.path) for column in messages)):
        named = [column for column in messages if _MESSAGE.search(column.path)]
        return Form("logs", ((named or messages)[0],))
    series = [column for column in numeric if column not in times and len(set(column.values)) > 2]
    if times and series:
        return Form("time_series", tuple(series))
    sorting = [category.column for category in categories if len(category.examples) > 1]
    if sorting:
        return Form("categories", tuple(sorting))
    return Form("items")


def in_order(form: Form, total: int) -> Iterator[int]:
    """All places, those worth showing first in front; some may come twice."""
    if form.shape == "scored":
        yield from _by_score(form.columns[0])
    elif form.shape == "logs":
        yield from _each_kind(form.columns[0])
    elif form.shape in ("time_series", "numbers"):
        for column in form.columns:
            yield from _extremes(column)
    elif form.shape == "categories":
        yield from _in_turn(form.columns[0])
    yield from spread(total)


def spread(total: int) -> Iterator[int]:
    """All places below `total`, so that those up to any point lie evenly (bits in reverse: van der Corput, 1935)."""
    bits = max(total - 1, 0).bit_length()
    for n in range(1 << bits):
        at = int(f"{n:0{bits}b}"[::-1], 2) if bits else 0
        if at < total:
            yield at


def _by_score(column: Column) -> list[int]:
    at, numbers = column.numbers()
    order = np.argsort(numbers if _LOWER_IS_BETTER.search(column.path) else -numbers, kind="stable")
    return [at[n] for n in order.tolist()]


def _each_kind(column: Column) -> Iterable[int]:
    """The first message of each kind: those with the same words, numbers and ids aside."""
    first: dict[str, int] = {}
    for at, value in zip(column.at, column.values, strict=True):
        first.setdefault(" ".join(_LETTERS.findall(str(value))), at)
    return first.values()


def _extremes(column: Column) -> list[int]:
    at, numbers = column.numbers()
    return [at[int(numbers.argmin())], at[int(numbers.argmax())]] if at else []


def _in_turn(column: Column) -> Iterator[int]:
    """An item of each value, then another of each, and so on; those of one value lie evenly."""
    groups: dict[str, list[int]] = {}
    for at, value in zip(column.at, column.values, strict=True):
        groups.setdefault(str(value), []).append(at)
    evenly = [map(places.__getitem__, spread(len(places))) for places in groups.values()]
    for turn in zip_longest(*evenly):
        yield from (at for at in turn if at is not None)


def _is_numeric(column: Column) -> bool:
    return sum(type(value) is NumberText for value in column.values) >= _MOST * len(column.values)


def _is_time(column: Column) -> bool:
    """By the name and the first values: dates, or numbers that only grow."""
    if _is_numeric(column):
        _, numbers = column.numbers()
        steps = np.diff(numbers)
        return _TIME.search(column.path) is not None and bool(((steps >= 0).all() or (steps <= 0).all()) and len(numbers))
    shown = [value for value in column.values[:20] if isinstance(value, str)]
    return len(shown) > 0 and all(len(value) <= 40 and stamp(value) is not None for value in shown)


def _is_message(column: Column) -> bool:
    """Texts of several words, of which there are more than a handful."""
    texts = [value for value in column.values[:200] if type(value) is str]
    wordy = sum(len(value) >= 16 and value.count(" ") >= 2 for value in texts)
    return len(texts) > 0 and wordy >= _MOST * len(texts) and not all(stamp(value) and len(value) <= 40 for value in texts[:20])
