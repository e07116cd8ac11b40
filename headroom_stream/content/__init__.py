"""Compressors, one module a kind of content: pure functions from a text to a shorter one.

A module offers `compress(text, hints) -> Compressed | None`; None says that the text is not of its kind, or gains nothing.
"""

from __future__ import annotations

from msgspec import Struct


class Hints(Struct, frozen=True, kw_only=True):
    """What a compressor may know besides the text."""

    tool: str = ""
    query: str = ""
    """What the agent was asked; lines and rows that it names are kept."""
    intent: str = ""
    """What the agent said when it called the tool, and the arguments of its calls."""
    used: frozenset[str] = frozenset()
    """Fields of the tool's outputs that agents use, as paths (`content.paths`): what they hold is not cut."""


class Compressed(Struct, frozen=True, kw_only=True):
    """A shorter text for the model, and what was done to get it."""

    text: str
    kind: str
    lossless: bool
    """Whether the original's data follows from the text alone (for JSON: equal values, not equal white space)."""
    removed: str = ""
    """What is not in the text any more, for the marker: `412 lines`. Empty when lossless."""
    compact: bool = False
    """Whether the whole text is in the notation of `records`, which can be read back."""
