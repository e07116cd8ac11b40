"""What is counted of a call in the process that compresses it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from headroom_stream.client.system_prompt import Prompt
from headroom_stream.engine.compressor import Prepared
from headroom_stream.events import DecisionMetric
from headroom_stream.gateway.answers import DiffArtifact, TransformDiff
from headroom_stream.gateway.jobs import Job
from headroom_stream.results import Mode, RequestMetrics

NANO = 10**9


class Work(Struct, frozen=True, kw_only=True):
    """What was done for a call."""

    row: RequestMetrics
    decisions: list[DecisionMetric]
    prepared: Prepared | None = None


def row_of(
    job: Job, prepared: Prepared, prompt: Prompt, *, mode: Mode, model: str, provider: str, now: datetime, breakpoints: int = 0
) -> RequestMetrics:
    """The row of a call."""
    result, context, turn = prepared.result, prepared.context, prepared.reply.turn
    return RequestMetrics(
        request_id=job.request_id,
        timestamp=now.replace(tzinfo=None),
        model=model,
        mode=mode,
        session_id=result.session_id,
        provider=provider or (context.provider if context else ""),
        tokens_input_before=result.tokens_before,
        tokens_input_after=result.tokens_after,
        cost_before=_usd(turn.cost_before_nanousd) if turn else None,
        cost_after=_usd(turn.cost_after_nanousd) if turn else None,
        block_breakdown=prepared.blocks,
        waste_signals=prepared.waste.to_dict(),
        stable_prefix_hash=prompt.hash,
        cache_alignment_score=prompt.score,
        cache_optimizer_used=provider if breakpoints else None,
        cache_optimizer_strategy="breakpoints" if breakpoints else None,
        cacheable_tokens=result.tokens_after if result.cache_breakpoints else 0,
        breakpoints_inserted=breakpoints,
        estimated_cache_hit=bool(context and context.first_changed_index),
        transforms_applied=[*result.transforms_applied, *(["cache_aligner"] if prompt.tail else [])],
        turns_dropped=turn.dropped_messages if turn else 0,
        messages_hash=context.prefix_hash if context else "",
    )


def artifact_of(row: RequestMetrics, decisions: Iterable[DecisionMetric]) -> DiffArtifact:
    """What each kind of compression did."""
    by_kind: dict[str, list[DecisionMetric]] = {}
    for one in decisions:
        if one.action == "compressed":
            by_kind.setdefault(one.kind, []).append(one)
    return DiffArtifact(
        request_id=row.request_id,
        original_tokens=row.tokens_input_before,
        optimized_tokens=row.tokens_input_after,
        total_tokens_saved=row.tokens_input_before - row.tokens_input_after,
        transforms=[_diff(kind, by_kind[kind]) for kind in sorted(by_kind)],
    )


def _diff(kind: str, decisions: list[DecisionMetric]) -> TransformDiff:
    before = sum(one.tokens_before for one in decisions)
    after = sum(one.tokens_after for one in decisions)
    cut = sum(not one.lossless for one in decisions)
    tools = ", ".join(sorted({one.tool for one in decisions if one.tool}))
    return TransformDiff(
        transform_name=kind,
        tokens_before=before,
        tokens_after=after,
        tokens_saved=before - after,
        items_removed=cut,
        items_kept=len(decisions) - cut,
        details=f"{len(decisions)} tool outputs" + (f" of {tools}" if tools else ""),
    )


def summary_of(decisions: Iterable[DecisionMetric]) -> dict[str, int]:
    """Tool outputs by what was done to them."""
    counts = Counter(one.kind for one in decisions if one.action == "compressed")
    return {kind: counts[kind] for kind in sorted(counts)}


def _usd(nano: int | None) -> float | None:
    return None if nano is None else nano / NANO
