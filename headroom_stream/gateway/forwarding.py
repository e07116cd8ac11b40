"""Passthrough: from a provider's request to the same with compressed messages. Everything else keeps its bytes."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import Raw, structs

from headroom_stream.config import CacheAlignerConfig
from headroom_stream.engine import Call, Compressor
from headroom_stream.gateway.compressing import simulation
from headroom_stream.gateway.counting import Work, row_of
from headroom_stream.gateway.jobs import Job
from headroom_stream.gateway.prompts import Prompts
from headroom_stream.providers import AnthropicProvider

Shape = Literal["openai", "anthropic"]
_REPORT = CacheAlignerConfig(enabled=False)
_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_messages = msgspec.json.Decoder(list[Raw]).decode


class _Model(msgspec.Struct):
    model: str = ""
    messages: list[Raw] = []  # msgspec copies an empty default


_model = msgspec.json.Decoder(_Model).decode


def prepare(job: Job, shape: Shape, compressor: Compressor, prompts: Prompts, now: datetime) -> tuple[bytes, Work]:
    """The request to send on, and what was done. In audit and simulate mode sessions stay as they are; for `simulate` the body is what
    the caller gets. Raises ValidationError for messages that no provider takes.
    """
    asked = _model(job.body)
    fields = _fields(job.body)
    system = msgspec.json.decode(fields["system"]) if shape == "anthropic" and "system" in fields else None
    prompt = prompts.of(asked.messages, _REPORT, system)
    mode = job.mode or "optimize"
    call = Call(model=asked.model, session=job.session, tenant=job.tenant, shape=shape, policy=job.learnt)
    prepared = compressor.turn(asked.messages, call, preview=mode != "optimize")
    body, marks = job.body, 0
    if mode == "optimize" and prepared.context is not None:
        sent: list[Raw] = prepared.result.messages
        if shape == "anthropic":
            fields, sent, marks = _marked(fields, sent, system, prepared.result.cache_breakpoints, asked.model)
        body = msgspec.json.encode({**fields, "messages": sent})
    elif mode == "simulate":
        body = simulation(prepared, prompt)
    row = row_of(job, prepared, prompt, mode=mode, model=asked.model, provider=shape, now=now, breakpoints=marks)
    row = structs.replace(row, stream=bytes(fields.get("stream", Raw(b"false"))) == b"true")
    return body, Work(row=row, decisions=prepared.reply.decisions, prepared=prepared)


def _marked(
    fields: dict[str, Raw], sent: list[Raw], system: Any, indexes: list[int], model: str
) -> tuple[dict[str, Raw], list[Raw], int]:
    """The request's parts with cache breakpoints, and how many are new. Only what gets a mark is written anew."""
    tools = msgspec.json.decode(fields["tools"]) if "tools" in fields else None
    before = [msgspec.json.decode(raw) for raw in sent]
    taken = int("cache_control" in fields)
    made = AnthropicProvider(warn=False).place_breakpoints(system, tools, before, indexes, model=model, taken=taken)
    parts: dict[str, Raw] = {}
    if made.system is not system:
        parts["system"] = Raw(msgspec.json.encode(made.system))
    if made.tools is not tools:
        parts["tools"] = Raw(msgspec.json.encode(made.tools))
    pairs = list(zip(sent, made.messages, before, strict=True))
    changed = sum(new is not old for _, new, old in pairs) + len(parts)
    return fields | parts, [raw if new is old else Raw(msgspec.json.encode(new)) for raw, new, old in pairs], changed
