"""What has been learnt: how often each field of each tool's outputs was used. Small, mergeable, and without any value of a conversation."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct, structs

MAX_TOOLS = 256
"""Pairs of tool and schema that are remembered; the most often seen stay."""


class FieldUse(Struct, frozen=True, array_like=True):
    """One field of one schema."""

    seen: int = 0
    """Outputs that had it."""
    used: int = 0
    """Outputs of which a value of it came up later in what the agent wrote."""


class ToolStats(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One schema of one tool."""

    tool: str
    schema: str
    outputs: int = 0
    used: int = 0
    """Outputs of which any value came up later."""
    retrievals: int = 0
    """Outputs whose original was asked for after it had been left out or shortened."""
    fields: dict[str, FieldUse] = {}  # msgspec copies an empty default


class UsageStats(Struct, frozen=True, omit_defaults=True):
    """All tools, by `tool` and schema."""

    tools: dict[str, ToolStats] = {}  # msgspec copies an empty default

    def of(self, tool: str, schema: str) -> ToolStats:
        """What is known of one schema of one tool: zeros where nothing is."""
        return self.tools.get(key_of(tool, schema)) or ToolStats(tool=tool, schema=schema)

    def having(self, stats: ToolStats) -> UsageStats:
        """The same with these statistics of a tool."""
        return bounded({**self.tools, key_of(stats.tool, stats.schema): stats})


def key_of(tool: str, schema: str) -> str:
    """Where the statistics of a tool's schema are. A schema has no blank, so that keys are never equal by chance."""
    return f"{schema} {tool}"


def bounded(tools: dict[str, ToolStats]) -> UsageStats:
    """At most MAX_TOOLS of them: those seen most, and among equals the first by key."""
    if len(tools) <= MAX_TOOLS:
        return UsageStats(tools)
    best = sorted(tools, key=lambda key: (-tools[key].outputs, key))[:MAX_TOOLS]
    return UsageStats({key: tools[key] for key in sorted(best)})


def merge(*all_stats: UsageStats) -> UsageStats:
    """The sum of statistics, in any order: of sessions, of workers, of days."""
    out: dict[str, ToolStats] = {}
    for stats in all_stats:
        for key, tool in stats.tools.items():
            out[key] = _sum(out[key], tool) if key in out else tool
    return bounded({key: out[key] for key in sorted(out)})


def _sum(a: ToolStats, b: ToolStats) -> ToolStats:
    fields = {
        name: FieldUse(
            a.fields.get(name, FieldUse()).seen + b.fields.get(name, FieldUse()).seen,
            a.fields.get(name, FieldUse()).used + b.fields.get(name, FieldUse()).used,
        )
        for name in sorted({*a.fields, *b.fields})
    }
    return structs.replace(
        a, outputs=a.outputs + b.outputs, used=a.used + b.used, retrievals=a.retrievals + b.retrievals, fields=fields
    )


def seen(stats: ToolStats, fields: Iterable[str]) -> ToolStats:
    """One more output, with these fields."""
    out = dict(stats.fields)
    for name in fields:
        use = out.get(name, FieldUse())
        out[name] = FieldUse(use.seen + 1, use.used)
    return structs.replace(stats, outputs=stats.outputs + 1, fields=out)


def used(stats: ToolStats, fields: Iterable[str], *, first: bool) -> ToolStats:
    """Fields of one output came up; `first`: none of that output had before."""
    out = dict(stats.fields)
    for name in fields:
        use = out.get(name, FieldUse())
        out[name] = FieldUse(use.seen, use.used + 1)
    return structs.replace(stats, used=stats.used + first, fields=out)
