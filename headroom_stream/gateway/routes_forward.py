"""Passthrough: `/v1/chat/completions` and `/v1/messages`, with compressed messages, to the configured providers.

The answer is relayed as it comes, chunk by chunk. If messages can't be compressed, the request goes on as it came, and the header
`x-headroom-skipped` of the answer says why.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import time
from typing import Any, get_args

import msgspec
from aiohttp import ClientError, ClientResponse, ServerTimeoutError, web
from msgspec import Raw, Struct, structs

from headroom_stream.gateway.access import KEY, our_key_in_authorization
from headroom_stream.gateway.answers import ErrorBody
from headroom_stream.gateway.forwarding import Shape
from headroom_stream.gateway.http import Parameter, RefusedError, Route, decoded, json_answer
from headroom_stream.gateway.jobs import Done, Job
from headroom_stream.gateway.process import ProcessDiedError
from headroom_stream.gateway.relaying import Tail, request_headers, response_headers
from headroom_stream.gateway.requests import UsageRequest
from headroom_stream.gateway.server import Gateway
from headroom_stream.gateway.tenants import Tenant
from headroom_stream.pricing.usage import normalise_usage
from headroom_stream.results import Mode, RequestMetrics

MODE = "x-headroom-mode"
SESSION = "x-headroom-session"
SKIPPED = "x-headroom-skipped"
MOST_SESSION = 256
log = logging.getLogger(__name__)
_PATHS: dict[Shape, str] = {"openai": "/chat/completions", "anthropic": "/v1/messages"}


class _Start(Struct):
    """What says which conversation a request goes on with."""

    model: str = ""
    system: Raw = Raw(b"")
    messages: list[Raw] = []  # msgspec copies an empty default


class _Role(Struct):
    role: str = ""


class Forward(Struct, frozen=True, kw_only=True):
    """A provider's own request: `model`, `messages` and whatever else it takes, which goes on untouched. Providers say what it lacks."""

    model: str = ""
    messages: list[Raw] = []  # msgspec copies an empty default


async def chat(gateway: Gateway, tenant: Tenant, request: web.Request) -> web.StreamResponse:
    """OpenAI's."""
    return await _forward(gateway, tenant, request, "openai", gateway.settings.openai_url)


async def messages(gateway: Gateway, tenant: Tenant, request: web.Request) -> web.StreamResponse:
    """Anthropic's."""
    return await _forward(gateway, tenant, request, "anthropic", gateway.settings.anthropic_url)


async def _forward(gateway: Gateway, tenant: Tenant, request: web.Request, shape: Shape, base: str | None) -> web.StreamResponse:
    began = time.perf_counter()
    if base is None:
        raise RefusedError(404, "not_found", f"gateway.{shape}_url is not set: this gateway compresses, but passes nothing on")
    mode, session = _mode(request), _session(request)
    async with gateway.body(request) as body:
        start = decoded(body, _Start)
        going_on = session or _conversation(start)
        job = Job(id=0, kind=shape, request_id=gateway.new_id(), body=body, session=session, mode=mode)
        done, why, took = await _prepared(gateway, tenant, job, going_on)
        row = done.row if done is not None and done.row is not None else _failed(gateway, job, shape, start.model, why)
        if done is not None and done.simulated:
            gateway.record(tenant, row, overhead_ms=took, total_ms=took)
            return json_answer(done.body)
        try:
            upstream = await _asked(gateway, request, shape, base, body if done is None else done.body)
        except RefusedError as error:
            gateway.record(tenant, structs.replace(row, error=error.message), overhead_ms=took, total_ms=_since(began))
            raise
    # From here on the request is no longer held: an answer may take minutes.
    tail = Tail(upstream.headers)
    try:
        answer = await _relay(request, upstream, _told(row), tail)
    finally:
        usage = tail.usage()
        if usage:
            said = normalise_usage(usage)
            row = structs.replace(row, tokens_output=said.output, cached_tokens=said.cache_read)
        gateway.record(tenant, row, overhead_ms=took, total_ms=_since(began))
    if usage and mode == "optimize" and why is None:
        await _report(gateway, tenant, row.session_id, usage, going_on)
    return answer


def _since(began: float) -> float:
    """Milliseconds."""
    return 1000 * (time.perf_counter() - began)


def _mode(request: web.Request) -> Mode:
    given = request.headers.get(MODE, "optimize")
    for mode in get_args(Mode):
        if given == mode:
            return mode  # type: ignore[no-any-return]  # one of the literals
    raise RefusedError(400, "invalid_request", f"{MODE} is one of {', '.join(get_args(Mode))}")


def _session(request: web.Request) -> str | None:
    session = request.headers.get(SESSION) or None
    if session is not None and len(session) > MOST_SESSION:
        raise RefusedError(400, "invalid_request", f"{SESSION} has more than {MOST_SESSION} characters")
    return session


def _conversation(start: _Start) -> str:
    """What all calls of a conversation have in common: the system prompt and all up to the first message of the user."""
    digest = hashlib.blake2b(bytes(start.system), digest_size=16)
    for raw in start.messages:
        digest.update(bytes(raw))
        try:
            if msgspec.json.decode(raw, type=_Role).role == "user":
                break
        except (msgspec.MsgspecError, UnicodeDecodeError):
            break
    return digest.hexdigest()


async def _prepared(gateway: Gateway, tenant: Tenant, job: Job, going_on: str) -> tuple[Done | None, str | None, float]:
    """The request to send on, or why it goes as it came; and the milliseconds that it took."""
    began = time.perf_counter()
    try:
        done, took = await gateway.do(job, tenant, of=going_on)
    except (TimeoutError, ProcessDiedError) as error:
        tenant.counts.timeouts += isinstance(error, TimeoutError)
        return None, str(error) or "compression took too long", _since(began)
    if done.status == web.HTTPOk.status_code:
        return done, None, took
    problem = msgspec.json.decode(done.body, type=ErrorBody).error
    if job.mode == "simulate":
        raise RefusedError(done.status, problem.type, problem.message)
    return None, problem.message, took


def _failed(gateway: Gateway, job: Job, shape: Shape, model: str, why: str | None) -> RequestMetrics:
    """The row of a call that goes as it came. Nobody counted it."""
    return RequestMetrics(
        request_id=job.request_id,
        timestamp=gateway.now().replace(tzinfo=None),
        model=model[:256],
        mode=job.mode or "optimize",
        provider=shape,
        tokens_input_before=0,
        tokens_input_after=0,
        error=(why or "no reason is known")[:500],
    )


def _told(row: RequestMetrics) -> dict[str, str]:
    """What the answer's headers say of compression."""
    if row.error is not None:
        return {SKIPPED: row.error.encode("ascii", "replace").decode().replace("\n", " ").replace("\r", " ")}
    return {
        "x-headroom-tokens-before": str(row.tokens_input_before),
        "x-headroom-tokens-after": str(row.tokens_input_after),
        "x-headroom-tokens-saved": str(row.tokens_saved),
    }


def _key(gateway: Gateway, shape: Shape) -> tuple[str, str] | None:
    """The header with the key of a provider that is in the settings."""
    own = gateway.settings
    if shape == "openai":
        return None if own.openai_key is None else ("Authorization", f"Bearer {own.openai_key}")
    return None if own.anthropic_key is None else ("x-api-key", own.anthropic_key)


async def _asked(gateway: Gateway, request: web.Request, shape: Shape, base: str, body: bytes) -> ClientResponse:
    """Send a request on; the answer has begun. Raises RefusedError where there is none."""
    url = base.rstrip("/") + _PATHS[shape]
    ours = our_key_in_authorization(gateway.tenants, request)
    headers = request_headers(request.headers, ours=ours, key=_key(gateway, shape))
    try:
        return await gateway.upstream.post(url, data=body, headers=headers, params=request.rel_url.query, allow_redirects=False)
    except ServerTimeoutError as error:
        raise RefusedError(504, "upstream_timeout", "the provider did not answer in time") from error
    except (ClientError, OSError) as error:
        raise RefusedError(502, "upstream_error", f"the provider can't be reached: {type(error).__name__}") from error


async def _relay(request: web.Request, upstream: ClientResponse, told: dict[str, str], tail: Tail) -> web.StreamResponse:
    """Send the provider's answer back, chunk by chunk as it comes. Raises ConnectionError if the caller left."""
    async with upstream:
        answer = web.StreamResponse(status=upstream.status, reason=upstream.reason, headers=response_headers(upstream.headers))
        answer.headers.update(told)
        await answer.prepare(request)
        while True:
            try:
                chunk = await upstream.content.readany()
            except (ClientError, TimeoutError):
                # The answer has begun: all that is left to say is that it is not whole.
                log.warning("a provider broke off its answer")
                if request.transport is not None:
                    request.transport.abort()
                return answer
            if not chunk:
                break
            tail.add(chunk)
            await answer.write(chunk)
        await answer.write_eof()
    return answer


async def _report(gateway: Gateway, tenant: Tenant, session: str, usage: dict[str, Any], going_on: str) -> None:
    """Tell the session what the provider billed. The caller has its answer: a session that does not hear of it loses nothing else."""
    body = msgspec.json.encode(UsageRequest(session_id=session, usage=usage))
    with contextlib.suppress(TimeoutError, ProcessDiedError):
        await gateway.do(Job(id=0, kind="usage", body=body), tenant, of=going_on)


_HEADERS = (
    Parameter(
        name=MODE,
        where="header",
        about="audit: counted, sent as it came; simulate: not sent.",
        schema={"enum": list(get_args(Mode))},
    ),
    Parameter(
        name=SESSION,
        where="header",
        about="Else the session is found by the messages.",
        schema={"type": "string", "maxLength": 256},
    ),
    Parameter(
        name=KEY, where="header", about="The gateway's key, where `Authorization` is the provider's.", schema={"type": "string"}
    ),
)

ROUTES = (
    Route(
        method="POST",
        path="/v1/chat/completions",
        handler=chat,
        summary="OpenAI's, sent on to gateway.openai_url with compressed messages. Streams are relayed as they come.",
        request=Forward,
        media="*/*",
        statuses=(404, 502, 504),
        parameters=_HEADERS,
    ),
    Route(
        method="POST",
        path="/v1/messages",
        handler=messages,
        summary="Anthropic's, sent on to gateway.anthropic_url with compressed messages and cache breakpoints.",
        request=Forward,
        media="*/*",
        statuses=(404, 502, 504),
        parameters=_HEADERS,
    ),
)
