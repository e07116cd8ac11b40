"""The token-budget window: which messages go when a context outgrows its budget.

Tool calls and their results leave together. The opening (system messages, the task) and the latest rounds stay. A rewrite makes room
down to a low-water mark at once: a window that slides at every turn breaks the provider's cache at every turn, and costs more than
it saves. `shed` is the algorithm; the stream's window and the transforms for direct use (`fitting`) both go by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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


def cut(
    messages: Sequence[Message], total: int, config: WindowConfig, *, reserve: int = 0, frozen: int = 0
) -> tuple[int, int] | None:
    """Which messages to drop, as (first, end), or None when the context fits or nothing can go.

    `total` is the tokens of the whole context, `reserve` those of the marker that will stand for what is dropped. Drops whole rounds,
    oldest first, to the low-water mark; `keep_last_turns` rounds stay unless even the budget itself can't hold them. Rounds that begin
    among the first `frozen` messages stay in any case.
    """
    if config.max_tokens is None or total <= config.max_tokens:
        return None
    starts = [start for start in rounds(messages) if start >= frozen]
    first = starts[0] if starts else len(messages)
    protected = starts[-config.keep_last_turns] if len(starts) >= config.keep_last_turns else first
    parts = ((sum(m.after for m in messages[start:stop]), start >= protected) for start, stop in pairwise(starts))
    number = shed(parts, total, target=int(config.max_tokens * config.low_water) - reserve, budget=config.max_tokens - reserve)
    return (first, starts[number]) if number else None


def shed(parts: Iterable[tuple[int, bool]], total: int, *, target: int, budget: int) -> int:
    """How many of `parts` have to go, from the first on, until the rest of `total` tokens is small enough.

    A part is its tokens, and whether it is protected: protected ones go only as far as the budget needs it, others down to the target.
    """
    number = 0
    for tokens, protected in parts:
        if total <= (budget if protected else target):
            break
        total -= tokens
        number += 1
    return number
