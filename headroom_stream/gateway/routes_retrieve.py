"""What was left out, brought back: `/v1/retrieve` and what stands beside it."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web
from msgspec import Struct

from headroom_stream.engine.originals import ENTRY_BYTES, Kept
from headroom_stream.errors import CacheError
from headroom_stream.gateway.answers import Found, FoundPassage, Retrieved, ToolAnswer
from headroom_stream.gateway.http import Parameter, RefusedError, Route, decoded, json_answer
from headroom_stream.gateway.jobs import Job
from headroom_stream.gateway.process import ProcessDiedError
from headroom_stream.gateway.requests import RetrieveRequest, ToolCallRequest
from headroom_stream.gateway.server import Gateway
from headroom_stream.gateway.tenants import Tenant

TOOL = "headroom_retrieve"


class StoreStats(Struct, frozen=True, kw_only=True):
    """The originals that are kept, under the SDK's names and the original's."""

    entries: int
    max_entries: int
    """Their size is bounded: so many there could be at most, were they empty."""
    original_tokens_cached: int
    compressed_tokens_cached: int
    retrievals: int
    entry_count: int
    default_ttl_seconds: float
    total_original_tokens: int
    total_compressed_tokens: int
    total_retrievals: int
    event_count: int
    bytes: int
    max_bytes: int
    backend: dict[str, str]


class RecentRetrieval(Struct, frozen=True, kw_only=True):
    """One time that an original was asked for."""

    hash: str
    query: str | None
    items_retrieved: int
    total_items: int
    tool_name: str
    retrieval_type: str


class RetrieveStats(Struct, frozen=True, kw_only=True):
    """The store of originals, and what was last asked of it."""

    store: StoreStats
    recent_retrievals: list[RecentRetrieval]


async def retrieve(gateway: Gateway, tenant: Tenant, request: web.Request) -> web.Response:
    """An original, or its passages that a query is about."""
    async with gateway.body(request) as body:
        try:
            asked = decoded(body, RetrieveRequest)
        except RefusedError as error:
            raise RefusedError(400, "invalid_request", error.message, detail=True) from error
    if not asked.hash:
        raise RefusedError(400, "invalid_request", "hash required", detail=True)
    return json_answer(await _found(gateway, tenant, asked.hash, asked.query or ""))


async def retrieve_one(gateway: Gateway, tenant: Tenant, request: web.Request) -> web.Response:
    """The same by a GET."""
    return json_answer(await _found(gateway, tenant, request.match_info["hash"], request.query.get("query", "")))


async def _found(gateway: Gateway, tenant: Tenant, ref: str, query: str) -> Retrieved | Found:
    try:
        kept = tenant.originals.get(ref, query=query)
    except CacheError as error:
        seconds = gateway.settings.originals_s
        raise RefusedError(404, "not_found", f"Entry not found (CCR TTL: {seconds:.0f} seconds)", detail=True) from error
    original = kept.original
    tenant.learnt.retrieved(original.tool, original.content, query)
    if not query:
        return _whole(kept)
    try:
        job = Job(id=0, kind="passages", body=original.content.encode(errors="surrogatepass"), query=query)
        done, _ = await gateway.do(job, tenant)
    except (TimeoutError, ProcessDiedError) as error:
        raise RefusedError(503, "overloaded", "the search did not end in time", retry_after=1) from error
    if done.status != web.HTTPOk.status_code:
        raise RefusedError(500, "internal_error", "the search failed; the log says why")
    results = msgspec.json.decode(done.body, type=list[FoundPassage])
    return Found(ref, query, results, len(results))


def _whole(kept: Kept) -> Retrieved:
    original = kept.original
    lines = original.content.count("\n") + 1
    return Retrieved(
        hash=original.ref,
        original_content=original.content,
        original_tokens=original.tokens,
        original_item_count=lines,
        compressed_item_count=round(lines * kept.tokens_after / original.tokens) if original.tokens else 0,
        compressed_tokens=kept.tokens_after,
        tool_name=original.tool,
        retrieval_count=kept.retrievals,
    )


async def stats(gateway: Gateway, tenant: Tenant, request: web.Request) -> web.Response:  # noqa: ARG001 - the handlers' signature
    """What is kept and what was asked for."""
    kept = tenant.originals
    before, after = kept.tokens
    store = StoreStats(
        entries=len(kept),
        max_entries=kept.max_bytes // ENTRY_BYTES,
        original_tokens_cached=before,
        compressed_tokens_cached=after,
        retrievals=kept.retrievals,
        entry_count=len(kept),
        default_ttl_seconds=kept.seconds,
        total_original_tokens=before,
        total_compressed_tokens=after,
        total_retrievals=kept.retrievals,
        event_count=len(kept.recent),
        bytes=kept.bytes,
        max_bytes=kept.max_bytes,
        backend={"type": "memory"},
    )
    recent = [
        RecentRetrieval(
            hash=one.ref,
            query=one.query or None,
            items_retrieved=one.of if not one.query else one.items,
            total_items=one.of,
            tool_name=one.tool,
            retrieval_type="search" if one.query else "full",
        )
        for one in reversed(kept.recent)
    ]
    return json_answer(RetrieveStats(store=store, recent_retrievals=recent))


async def tool_call(gateway: Gateway, tenant: Tenant, request: web.Request) -> web.Response:
    """The result of a model's call of the tool `headroom_retrieve`."""
    async with gateway.body(request) as body:
        asked = decoded(body, ToolCallRequest)
    call = _Call.read(asked.tool_call)
    if call.name != TOOL:
        raise RefusedError(
            400, "invalid_request", f"tool_call names no call of {TOOL}, in the shape of OpenAI, Anthropic or Gemini"
        )
    ref = call.arguments.get("hash", call.arguments.get("ref"))
    query = call.arguments.get("query")
    if not isinstance(ref, str) or not isinstance(query, str | None):
        return json_answer(call.answer({"error": "the tool takes a hash, and perhaps a query, as texts"}, success=False))
    try:
        found = await _found(gateway, tenant, ref, query or "")
    except RefusedError as error:
        return json_answer(call.answer({"error": error.message, "hash": ref}, success=False))
    return json_answer(call.answer(msgspec.to_builtins(found), success=True))


class _Call(Struct, frozen=True):
    """A call of a tool, whoever's shape it has."""

    shape: str
    id: str | None
    name: Any
    arguments: dict[str, Any]

    @classmethod
    def read(cls, call: dict[str, Any]) -> _Call:
        """Of OpenAI (`function` with JSON text), Anthropic (`input`) or Gemini (`function_call` or bare `args`)."""
        key = call.get("id")
        key = key if isinstance(key, str) else None
        inner = call.get("function")
        if isinstance(inner, dict):
            return cls("openai", key, inner.get("name"), _arguments(inner.get("arguments")))
        inner = call.get("function_call", call.get("functionCall"))
        if isinstance(inner, dict) or "args" in call:
            own = inner if isinstance(inner, dict) else call
            return cls("gemini", own.get("id"), own.get("name"), _arguments(own.get("args")))
        return cls("anthropic", key, call.get("name"), _arguments(call.get("input")))

    def answer(self, data: dict[str, Any], *, success: bool) -> ToolAnswer:
        """The result to hand to the model."""
        text = msgspec.json.encode(data).decode()
        result: dict[str, Any]
        if self.shape == "openai":
            result = {"role": "tool", "tool_call_id": self.id, "content": text}
        elif self.shape == "anthropic":
            result = {"type": "tool_result", "tool_use_id": self.id, "content": text}
            if not success:
                result["is_error"] = True
        else:
            response = {"name": TOOL, "response": data}
            result = {"functionResponse": response if self.id is None else {"id": self.id, **response}}
        return ToolAnswer(result, success, data)


def _arguments(given: Any) -> dict[str, Any]:
    if isinstance(given, str):
        try:
            given = msgspec.json.decode(given)
        except (msgspec.DecodeError, RecursionError):
            return {}
    return given if isinstance(given, dict) else {}


_HASH = Parameter(name="hash", where="path", about="As in `ccr_hashes`, and in the marker of a message.", schema={"type": "string"})
_QUERY = Parameter(name="query", about="Of the original, the passages that this is about.", schema={"type": "string"})

ROUTES = (
    Route(
        method="POST",
        path="/v1/retrieve",
        handler=retrieve,
        summary="What was left out under a hash, whole or the passages that a query is about.",
        request=RetrieveRequest,
        answer=(Retrieved, Found),
        statuses=(404,),
        details=(400, 404),
    ),
    Route(
        method="GET",
        path="/v1/retrieve/stats",
        handler=stats,
        summary="What is kept of what was left out, and what was asked for.",
        answer=RetrieveStats,
    ),
    Route(
        method="POST",
        path="/v1/retrieve/tool_call",
        handler=tool_call,
        summary=f"The result of a model's call of {TOOL}, in the shape of the call.",
        request=ToolCallRequest,
        answer=ToolAnswer,
    ),
    Route(
        method="GET",
        path="/v1/retrieve/{hash}",
        handler=retrieve_one,
        summary="As POST /v1/retrieve.",
        answer=(Retrieved, Found),
        statuses=(404, 503),
        details=(404,),
        parameters=(_HASH, _QUERY),
    ),
)
