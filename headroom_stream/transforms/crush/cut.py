"""A JSON value without the items that are left out of its lists, as text, and a word on what is missing.

A list of more items than the cap is cut, however deep it lies, and so is an object that is a list in disguise: many keys whose values
are all objects, all lists, all texts or all numbers. Items are then counted by their keys, and a query may name these.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from msgspec import Struct

from headroom_stream.config.crusher import RelevanceScorerConfig, SmartCrusherConfig
from headroom_stream.config.policy import RecordsConfig
from headroom_stream.content import Compressed, Hints
from headroom_stream.content.paths import ITEMS, field
from headroom_stream.content.records import NumberText, compress, parse
from headroom_stream.relevance import Scorer, scorer_for
from headroom_stream.transforms.crush.choose import Choice, Chooser
from headroom_stream.transforms.crush.summary import constants, summary
from headroom_stream.transforms.crush.values import shown, write_json

_ALIKE = "+alike"
"""Field of an item that is shown for others: how many they are."""
_SHOWN_VALUES = 5
_VALUE_CHARS = 40
_PATH_CHARS = 80


class Cut(Struct, frozen=True):
    """A value as it is shown."""

    text: str
    removed: str
    """`412 of 500 items of results`; empty if nothing is left out."""
    shapes: tuple[str, ...]
    """Of the lists that were cut, each once, in order."""


def cut(
    text: str,
    query: str,
    config: SmartCrusherConfig,
    scorer: Scorer,
    *,
    threshold: float | None = None,
    bias: float = 1.0,
    used: frozenset[str] = frozenset(),
) -> Cut | None:
    """The value of a JSON text with no more items in its lists than the configuration says.

    `threshold` takes the place of the configuration's; `bias` multiplies the cap. Lists of plain values that agents use (`Hints.used`) stay
    whole. None for what is no JSON list or object, and for what cannot be written back without loss.
    """
    if text[:64].lstrip()[:1] not in ("{", "["):
        return None
    try:
        value = parse(text)
    except (ValueError, RecursionError):  # as in content.records: no JSON, or one that is left alone
        return None
    cutter = _Cutter(Chooser(config, query, scorer, config.relevance_threshold if threshold is None else threshold, bias), used)
    try:
        plain = write_json(cutter.value(value, "", ""))
    except RecursionError:  # it could be read, but is too deep to be written
        return None
    compact = compress(plain, Hints(query=query), RecordsConfig())
    worth = compact is not None and len(compact.text) <= (1 - config.lossless_min_savings_ratio) * len(plain)
    body = compact.text if compact is not None and worth else plain
    return Cut("\n".join([*cutter.common, body]), cutter.removed(), tuple(cutter.shapes))


def crush_records(text: str, hints: Hints, config: SmartCrusherConfig, scorer: Scorer | None = None) -> Compressed | None:
    """`cut` as a compressor of `content`: None if nothing is gained in characters; the caller writes the marker.

    Without a `scorer`, the configuration's `relevance_tier` says which.
    """
    scorer = scorer or scorer_for(RelevanceScorerConfig(scorer_type=config.relevance_tier))
    made = cut(text, hints.query, config, scorer, used=hints.used)
    if made is None or len(made.text) >= len(text):
        return None
    kind = "crushed" if made.removed else "records" if "\n" in made.text else "json"
    return Compressed(text=made.text, kind=kind, lossless=not made.removed, removed=made.removed)


class _Gap(Struct):
    """What is left out under one path."""

    left_out: int
    total: int
    told: list[str]


class _Cutter:
    """Cuts one value, and remembers what it left out."""

    def __init__(self, chooser: Chooser, used: frozenset[str]) -> None:
        self.chooser = chooser
        self.used = used
        self.config = chooser.config
        self.gaps: dict[str, _Gap] = {}
        self.shapes: dict[str, None] = {}
        self.common: list[str] = []
        """Lines with the fields that all items of a list share."""

    def value(self, value: Any, path: str, name: str) -> Any:
        """`path` is what a reader is told, with the very keys; `name` is what stands in `used`."""
        if type(value) is dict:
            # An item of a list is a record: what it has many of are columns.
            if not path.endswith("[]") and self.chooser.applies(len(value)) and _is_list_in_disguise(value):
                return self.keyed(value, path, name)
            return {key: self.value(inner, f"{path}.{key}" if path else key, field(name, key)) for key, inner in value.items()}
        if type(value) is list:
            return value if name + ITEMS in self.used else self.items(value, path, name + ITEMS)
        return value

    def items(self, items: list[Any], path: str, name: str) -> list[Any]:
        kept, choice = items, None
        if self.chooser.applies(len(items)):
            choice = self.chooser.choose(items)
            if len(choice.kept) < len(items):
                kept = [items[at] for at in choice.kept]
                self.gap(path, items, choice, items)
        shared = constants(items, self.config.min_items_to_analyze) if self.config.factor_out_constants else {}
        if shared:
            self.common.append(f"[all {len(items)} items{_of(path)}: {write_json(shared)}]")
            kept = [{key: inner for key, inner in item.items() if key not in shared} for item in kept]
        out = [self.value(item, path + "[]", name) for item in kept]
        return out if choice is None else _counted(out, choice)

    def keyed(self, value: dict[str, Any], path: str, name: str) -> dict[str, Any]:
        keys = list(value)
        items = [{"key": key, "value": inner} for key, inner in value.items()]
        choice = self.chooser.choose(items)
        if len(choice.kept) < len(keys):
            self.gap(path, items, choice, list(value.values()))
        kept = [keys[at] for at in choice.kept]
        counted = _counted([self.value(value[key], path + "[]", field(name, key)) for key in kept], choice)
        return dict(zip(kept, counted, strict=True))

    def gap(self, path: str, items: list[Any], choice: Choice, values: list[Any]) -> None:
        """Remembers what is left out of one list, to be told in one line for all."""
        kept = set(choice.kept)
        left_out = [item for at, item in enumerate(items) if at not in kept]
        told = [summary(left_out)] if self.config.include_summaries else []
        if choice.alike and all(type(values[at]) is dict for at in choice.alike):
            told.append(f"{_ALIKE}: how many of them are like the one shown")
        elif choice.alike:
            most = sorted((at for at, count in choice.alike.items() if count > 1), key=lambda at: (-choice.alike[at], at))[
                :_SHOWN_VALUES
            ]
            told += [f"{choice.alike[at]} like {shown(write_json(values[at]), _VALUE_CHARS)}" for at in most]
        found = self.gaps.setdefault(path, _Gap(0, 0, []))
        found.left_out += len(left_out)
        found.total += len(items)
        found.told += [one for one in told if one and one not in found.told][: max(0, _SHOWN_VALUES - len(found.told))]
        self.shapes[choice.shape] = None

    def removed(self) -> str:
        """What is left out, list by list."""
        return ", ".join(
            f"{gap.left_out} of {gap.total} items{_of(path)}" + (f" ({'; '.join(gap.told)})" if gap.told else "")
            for path, gap in self.gaps.items()
        )


def _of(path: str) -> str:
    return f" of {shown(path, _PATH_CHARS)}" if path else ""


def _is_list_in_disguise(value: dict[str, Any]) -> bool:
    kinds = {type(inner) for inner in value.values()}
    return len(kinds) == 1 and kinds <= {dict, list, str, NumberText}


def _counted(items: list[Any], choice: Choice) -> list[Any]:
    """The items that stay; objects that stand for others say for how many, unless a field is called so already."""
    if any(type(item) is dict and _ALIKE in item for item in items):
        return items
    alike = Counter(choice.alike)
    return [
        {**item, _ALIKE: NumberText(alike[at])} if alike[at] and type(item) is dict else item
        for at, item in zip(choice.kept, items, strict=True)
    ]
