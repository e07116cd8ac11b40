"""What goes between the server and the processes that compress: MessagePack, each piece after its length in four bytes."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Struct

from headroom_stream.config import Policy
from headroom_stream.events import DecisionMetric, OriginalMetric, UsageMetric
from headroom_stream.gateway.answers import ErrorBody, Problem
from headroom_stream.results import Mode, RequestMetrics

LENGTH = 4
"""Bytes before each piece that say how long it is."""

Kind = Literal["compress", "openai", "anthropic", "usage", "passages", "state", "clear"]


class Setup(Struct, frozen=True, kw_only=True):
    """The first piece that a process gets."""

    policy: Policy
    cache_bytes: int
    """Of sessions, for each tenant."""


class Job(Struct, frozen=True, kw_only=True, array_like=True):
    """Something to do."""

    id: int
    kind: Kind
    tenant: str = ""
    request_id: str = ""
    body: bytes = b""
    """The request as it came; for `passages`, the text."""
    session: str | None = None
    """As a header names it."""
    mode: Mode | None = None
    """As a header says it, in place of what the request says."""
    query: str = ""
    learnt: dict[str, Any] = {}  # msgspec copies an empty default
    """Changes to the policy that were learnt."""


class Memory(Struct, frozen=True, kw_only=True, array_like=True):
    """What a process holds."""

    sessions: int = 0
    bytes: int = 0
    """Of sessions, estimated."""


class Done(Struct, frozen=True, kw_only=True, array_like=True):
    """What came of a job."""

    id: int
    status: int = 200
    body: bytes = b""
    """Of the answer; of a passthrough, the request to send on."""
    row: RequestMetrics | None = None
    decisions: list[DecisionMetric] = []  # msgspec copies an empty default
    originals: list[tuple[OriginalMetric, int]] = []  # msgspec copies an empty default
    """What was left out, and the tokens of what stands in its place."""
    taught: list[UsageMetric] = []  # msgspec copies an empty default
    memory: Memory = Memory()
    simulated: bool = False
    """The body answers the caller, and nothing is to be sent on."""


def error_body(kind: str, message: str) -> bytes:
    """The JSON of an error."""
    return msgspec.json.encode(ErrorBody(Problem(kind, message)))


def refused(job: Job, status: int, kind: str, message: str) -> Done:
    """The job can't be done, for this reason."""
    return Done(id=job.id, status=status, body=error_body(kind, message))


def framed(piece: Setup | Job | Done) -> bytes:
    """A piece as it travels."""
    body = _encode(piece)
    return len(body).to_bytes(LENGTH, "big") + body


_encode = msgspec.msgpack.Encoder().encode
decode_setup = msgspec.msgpack.Decoder(Setup).decode
decode_job = msgspec.msgpack.Decoder(Job).decode
decode_done = msgspec.msgpack.Decoder(Done).decode
