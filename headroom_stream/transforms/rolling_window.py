"""The rolling window: whole rounds leave by age until a token budget is kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headroom_stream.config.transforms import RollingWindowConfig
from headroom_stream.errors import ConfigurationError
from headroom_stream.tokens import Tokenizer
from headroom_stream.transforms.conversation import Conversation, read_messages
from headroom_stream.transforms.counting import Counting
from headroom_stream.transforms.fitting import Fitted, Unit, droppable, fit
from headroom_stream.transforms.result import Message, TransformResult


class RollingWindow(Counting):
    """Keeps a budget by leaving out the oldest rounds; `fitting` says what stays, and what happens when even that is too much."""

    name = "rolling_window"

    def __init__(self, config: RollingWindowConfig | None = None, *, tokenizer: Tokenizer | None = None) -> None:
        self.config = config or RollingWindowConfig()
        super().__init__(tokenizer)

    def apply(
        self,
        messages: Sequence[Message],
        tokenizer: Tokenizer | None = None,
        *,
        max_tokens: int | None = None,
        model_limit: int | None = None,
        output_buffer: int | None = None,
        frozen: int = 0,
        **_: Any,
    ) -> TransformResult:
        """The messages within the budget.

        The budget is `max_tokens`, else the config's; with a `model_limit`, at most that less the output buffer (the argument, else the
        config's). The first `frozen` messages stay. Raises ConfigurationError where no budget is left, ValidationError for messages
        that no provider would take.
        """
        tokenizer = self.tokenizer_for(tokenizer)
        conversation = read_messages(messages, tokenizer)
        if not self.config.enabled:
            return TransformResult(
                messages=conversation.messages, tokens_before=conversation.total, tokens_after=conversation.total
            )
        budget = max_tokens if max_tokens is not None else self.config.max_tokens
        if model_limit is not None:
            budget = min(budget, model_limit - (self.config.output_buffer_tokens if output_buffer is None else output_buffer))
        return windowed(conversation, self.config, budget, tokenizer, frozen=frozen, name=self.name)


def windowed(
    conversation: Conversation, config: RollingWindowConfig, budget: int, tokenizer: Tokenizer, *, frozen: int, name: str
) -> TransformResult:
    """The conversation within the budget, as a result of the transform `name`."""
    check_budget(budget)
    units = droppable(conversation, keep_system=config.preserve_system, frozen=frozen)
    order, recent = apart(conversation, units, config.preserve_recent_turns)
    if not config.drop_oldest_first:
        order.reverse()
    return result_of(conversation, fit(conversation, [*order, *recent], budget, tokenizer, frozen=frozen), name)


def check_budget(budget: int) -> None:
    """Raises ConfigurationError for a budget that is none."""
    if budget < 1:
        raise ConfigurationError(f"a budget of {budget} tokens: give a higher limit or a smaller output buffer")


def apart(conversation: Conversation, units: Sequence[Unit], keep_last_turns: int) -> tuple[list[Unit], list[Unit]]:
    """The units before the last turns, and those of the last turns."""
    rounds = conversation.units()
    last = rounds[max(0, len(rounds) - keep_last_turns) :]
    first = last[0].start if last else len(conversation.reads)
    return [u for u in units if u.messages[0] < first], [u for u in units if u.messages[0] >= first]


def result_of(before: Conversation, fitted: Fitted, name: str) -> TransformResult:
    """A fitted conversation as a result."""
    return TransformResult(
        messages=fitted.conversation.messages,
        tokens_before=before.total,
        tokens_after=fitted.conversation.total,
        transforms_applied=[name] if fitted.units else [],
        markers_inserted=list(fitted.markers),
        warnings=[fitted.warning] if fitted.warning else [],
        originals=dict(fitted.originals),
        messages_removed=fitted.removed,
        units_removed=fitted.units,
    )
