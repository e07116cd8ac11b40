"""`/v1/compress`: from the JSON of a request to that of its answer. Messages that did not change keep their bytes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from msgspec import Raw, structs

from headroom_stream.client.system_prompt import Prompt
from headroom_stream.engine import Compressor, Prepared, Reply
from headroom_stream.engine.encode import encoded
from headroom_stream.errors import ConfigurationError
from headroom_stream.events import DecisionMetric
from headroom_stream.gateway.answers import Compressed, SessionState
from headroom_stream.gateway.counting import Work, artifact_of, row_of, summary_of
from headroom_stream.gateway.jobs import Job
from headroom_stream.gateway.options import Asked, asked_of
from headroom_stream.gateway.order import results_first
from headroom_stream.gateway.prompts import Prompts, with_tail
from headroom_stream.gateway.requests import CompressRequest
from headroom_stream.messages import view
from headroom_stream.results import CompressResult
from headroom_stream.tokens import PER_CONTEXT, count_message
from headroom_stream.waste import Waste

_decode = msgspec.json.Decoder(CompressRequest).decode


def compress(job: Job, compressor: Compressor, prompts: Prompts, now: datetime) -> tuple[bytes, Work]:
    """The answer's body, and what was done. Raises ValidationError, ConfigurationError and msgspec's errors for what the caller did."""
    request = _decode(job.body)
    asked = asked_of(request, tenant=job.tenant, learnt=job.learnt, budget=compressor.sessions.policy.window.max_tokens)
    mode = job.mode or asked.mode
    raws = request.messages if mode == "audit" else results_first(request.messages)
    prompt = prompts.of(raws, asked.aligner)
    if mode == "audit":
        prepared = counted(compressor, raws)
        prompt = structs.replace(prompt, messages=raws, tail=[])
    elif asked.call.session is not None:
        prepared = compressor.turn(prompt.messages, asked.call, preview=mode == "simulate")
    else:
        prepared = _recent_kept(compressor.compress(prompt.messages, asked.call), prompt.messages, asked)
    decisions = prepared.reply.decisions
    row = row_of(job, prepared, prompt, mode=mode, model=request.model, provider="", now=now)
    answer = _answer(prepared, prompt, with_tail(prepared.result.messages, prompt.tail))
    if asked.call.session is not None:
        answer = structs.replace(answer, session=_session(prepared, asked.call.session))
    if not asked.breakpoints:
        answer = structs.replace(answer, cache_breakpoints=[])
    if mode == "simulate":
        answer = _simulated(answer, prepared, prompt)
    if asked.artifact:
        answer = structs.replace(answer, diff_artifact=artifact_of(row, decisions))
    return msgspec.json.encode(answer), Work(row=row, decisions=decisions, prepared=prepared)


def counted(compressor: Compressor, raws: list[Raw]) -> Prepared:
    """Messages as they came, counted. Raises RejectedEventError for what is no message."""
    tokenizer = compressor.sessions.tokenizer
    views = [view(raw, i) for i, raw in enumerate(raws)]
    waste = Waste(tokenizer)
    waste.add(views)
    count = PER_CONTEXT + sum(count_message(one, tokenizer) for one in views) if views else 0
    result = CompressResult(messages=encoded(raws), tokens_before=count, tokens_after=count)
    return Prepared(result=result, reply=Reply(context=None), waste=waste.signals, blocks=waste.blocks)


def _recent_kept(prepared: Prepared, raws: list[Raw], asked: Asked) -> Prepared:
    """With the last messages as they came, as many as were asked for."""
    result, count = prepared.result, min(asked.protect_recent, len(raws))
    if not count or prepared.context is None:
        return prepared
    if len(result.messages) != len(raws):
        raise ConfigurationError("config.protect_recent: it can't be kept together with a budget that makes messages leave")
    first = len(raws) - count
    back = [row for row in prepared.reply.decisions if row.message >= first and row.action == "compressed"]
    refs = {row.ref for row in back if row.ref}
    stay = [row for row in prepared.reply.metrics if getattr(row, "ref", "") not in refs and row not in back]
    return structs.replace(
        prepared,
        result=structs.replace(
            result,
            messages=[*result.messages[:first], *raws[first:]],
            tokens_after=result.tokens_after + sum(row.tokens_before - row.tokens_after for row in back),
            refs=[ref for ref in result.refs if ref not in refs],
            lossless=not set(result.refs) - refs,
            transforms_applied=sorted({row.kind for row in stay if isinstance(row, DecisionMetric) and row.action == "compressed"}),
        ),
        reply=structs.replace(prepared.reply, metrics=tuple(stay)),
    )


def simulation(prepared: Prepared, prompt: Prompt) -> bytes:
    """What a passthrough call would send."""
    return msgspec.json.encode(
        _simulated(_answer(prepared, prompt, with_tail(prepared.result.messages, prompt.tail)), prepared, prompt)
    )


def _answer(prepared: Prepared, prompt: Prompt, messages: list[Any]) -> Compressed:
    result = prepared.result
    return Compressed(
        messages=messages,
        tokens_before=result.tokens_before,
        tokens_after=result.tokens_after,
        tokens_saved=result.tokens_saved,
        compression_ratio=result.fraction_left,
        fraction_saved=result.fraction_saved,
        transforms_applied=[*result.transforms_applied, *(["cache_aligner"] if prompt.tail else [])],
        transforms_summary=summary_of(prepared.reply.decisions),
        ccr_hashes=result.refs,
        cache_breakpoints=result.cache_breakpoints,
        lossless=result.lossless,
        over_budget=result.over_budget,
        compression_skipped=result.error is not None,
        skip_reason=result.error,
    )


def _session(prepared: Prepared, name: str) -> SessionState:
    standing = prepared.context.first_changed_index if prepared.context else 0
    return SessionState(name, standing, standing > 0)


def _simulated(answer: Compressed, prepared: Prepared, prompt: Prompt) -> Compressed:
    turn = prepared.reply.turn
    before, after = (turn.cost_before_nanousd, turn.cost_after_nanousd) if turn else (None, None)
    saved = None if before is None or after is None else (before - after) / 1e9
    return structs.replace(
        answer,
        transforms=answer.transforms_applied,
        savings_percent=100 * answer.fraction_saved,
        estimated_savings="price of the model not known" if saved is None else f"${saved:.4f} per request",
        estimated_savings_usd=saved,
        messages_optimized=answer.messages,
        block_breakdown=prepared.blocks,
        waste_signals=prepared.waste.to_dict(),
        stable_prefix_hash=prompt.hash,
        cache_alignment_score=prompt.score,
    )
