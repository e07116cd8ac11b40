"""Learns from conversations which fields of which tools' outputs agents go on to use.

`observe` is a pure fold over messages; what it gathers (`UsageStats`) can be stored, merged over sessions and asked (`ToolUsage`).
Nothing of a conversation is in the statistics but names of tools and of fields.
"""

from __future__ import annotations

from headroom_stream.learning.observe import Learning, learn, observe, observe_retrieval
from headroom_stream.learning.schema import schema_of
from headroom_stream.learning.stats import FieldUse, ToolStats, UsageStats, merge
from headroom_stream.learning.usage import ToolUsage

__all__ = [
    "FieldUse",
    "Learning",
    "ToolStats",
    "ToolUsage",
    "UsageStats",
    "learn",
    "merge",
    "observe",
    "observe_retrieval",
    "schema_of",
]
