"""The fold that learns: outputs are remembered for a while, and what the agent writes later is looked up in them."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct, structs

from headroom_stream.learning.schema import Leaf, shape_of
from headroom_stream.learning.stats import ToolStats, UsageStats, seen, used
from headroom_stream.learning.values import phrase, values, words_of
from headroom_stream.messages import Output, View

MAX_WATCHED = 24
"""Outputs whose use is watched for. Agents quote an output soon or not at all."""
MAX_VALUES = 300
"""Values watched for of one output: its first ones."""
MAX_OPEN_CALLS = 64


class Watched(Struct, frozen=True, omit_defaults=True):
    """An output that may yet be used."""

    tool: str
    schema: str
    values: dict[str, tuple[str, ...]]
    """Fields by value."""
    phrases: dict[str, tuple[str, ...]] = {}  # msgspec copies an empty default
    """Fields by name or title, in lower case."""
    used: tuple[str, ...] = ()
    """Fields that came up already: each counts once an output."""


class Learning(Struct, frozen=True, omit_defaults=True):
    """State of the fold over one session. Only `stats` outlives it."""

    stats: UsageStats = UsageStats()
    watched: tuple[Watched, ...] = ()
    calls: tuple[tuple[str, str], ...] = ()
    """Keys and tool names of calls that were made lately."""


def observe(state: Learning, message: View) -> Learning:
    """The state after one more message.

    A tool's output is counted as seen and watched. Text and calls of the assistant are looked up in what is watched: values that hardly
    occur by chance (`values`), names and titles of two to eight words. What the agent itself had written before the output came is not
    told apart from what it learnt; over many conversations that evens out.
    """
    stats, watched = state.stats, state.watched
    if message.role == "assistant" and watched:
        stats, watched = _uses(stats, watched, "\n".join((*message.texts, *(c.arguments for c in message.calls))))
    names = dict(state.calls)
    for output in message.outputs:
        one, entry = _output(stats, output, names.get(output.key) or output.tool)
        stats, watched = one, (*watched, entry)[-MAX_WATCHED:]
    calls = (*state.calls, *((c.key, c.name) for c in message.calls))[-MAX_OPEN_CALLS:]
    return Learning(stats, watched, calls)


def learn(messages: Iterable[View], stats: UsageStats | None = None) -> UsageStats:
    """What a whole conversation adds to `stats`."""
    state = Learning(stats or UsageStats())
    for message in messages:
        state = observe(state, message)
    return state.stats


def observe_retrieval(stats: UsageStats, tool: str, text: str) -> UsageStats:
    """The original of an output was asked for: it was worth more than it was taken for."""
    one = stats.of(tool, shape_of(text).schema)
    return stats.having(_retrieved(one))


def _retrieved(one: ToolStats) -> ToolStats:
    return structs.replace(one, retrievals=one.retrievals + 1)


def _output(stats: UsageStats, output: Output, tool: str) -> tuple[UsageStats, Watched]:
    shape = shape_of(output.text)
    known = set(shape.fields)
    found: dict[str, list[str]] = {}
    phrases: dict[str, list[str]] = {}
    for leaf in shape.leaves:
        if leaf.path in known:
            _watch(leaf, found, phrases)
        if len(found) >= MAX_VALUES:
            break
    entry = Watched(tool, shape.schema, _frozen(found), _frozen(phrases))
    return stats.having(seen(stats.of(tool, shape.schema), shape.fields)), entry


def _watch(leaf: Leaf, found: dict[str, list[str]], phrases: dict[str, list[str]]) -> None:
    for value in values(leaf.text):
        if len(found) >= MAX_VALUES:
            return
        fields = found.setdefault(value, [])
        if leaf.path not in fields[-4:]:
            fields.append(leaf.path)
    if leaf.path and (name := phrase(leaf.text)) and len(phrases) < MAX_VALUES:
        fields = phrases.setdefault(name, [])
        if leaf.path not in fields[-4:]:
            fields.append(leaf.path)


def _frozen(fields: dict[str, list[str]]) -> dict[str, tuple[str, ...]]:
    # Most values stand in one field with many others: they share its tuple.
    same: dict[tuple[str, ...], tuple[str, ...]] = {}
    found = ((value, tuple(dict.fromkeys(paths))) for value, paths in fields.items())
    return {value: same.setdefault(paths, paths) for value, paths in found}


def _uses(stats: UsageStats, watched: tuple[Watched, ...], text: str) -> tuple[UsageStats, tuple[Watched, ...]]:
    said = set(values(text))
    words = words_of(text) if any(w.phrases for w in watched) else []
    joined = f" {' '.join(words)} "
    present = set(words)
    out: list[Watched] = []
    for entry in watched:
        hits = {field for value in entry.values.keys() & said for field in entry.values[value]}
        for name, fields in entry.phrases.items():
            if name.partition(" ")[0] in present and f" {name} " in joined:
                hits.update(fields)
        fresh = sorted(hits - set(entry.used))
        if fresh:
            stats = stats.having(used(stats.of(entry.tool, entry.schema), fresh, first=not entry.used))
            entry = structs.replace(entry, used=(*entry.used, *fresh))  # noqa: PLW2901  # the entry as it is from now on
        out.append(entry)
    return stats, tuple(out)
