"""What a tenant's calls teach of its tools: what was compressed, what was asked for again, which fields agents go on to use."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable
from typing import Any

from msgspec import Struct, field, structs

from headroom_stream.events import DecisionMetric, UsageMetric
from headroom_stream.gateway.requests import MOST, FieldCount, Telemetry, ToolCounts
from headroom_stream.learning import FieldUse, ToolStats, ToolUsage, UsageStats, merge, observe_retrieval
from headroom_stream.learning.schema import TEXT
from headroom_stream.learning.usage import HALF_SURE

MOST_TOOLS = 500
"""Tools that are counted; the names are the callers'."""
MOST_QUERIES = 50
MOST_QUERY = 200
"""Characters of a query that are kept."""
MIN_IMPORTED = 2
"""Outputs of which a field was used before it is kept: the same as within a session, once may be chance."""


class ToolTally(Struct):
    """Of one tool."""

    outputs: int = 0
    """That were looked at."""
    compressions: int = 0
    lossy: int = 0
    """Compressions that left something out."""
    before: int = 0
    after: int = 0
    """Tokens of its compressed outputs."""
    retrievals: int = 0
    searches: int = 0
    """Retrievals with a query."""
    queries: Counter[str] = field(default_factory=Counter)

    @property
    def retrieval_rate(self) -> float:
        """Retrievals by compressions that left something out."""
        return min(1.0, self.retrievals / self.lossy) if self.lossy else 0.0


class Learnt:
    """Counts by tool, and the use of their outputs by shape."""

    def __init__(self) -> None:
        self.tools: OrderedDict[str, ToolTally] = OrderedDict()
        self.stats = UsageStats()
        self.changes: dict[str, Any] = {}
        """To the policy of calls: fields that are kept since another gateway's agents use them."""

    def of(self, tool: str) -> ToolTally:
        """The counts of a tool, which is counted from now on."""
        found = self.tools.setdefault(tool, ToolTally())
        self.tools.move_to_end(tool)
        while len(self.tools) > MOST_TOOLS:
            self.tools.popitem(last=False)
        return found

    def decided(self, decisions: Iterable[DecisionMetric]) -> None:
        """Count what was done to outputs."""
        for one in decisions:
            tally = self.of(one.tool)
            tally.outputs += 1
            if one.action == "compressed":
                tally.compressions += 1
                tally.lossy += not one.lossless
                tally.before += one.tokens_before
                tally.after += one.tokens_after

    def taught(self, rows: Iterable[UsageMetric]) -> None:
        """Add what sessions teach."""
        for row in rows:
            one = self.stats.of(row.tool, row.schema)
            if row.field:
                use = one.fields.get(row.field, FieldUse())
                one = structs.replace(one, fields={**one.fields, row.field: FieldUse(use.seen, use.used + row.used)})
            else:
                one = structs.replace(one, outputs=one.outputs + row.outputs, used=one.used + row.used)
            self.stats = self.stats.having(one)

    def retrieved(self, tool: str, text: str, query: str) -> None:
        """Count that an original was asked for."""
        tally = self.of(tool)
        tally.retrievals += 1
        if query:
            tally.searches += 1
            short = query[:MOST_QUERY]
            if short in tally.queries or len(tally.queries) < MOST_QUERIES:
                tally.queries[short] += 1
        self.stats = observe_retrieval(self.stats, tool, text)

    def shapes(self) -> list[ToolStats]:
        """All shapes of outputs, those seen most first.

        Sessions teach nothing of plain texts, so those of a tool are its outputs that have no other shape.
        """
        shaped: Counter[str] = Counter()
        for one in self.stats.tools.values():
            shaped[one.tool] += one.outputs
        found = [
            structs.replace(one, outputs=one.outputs + max(0, self.tools[one.tool].outputs - shaped[one.tool]))
            if one.schema == TEXT and one.tool in self.tools
            else one
            for one in self.stats.tools.values()
        ]
        return sorted(found, key=lambda one: (-one.outputs, one.tool, one.schema))

    @property
    def usage(self) -> ToolUsage:
        """What was learnt, to be asked."""
        return ToolUsage(self.stats)

    def exported(self) -> Telemetry:
        """For another gateway."""
        return Telemetry(tools=[_counts(one) for _, one in sorted(self.stats.tools.items())])

    def imported(self, telemetry: Telemetry) -> int:
        """Add what another gateway learnt. From then on fields that agents use are not cut in outputs of new turns. Returns its tools."""
        self.stats = merge(self.stats, *(_stats(one) for one in telemetry.tools))
        keep: dict[str, set[str]] = {}
        for one in self.stats.tools.values():
            keep.setdefault(one.tool, set()).update(name for name, use in one.fields.items() if use.used >= MIN_IMPORTED)
        tools = [{"tool": tool, "keep": sorted(keep[tool])} for tool in sorted(keep) if keep[tool]]
        self.changes = {"learning": {"tools": tools}} if tools else {}
        return len(telemetry.tools)


def confidence(outputs: int) -> float:
    """How sure one may be after so many outputs, 0 to 1."""
    return outputs / (outputs + HALF_SURE)


def _counts(one: ToolStats) -> ToolCounts:
    fields = [FieldCount(field=name, used=min(MOST, use.used)) for name, use in sorted(one.fields.items()) if use.used]
    return ToolCounts(
        tool=one.tool,
        schema=one.schema,
        outputs=min(MOST, one.outputs),
        used=min(MOST, one.used),
        retrievals=min(MOST, one.retrievals),
        fields=fields,
    )


def _stats(one: ToolCounts) -> UsageStats:
    fields = {use.field: FieldUse(use.used, use.used) for use in one.fields}
    made = ToolStats(tool=one.tool, schema=one.schema, outputs=one.outputs, used=one.used, retrievals=one.retrievals, fields=fields)
    return UsageStats().having(made)
