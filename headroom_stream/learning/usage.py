"""Asks what was learnt: how likely an output is to be used, and which of its fields."""

from __future__ import annotations

from collections.abc import Iterable

from headroom_stream.learning.schema import schema_of
from headroom_stream.learning.stats import ToolStats, UsageStats

PRIOR = 2
"""Outputs of even odds that every tool starts with, so that one lucky or unlucky output decides nothing."""
HALF_SURE = 4
"""Outputs after which confidence is a half."""


class ToolUsage:
    """Learned use, as `IntelligentContextManager(config, toin=…)` takes it."""

    def __init__(self, stats: UsageStats) -> None:
        self.stats = stats
        self._by_tool: dict[str, list[ToolStats]] = {}
        for one in stats.tools.values():
            self._by_tool.setdefault(one.tool, []).append(one)

    def importance(self, tool: str, text: str) -> float | None:
        """Share of such outputs that were used or asked for later, 0 to 1, drawn to a half while few were seen. None: none was.

        "Such": of the same tool and schema; of the same tool where the schema is new.
        """
        outputs, used = self._counts(tool, text)
        return (used + PRIOR / 2) / (outputs + PRIOR) if outputs else None

    def confidence(self, tool: str, text: str) -> float:
        """How sure `importance` is, 0 to 1, by the number of such outputs."""
        outputs, _ = self._counts(tool, text)
        return outputs / (outputs + HALF_SURE)

    def used_fields(self, tool: str, schema: str) -> tuple[str, ...]:
        """Paths of the fields that were ever used, the most often used first."""
        fields = self.stats.of(tool, schema).fields
        shares = {name: use.used / use.seen if use.seen else 1.0 for name, use in fields.items() if use.used}
        return tuple(sorted(shares, key=lambda name: (-shares[name], name)))

    def _counts(self, tool: str, text: str) -> tuple[int, int]:
        one = self.stats.of(tool, schema_of(text))
        return _sums([one]) if one.outputs else _sums(self._by_tool.get(tool, ()))


def _sums(stats: Iterable[ToolStats]) -> tuple[int, int]:
    outputs = used = 0
    for one in stats:
        outputs += one.outputs
        used += min(one.outputs, one.used + one.retrievals)
    return outputs, used
