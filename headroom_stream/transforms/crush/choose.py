"""Which items of one long list stay.

These stay whatever the cap, so that a list is longer than the cap only by what has to stay: the first and the last items, those that the
query names, errors, rare values of categories, numbers far off, and what matches a protected pattern. What more than half of the items
would stay for is ordinary in this list, and keeps none: an error told by one field, or being rare.

The rest of the cap goes, in this order, to items relevant to the query, change points, anomalies less far off, an example of each
category; all but the first get half of what is left at most. What then remains goes to what the shape of the list says. Of items that
are nearly the same one is shown, with how many there are. All decisions follow from the list, the query and the configuration alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
from msgspec import Struct

from headroom_stream.config.crusher import SmartCrusherConfig
from headroom_stream.errors import ConfigurationError
from headroom_stream.relevance import Scorer
from headroom_stream.transforms.crush.alike import Likeness
from headroom_stream.transforms.crush.asked import Asked
from headroom_stream.transforms.crush.columns import Category, Column, category, columns_of
from headroom_stream.transforms.crush.errors import erroneous
from headroom_stream.transforms.crush.numbers import changes, distances
from headroom_stream.transforms.crush.shapes import Shape, form_of, in_order
from headroom_stream.transforms.crush.values import Fields, fields_of, words_of, write_json

_FAR = 2
"""Times `anomaly_std_threshold` beyond which a number stays whatever the cap."""
_FAR_SHARE = 20
"""One in so many items of a field may be far off (three in short lists); more of them are its ordinary tail."""
_SERIES: tuple[Shape, ...] = ("numbers", "time_series")
"""Shapes in which items count by where they stand: equal ones are no repetition."""


class Choice(Struct, frozen=True):
    """What stays of a list."""

    kept: list[int]
    """Places, in order."""
    alike: dict[int, int]
    """How many items that are left out are like a kept one, by its place."""
    shape: Shape


class Chooser:
    """Chooses among the items of lists under one configuration, for one query."""

    def __init__(self, config: SmartCrusherConfig, query: str, scorer: Scorer, threshold: float, bias: float) -> None:
        self.config = config
        self.asked = Asked(query)
        self.scorer = scorer
        self.threshold = threshold
        self.cap = max(1, round(config.max_items_after_crush * bias))
        try:
            self.protected = [re.compile(pattern) for pattern in config.protected_patterns]
        except re.error as error:
            raise ConfigurationError(f"SmartCrusherConfig.protected_patterns: {error}") from error

    def applies(self, total: int) -> bool:
        """Whether a list of this length loses items."""
        return total > self.cap and total >= self.config.min_items_to_analyze and not self.config.lossless_only

    def choose(self, items: Sequence[Any]) -> Choice:
        """What stays of the items, which are values that `records.parse` made."""
        return _List(self, [fields_of(item) for item in items], [write_json(item) for item in items]).choice()


class _List:
    """One list: what is known of its items."""

    def __init__(self, chooser: Chooser, items: list[Fields], texts: list[str]) -> None:
        self.chooser = chooser
        self.config = chooser.config
        self.items = items
        self.texts = texts
        self.total = len(items)
        self.columns: list[Column] = columns_of(items)
        found = (category(column, self.total, self.config.uniqueness_threshold) for column in self.columns)
        self.categories: list[Category] = [one for one in found if one is not None]
        self.form = form_of(self.columns, self.categories, self.total)

    def choice(self) -> Choice:
        first = self.firsts()
        kept = {first[at] for at in self.must_stay()}
        for number, candidates in enumerate(self.candidates()):
            room = self.chooser.cap - len(kept)
            if room <= 0:
                break
            wanted = dict.fromkeys(first[at] for at in candidates if first[at] not in kept)
            kept.update(islice(wanted, room if number == 0 else (room + 1) // 2))
        if self.form.shape in _SERIES:
            self.fill(kept, first, None)
            return Choice(sorted(kept), {}, self.form.shape)
        likeness = Likeness([words_of(fields) for fields in self.items], self.config.similarity_threshold)
        for at in sorted(kept):
            likeness.keep(at)
        self.fill(kept, first, likeness)
        return Choice(sorted(kept), self.counts(kept, first, likeness), self.form.shape)

    def firsts(self) -> list[int]:
        """By place: that of the first item which is the same."""
        if not self.config.dedup_identical_items or self.form.shape in _SERIES:
            return list(range(self.total))
        seen: dict[str, int] = {}
        return [seen.setdefault(text, at) for at, text in enumerate(self.texts)]

    def must_stay(self) -> set[int]:
        """Places of what stays whatever the cap."""
        config, total = self.config, self.total
        out = {*range(min(config.keep_first, total)), *range(max(total - config.keep_last, 0), total)}
        out |= self.chooser.asked.named(self.items)
        if config.preserve_errors:
            out |= erroneous(self.columns, total)
        rare = {at for one in self.categories for at in one.rare}
        if 2 * len(rare) <= total:  # else the items are all of different kinds, and to be rare is nothing special
            out |= rare
        out.update(at for at, text in enumerate(self.texts) if any(pattern.search(text) for pattern in self.chooser.protected))
        return out | self.anomalies[0]

    def candidates(self) -> Iterable[Iterable[int]]:
        """Places of what stays where there is room, the most wanted kind first, each kind in its own order."""
        yield self.chooser.asked.relevant(self.texts, self.chooser.threshold, self.chooser.scorer)
        if self.config.preserve_change_points:
            yield self.change_points()
        yield self.anomalies[1]
        yield [at for one in self.categories for at in one.examples]

    @cached_property
    def anomalies(self) -> tuple[set[int], list[int]]:
        """Numbers far off, and those less far off, the farthest first."""
        threshold = self.config.anomaly_std_threshold
        far: set[int] = set()
        near: dict[int, float] = {}
        for column in self.columns:
            if len(column.at) < self.config.min_items_to_analyze:
                continue
            at, numbers = column.numbers()
            off = distances(numbers)
            order = np.argsort(-off, kind="stable").tolist()
            most = max(3, len(at) // _FAR_SHARE)
            for rank, n in enumerate(order):
                if off[n] <= threshold:
                    break
                if off[n] > _FAR * threshold and rank < most:
                    far.add(at[n])
                else:
                    near[at[n]] = max(near.get(at[n], 0.0), float(off[n]))
        return far, sorted(near, key=lambda place: (-near[place], place))

    def change_points(self) -> list[int]:
        """The last item of a level and the first of the next, the greatest changes first."""
        found: list[tuple[float, int, int]] = []
        for column in self.columns:
            if len(column.at) < self.config.min_items_to_analyze:
                continue
            at, numbers = column.numbers()
            found += [(-size, at[n], at[n - 1]) for size, n in changes(numbers, self.config.anomaly_std_threshold)]
        return [place for _, after, before in sorted(found) for place in (after, before)]

    def fill(self, kept: set[int], first: list[int], likeness: Likeness | None) -> None:
        """Adds to `kept` up to the cap, in the order of the shape."""
        for at in in_order(self.form, self.total):
            if len(kept) >= self.chooser.cap:
                return
            if at in kept or first[at] != at or (likeness is not None and likeness.leader(at) is not None):
                continue
            kept.add(at)
            if likeness is not None:
                likeness.keep(at)

    def counts(self, kept: set[int], first: list[int], likeness: Likeness) -> dict[int, int]:
        """By place of a kept item: how many others are like it."""
        out: dict[int, int] = {}
        for at in range(self.total):
            if at in kept:
                continue
            leader = first[at] if first[at] in kept else likeness.leader(at)
            if leader is not None:
                out[leader] = out.get(leader, 0) + 1
        return out
