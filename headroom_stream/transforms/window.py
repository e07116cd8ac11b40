"""The token-budget window: which messages go when a context outgrows its budget.

Tool calls and their results leave together. The opening (system messages, the task) and the latest rounds stay. A rewrite makes room
down to a low-water mark at once: a window that slides at every turn breaks the provider's cache at every turn, and costs more than
it saves.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

from headroom_stream.config import WindowConfig


class Message(Protocol):
    """What the window needs to know of a message."""

    @property
    def role(self) -> str:
        """Who speaks."""

    @property
    def after(self) -> int:
        """Tokens as it is sent."""


def opening(messages: Sequence[Message]) -> int:
    """Messages before the first of the assistant: the instructions and the task."""
    return next((i for i, m in enumerate(messages) if m.role == "assistant"), len(messages))


def rounds(messages: Sequence[Message]) -> list[int]:
    """Where each round begins: an assistant message and all up to the next, so that no call is parted from its results."""
    return [i for i, m in enumerate(messages) if m.role == "assistant"]


def cut(messages: Sequence[Message], total: int, config: WindowConfig, *, reserve: int = 0) -> tuple[int, int] | None:
    """Which messages to drop, as (first, end), or None when the context fits or nothing can go.

    `total` is the tokens of the whole context, `reserve` those of the marker that will stand for what is dropped. Drops whole rounds,
    oldest first, to the low-water mark; `keep_last_turns` rounds stay unless even the budget itself can't hold them.
    """
    if config.max_tokens is None or total <= config.max_tokens:
        return None
    first = opening(messages)
    starts = rounds(messages)
    target = int(config.max_tokens * config.low_water) - reserve
    budget = config.max_tokens - reserve
    protected = starts[-config.keep_last_turns] if len(starts) >= config.keep_last_turns else first
    end, left = first, total
    for start, stop in pairwise(starts):
        enough = left <= (target if start < protected else budget)
        if enough:
            break
        left -= sum(m.after for m in messages[start:stop])
        end = stop
    return (first, end) if end > first else None
