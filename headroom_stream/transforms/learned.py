"""What a transform asks of learned use. `headroom_stream.learning.ToolUsage` answers it; so may anything else."""

from __future__ import annotations

from typing import Protocol


class LearnedUse(Protocol):
    """How much outputs of tools were worth in earlier conversations."""

    def importance(self, tool: str, text: str) -> float | None:
        """0: such outputs are never used again, 1: always. None: nothing is known."""

    def confidence(self, tool: str, text: str) -> float:
        """How sure that is, 0 to 1."""
