"""Long lists of plain values and long strings within values: their beginning and end, and what stands out."""

from __future__ import annotations

import re
from itertools import groupby
from typing import Any

from headroom_stream.config import BulkConfig
from headroom_stream.content import Hints
from headroom_stream.content.named import Named
from headroom_stream.content.records import Note, NumberText

_NEAR = 40
"""Characters around the place of a cut in which a blank is looked for: half a word tells a reader nothing."""


def cut(value: Any, hints: Hints, config: BulkConfig) -> tuple[Any, str]:
    """A parsed value without the bulk of its long lists and strings, and what was left out; empty: nothing was.

    Of a list stay its ends, its least and greatest number, and what the question names; of a string its ends. Lists of lists and of
    objects are left to `records`. A value that holds nothing but one string is what the agent asked for, and stays.
    """
    if not config.enabled or (type(value) is dict and len(value) == 1 and type(next(iter(value.values()))) is str):
        return value, ""
    cutter = _Cutter(Named(hints.query), config)
    short = cutter.value(value)
    return short, " and ".join(f"{n} {what}" for n, what in ((cutter.items, "items"), (cutter.characters, "characters")) if n)


class _Cutter:
    def __init__(self, named: Named, config: BulkConfig) -> None:
        self.named = named
        self.config = config
        self.items = 0
        self.characters = 0

    def value(self, value: Any) -> Any:
        kind = type(value)
        if kind is dict:
            return {key: self.value(item) for key, item in value.items()}
        if kind is list:
            if len(value) > self.config.items and not any(type(item) in (dict, list) for item in value):
                return self.list(value)
            return [self.value(item) for item in value]
        return self.string(value) if kind is str and len(value) > self.config.characters else value

    def list(self, value: list[Any]) -> list[Any]:
        last = len(value) - self.config.last
        stays = self.named.lines([str(item) for item in value])
        numbers = [(float(item), at) for at, item in enumerate(value) if type(item) is NumberText]
        if numbers:
            stays |= {min(numbers)[1], max(numbers)[1]}
        out: list[Any] = []
        for kept, run in groupby(range(len(value)), key=lambda at: at < self.config.first or at >= last or at in stays):
            places = list(run)
            if kept or len(places) == 1:
                out += [value[at] for at in places]
            else:
                out.append(Note(f"…{len(places)} more"))
                self.items += len(places)
        return out

    def string(self, value: str) -> str:
        """Three quarters of what stays are its beginning."""
        end = _blank(value, self.config.characters * 3 // 4)
        start = _blank(value, len(value) - self.config.characters // 4)
        self.characters += start - end
        return f"{value[:end]} …{start - end} characters… {value[start:]}"


def _blank(text: str, at: int) -> int:
    """The place of a blank near a place of the text; that place itself if there is none."""
    found = re.search(r"\s", text[at : at + _NEAR])
    return at + found.start() if found else at
