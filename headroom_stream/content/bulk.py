"""Long lists of plain values and long strings within values: their beginning and end, and what stands out."""

from __future__ import annotations

import math
import re
from functools import cached_property
from operator import is_
from typing import Any

from headroom_stream.config.cuts import BulkConfig
from headroom_stream.content import Hints
from headroom_stream.content.named import Named
from headroom_stream.content.paths import ITEMS, field
from headroom_stream.content.records import Note, NumberText

_CONTAINERS = frozenset((dict, list))
_SENTENCE = re.compile(r"[^\s.!?][^.!?\n]{0,2000}[.!?]?")
_NEAR = 40
"""Characters around the place of a cut in which a blank is looked for: half a word tells a reader nothing."""


def cut(value: Any, hints: Hints, config: BulkConfig) -> tuple[Any, str]:
    """A parsed value without the bulk of its long lists and strings, and what was left out; empty: nothing was.

    Of a list stay its ends, its least and greatest number, and what the question names; of a string its ends, and sentences that the
    question names. Lists of lists and of objects are left to `records`. Fields that agents use (`Hints.used`) stay whole. A value that
    holds nothing but one string is what the agent asked for, and stays.
    """
    if not config.enabled or (type(value) is dict and len(value) == 1 and type(next(iter(value.values()))) is str):
        return value, ""
    cutter = _Cutter(f"{hints.query} {hints.intent}", hints.used, config)
    short = cutter.value(value, "")
    return short, " and ".join(f"{n} {what}" for n, what in ((cutter.items, "items"), (cutter.characters, "characters")) if n)


class _Cutter:
    def __init__(self, query: str, used: frozenset[str], config: BulkConfig) -> None:
        self.query = query
        self.used = used
        self.config = config
        self.items = 0
        self.characters = 0

    @cached_property
    def named(self) -> Named:
        """Few values have lists that are long enough to ask."""
        return Named(self.query)

    def value(self, value: Any, path: str) -> Any:
        """`path` is kept up only where a field is used: to name each field takes as long as to cut."""
        kind = type(value)
        if kind is dict:
            fields = [self.value(item, field(path, key) if self.used else "") for key, item in value.items()]
            return value if all(map(is_, fields, value.values())) else dict(zip(value, fields, strict=True))
        if kind is list:
            path += ITEMS
            if len(value) > self.config.items and path not in self.used and _CONTAINERS.isdisjoint(map(type, value)):
                return self.list(value)
            items = [self.value(item, path) for item in value]
            return value if all(map(is_, items, value)) else items
        return self.string(value) if kind is str and len(value) > self.config.characters and path not in self.used else value

    def list(self, value: list[Any]) -> list[Any]:
        plain = all(issubclass(kind, str) for kind in set(map(type, value)))
        stays = self.named.lines(value if plain else list(map(str, value)))
        stays.update(_extremes(value))
        stays.update(range(min(self.config.first, len(value))), range(max(0, len(value) - self.config.last), len(value)))
        out: list[Any] = []
        before = -1
        for at in (*sorted(stays), len(value)):
            gone = at - before - 1
            if gone > 1:
                out.append(Note(f"…{gone} more"))
                self.items += gone
            out += value[at - (gone == 1) : at + 1]
            before = at
        return out

    def string(self, value: str) -> str:
        """Three quarters of what stays are its beginning; sentences that the question names stay as well."""
        kept = min(self.config.kept, self.config.characters)
        end = _blank(value, kept * 3 // 4)
        start = _blank(value, len(value) - kept // 4)
        if start - end < _NEAR:
            return value  # the words that tell of the cut are as long
        sentences = [match.span() for match in _SENTENCE.finditer(value, end, start)]
        said = sorted(self.named.lines([value[a:b] for a, b in sentences]))[: self.config.sentences]
        out = [value[:end]]
        for a, b in (*(sentences[at] for at in said), (start, len(value))):
            if a > end:
                out.append(f" …{a - end} characters… ")
                self.characters += a - end
            out.append(value[a:b])
            end = b
        return "".join(out)


def _extremes(values: list[Any]) -> tuple[int, ...]:
    """The places of the first least and the last greatest number."""
    if values and {NumberText}.issuperset(map(type, values)):
        numbers = list(map(float, values))
        return numbers.index(min(numbers)), len(numbers) - 1 - numbers[::-1].index(max(numbers))
    least = greatest = -1
    low, high = math.inf, -math.inf
    for at, item in enumerate(values):
        if type(item) is NumberText:
            number = float(item)
            if number < low or least < 0:
                least, low = at, number
            if number >= high:
                greatest, high = at, number
    return (least, greatest) if least >= 0 else ()


def _blank(text: str, at: int) -> int:
    """The place of a blank near a place of the text; that place itself if there is none."""
    found = re.search(r"\s", text[at : at + _NEAR])
    return at + found.start() if found else at
