"""`/v1/compress` and `/v1/usage`."""

from __future__ import annotations

import time

import msgspec
from aiohttp import web
from msgspec import Raw, Struct

from headroom_stream.gateway.answers import Compressed, Used
from headroom_stream.gateway.http import Parameter, RefusedError, Route, decoded, json_answer
from headroom_stream.gateway.jobs import Done, Job
from headroom_stream.gateway.process import ProcessDiedError
from headroom_stream.gateway.requests import CompressRequest, UsageRequest
from headroom_stream.gateway.server import Gateway
from headroom_stream.gateway.tenants import Tenant

BYPASS = "x-headroom-bypass"


class _Config(Struct):
    session_id: str | None = None


class _Envelope(Struct):
    """What the server has to know of a request; the worker reads it all."""

    config: _Config | None = None


class _Messages(Struct):
    messages: Raw


async def compress(gateway: Gateway, tenant: Tenant, request: web.Request) -> web.Response:
    """Messages, ready to send."""
    began = time.perf_counter()
    async with gateway.body(request) as body:
        session = _session(body)
        audit = request.headers.get(BYPASS, "").lower() == "true"
        job = Job(id=0, kind="compress", request_id=gateway.new_id(), body=body, mode="audit" if audit else None)
        try:
            done, took = await gateway.do(job, tenant, of=session)
        except TimeoutError:
            tenant.counts.timeouts += 1
            if session is not None:
                raise RefusedError(
                    503, "compression_timeout", f"compression took more than {gateway.settings.timeout_s:g} seconds", retry_after=1
                ) from None
            return json_answer(_skipped(body))
        except ProcessDiedError as error:
            raise RefusedError(503, "compression_error", "the process that compresses died twice over this request") from error
    if done.row is not None:
        gateway.record(tenant, done.row, overhead_ms=took, total_ms=1000 * (time.perf_counter() - began))
    return answered(done)


async def usage(gateway: Gateway, tenant: Tenant, request: web.Request) -> web.Response:
    """What a provider billed for the last call of a session."""
    async with gateway.body(request) as body:
        session = decoded(body, UsageRequest).session_id
        try:
            done, _ = await gateway.do(Job(id=0, kind="usage", body=body), tenant, of=session)
        except (TimeoutError, ProcessDiedError) as error:
            raise RefusedError(503, "overloaded", "the session's process did not answer in time", retry_after=1) from error
    return answered(done)


def answered(done: Done) -> web.Response:
    """The body of a job as the answer."""
    return json_answer(done.body, status=done.status)


def _session(body: bytes) -> str | None:
    """The session that a request names. What is wrong with it says the worker."""
    try:
        config = msgspec.json.decode(body, type=_Envelope).config
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return config.session_id if config is not None else None


def _skipped(body: bytes) -> Compressed:
    """The messages as they came, uncounted: there was no time."""
    messages = decoded(body, _Messages).messages
    return Compressed(
        messages=decoded(bytes(messages), list[Raw]),
        tokens_before=0,
        tokens_after=0,
        tokens_saved=0,
        compression_ratio=1.0,
        fraction_saved=0.0,
        transforms_applied=[],
        transforms_summary={},
        ccr_hashes=[],
        cache_breakpoints=[],
        lossless=True,
        over_budget=False,
        compression_skipped=True,
        skip_reason="compression_timeout",
    )


ROUTES = (
    Route(
        method="POST",
        path="/v1/compress",
        handler=compress,
        summary="Messages in, messages to send out. With config.session_id as the next turn of that session, else by themselves.",
        request=CompressRequest,
        answer=Compressed,
        statuses=(500,),
        parameters=(
            Parameter(
                name=BYPASS, where="header", about="`true`: the messages come back as they are, counted.", schema={"type": "string"}
            ),
        ),
    ),
    Route(
        method="POST",
        path="/v1/usage",
        handler=usage,
        summary="What the provider reported for the last call of a session: its next turn knows what the cache holds.",
        request=UsageRequest,
        answer=Used,
    ),
)
