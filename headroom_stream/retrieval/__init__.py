"""What was left out of a context, brought back in parts: the passages of an original that a query is about, or some of its lines."""

from __future__ import annotations

from headroom_stream.retrieval.passages import Passage, lines, passages

__all__ = ["Passage", "lines", "passages"]
