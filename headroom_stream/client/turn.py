"""One call of a wrapped client on its way: what to send, and the row that is kept of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct, structs

from headroom_stream.client.system_prompt import Prompt
from headroom_stream.engine import Prepared
from headroom_stream.pricing.usage import normalise_usage
from headroom_stream.providers import Provider
from headroom_stream.results import Mode, RequestMetrics, SimulationResult

NANO = 1_000_000_000


class Ready(Struct, frozen=True, kw_only=True):
    """A call that can be made."""

    arguments: dict[str, Any]
    """For the wrapped client's method."""
    mode: Mode
    row: RequestMetrics | None = None
    """None: the call carries no messages of which something could be said."""
    prepared: Prepared | None = None
    """None: the messages go as they came."""
    sent: list[Any] = []

    def with_usage(self, row: RequestMetrics, usage: dict[str, Any]) -> RequestMetrics:
        """The row with what the provider says it used."""
        said = normalise_usage(usage)
        return structs.replace(row, tokens_output=said.output, cached_tokens=said.cache_read)


def row_of(
    prepared: Prepared, prompt: Prompt, *, mode: Mode, provider: Provider, model: str, request_id: str, now: datetime
) -> RequestMetrics:
    """The row of a call, before it is made."""
    result, context, turn = prepared.result, prepared.context, prepared.reply.turn
    return RequestMetrics(
        request_id=request_id,
        timestamp=now.replace(tzinfo=None),
        model=model,
        mode=mode,
        session_id=result.session_id,
        provider=provider.name,
        tokens_input_before=result.tokens_before,
        tokens_input_after=result.tokens_after,
        cost_before=_usd(turn.cost_before_nanousd) if turn else None,
        cost_after=_usd(turn.cost_after_nanousd) if turn else None,
        block_breakdown=prepared.blocks,
        waste_signals=prepared.waste.to_dict(),
        stable_prefix_hash=prompt.hash,
        cache_alignment_score=prompt.score,
        cacheable_tokens=result.tokens_after if result.cache_breakpoints else 0,
        estimated_cache_hit=bool(context and context.first_changed_index),
        transforms_applied=[*result.transforms_applied, *(["cache_aligner"] if prompt.tail else [])],
        turns_dropped=turn.dropped_messages if turn else 0,
        messages_hash=context.prefix_hash if context else "",
        error=result.error,
    )


def simulation_of(ready: Ready) -> SimulationResult:
    """What the call of a row would send."""
    row, prepared = ready.row, ready.prepared
    assert row is not None
    assert prepared is not None
    before, after = row.cost_before, row.cost_after
    return SimulationResult(
        tokens_before=row.tokens_input_before,
        tokens_after=row.tokens_input_after,
        transforms_applied=row.transforms_applied,
        waste_signals=prepared.waste,
        messages_optimized=ready.sent,
        block_breakdown=prepared.blocks,
        stable_prefix_hash=row.stable_prefix_hash,
        cache_alignment_score=row.cache_alignment_score,
        estimated_savings_usd=None if before is None or after is None else before - after,
    )


def _usd(nano: int | None) -> float | None:
    return None if nano is None else nano / NANO
