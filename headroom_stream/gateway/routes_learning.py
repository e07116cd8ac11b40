"""What was learnt of tools: telemetry, feedback and patterns, under the original's names."""

from __future__ import annotations

import hashlib

from aiohttp import web
from msgspec import Struct

from headroom_stream.gateway.http import Parameter, RefusedError, Route, decoded, json_answer
from headroom_stream.gateway.learnt import Learnt, ToolTally, confidence
from headroom_stream.gateway.requests import Telemetry
from headroom_stream.gateway.server import Gateway
from headroom_stream.gateway.tenants import Tenant
from headroom_stream.learning import ToolStats
from headroom_stream.learning.stats import key_of

MUCH = 0.5
"""Share of cut outputs that are asked for again from which on a tool is better left alone."""
ENOUGH = 4
"""Cut outputs before that is said."""
MOST_PATTERNS = 1_000


class TelemetryStats(Struct, frozen=True, kw_only=True):
    """All tools together."""

    enabled: bool
    total_compressions: int
    total_retrievals: int
    global_retrieval_rate: float
    """Retrievals by compressions that left something out."""
    tool_signatures_tracked: int
    """Tools and shapes of their outputs."""
    avg_compression_ratio: float
    """Tokens left of compressed outputs."""
    avg_token_reduction: float
    """Tokens gone of compressed outputs."""


class Signature(Struct, frozen=True, kw_only=True):
    """One shape of the outputs of a tool. A stateless call's outputs count at every call that brings them."""

    signature_hash: str
    tool_name: str
    schema: str
    outputs: int
    used: int
    """Of which agents used something later."""
    retrievals: int
    confidence: float
    fields: dict[str, int]
    """Outputs of which a field was used, by the field's path."""


class Signatures(Struct, frozen=True):
    """All shapes, those seen most first."""

    tools: list[Signature]
    count: int


class Imported(Struct, frozen=True):
    """What came of an import."""

    status: str
    tools: int


class Pattern(Struct, frozen=True, kw_only=True):
    """How a tool's outputs fare."""

    total_compressions: int
    total_retrievals: int
    retrieval_rate: float
    full_retrieval_rate: float
    search_rate: float
    common_queries: list[str]
    queried_fields: list[str]


class Hints(Struct, frozen=True, kw_only=True):
    """What follows from it. They are what is in effect or what was seen; nothing is altered by asking."""

    max_items: int
    """Of a list, that stay when it is cut: policy.crush.max_items."""
    min_items: int
    """Of a list, from which on it becomes a table: policy.records.min_rows."""
    suggested_items: list[str]
    """What is looked for in originals of the tool."""
    aggressiveness: float
    """1 while no cut output was asked for again, 0 when all were."""
    skip_compression: bool
    preserve_fields: list[str]
    """Fields that agents use, the most used first; within a session they are kept by themselves."""
    reason: str


class ToolHints(Struct, frozen=True, kw_only=True):
    """What is known of a tool."""

    tool_name: str
    hints: Hints
    pattern: Pattern


class FeedbackStats(Struct, frozen=True, kw_only=True):
    """All tools together, and each."""

    tools_tracked: int
    total_compressions: int
    total_retrievals: int
    global_retrieval_rate: float
    tools: dict[str, Pattern]


class ToinStats(Struct, frozen=True, kw_only=True):
    """All shapes together."""

    enabled: bool
    patterns_tracked: int
    total_compressions: int
    total_retrievals: int
    global_retrieval_rate: float
    patterns_with_recommendations: int


class ToinPattern(Struct, frozen=True, kw_only=True):
    """One shape of a tool's outputs."""

    hash: str
    tool_name: str
    compressions: int
    """Outputs of this shape that came."""
    retrievals: int
    retrieval_rate: str
    confidence: float
    skip_recommended: bool
    optimal_max_items: int
    fields: dict[str, int]


async def telemetry(gateway: Gateway, tenant: Tenant, request: web.Request) -> web.Response:  # noqa: ARG001 - the handlers' signature
    """All tools together."""
    tools = tenant.learnt.tools.values()
    before, after = sum(one.before for one in tools), sum(one.after for one in tools)
    return json_answer(
        TelemetryStats(
            enabled=gateway.policy.learning.enabled,
            total_compressions=sum(one.compressions for one in tools),
            total_retrievals=sum(one.retrievals for one in tools),
            global_retrieval_rate=_rate(tenant.learnt),
            tool_signatures_tracked=len(tenant.learnt.stats.tools),
            avg_compression_ratio=after / before if before else 1.0,
            avg_token_reduction=(before - after) / before if before else 0.0,
        )
    )


async def export(gateway: Gateway, tenant: Tenant, request: web.Request) -> web.Response:  # noqa: ARG001 - the handlers' signature
    """For another gateway."""
    return json_answer(tenant.learnt.exported())


async def import_(gateway: Gateway, tenant: Tenant, request: web.Request) -> web.Response:
    """From another gateway."""
    async with gateway.body(request) as body:
        count = tenant.learnt.imported(decoded(body, Telemetry))
    return json_answer(Imported("imported", count))


async def signatures(gateway: Gateway, tenant: Tenant, request: web.Request) -> web.Response:  # noqa: ARG001 - the handlers' signature
    """All shapes."""
    found = [_signature(one) for one in tenant.learnt.shapes()]
    return json_answer(Signatures(found, len(found)))


async def signature(gateway: Gateway, tenant: Tenant, request: web.Request) -> web.Response:  # noqa: ARG001 - the handlers' signature
    """One shape."""
    return json_answer(_signature(_shape(tenant.learnt, request.match_info["hash"])))


async def feedback(gateway: Gateway, tenant: Tenant, request: web.Request) -> web.Response:  # noqa: ARG001 - the handlers' signature
    """How the outputs of all tools fare."""
    tools = tenant.learnt.tools
    return json_answer(
        FeedbackStats(
            tools_tracked=len(tools),
            total_compressions=sum(one.compressions for one in tools.values()),
            total_retrievals=sum(one.retrievals for one in tools.values()),
            global_retrieval_rate=_rate(tenant.learnt),
            tools={name: _pattern(tools[name], tenant.learnt, name) for name in sorted(tools)},
        )
    )


async def hints(gateway: Gateway, tenant: Tenant, request: web.Request) -> web.Response:
    """What is known of a tool; of one that was never seen, that nothing is."""
    name = request.match_info["tool"]
    tally = tenant.learnt.tools.get(name) or ToolTally()
    skip = tally.lossy >= ENOUGH and tally.retrieval_rate > MUCH
    if not tally.outputs:
        reason = "no output of this tool was seen"
    elif skip:
        reason = f"{tally.retrievals} of {tally.lossy} cut outputs were asked for again: tool_profiles can leave the tool alone"
    else:
        reason = f"{tally.compressions} of {tally.outputs} outputs were compressed, {tally.retrievals} of {tally.lossy} cut ones asked for"
    own = Hints(
        max_items=gateway.policy.crush.max_items,
        min_items=gateway.policy.records.min_rows,
        suggested_items=[query for query, _ in tally.queries.most_common(10)],
        aggressiveness=1.0 - tally.retrieval_rate,
        skip_compression=skip,
        preserve_fields=_fields(tenant.learnt, name),
        reason=reason,
    )
    return json_answer(ToolHints(tool_name=name, hints=own, pattern=_pattern(tally, tenant.learnt, name)))


async def toin_stats(gateway: Gateway, tenant: Tenant, request: web.Request) -> web.Response:  # noqa: ARG001 - the handlers' signature
    """All shapes together."""
    shapes = tenant.learnt.shapes()
    outputs, retrievals = sum(one.outputs for one in shapes), sum(one.retrievals for one in shapes)
    return json_answer(
        ToinStats(
            enabled=gateway.policy.learning.enabled,
            patterns_tracked=len(shapes),
            total_compressions=outputs,
            total_retrievals=retrievals,
            global_retrieval_rate=min(1.0, retrievals / outputs) if outputs else 0.0,
            patterns_with_recommendations=sum(_often(one) for one in shapes),
        )
    )


async def toin_patterns(gateway: Gateway, tenant: Tenant, request: web.Request) -> web.Response:
    """All shapes, those seen most first."""
    text = request.query.get("limit", "50")
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= MOST_PATTERNS):
        raise RefusedError(400, "invalid_request", f"limit has to be a number from 1 to {MOST_PATTERNS}")
    return json_answer([_toin(gateway, one) for one in tenant.learnt.shapes()[: int(text)]])


async def toin_pattern(gateway: Gateway, tenant: Tenant, request: web.Request) -> web.Response:
    """One shape, by the beginning of its hash."""
    return json_answer(_toin(gateway, _shape(tenant.learnt, request.match_info["prefix"])))


def _hash(one: ToolStats) -> str:
    return hashlib.blake2b(key_of(one.tool, one.schema).encode(errors="surrogatepass"), digest_size=8).hexdigest()


def _shape(learnt: Learnt, prefix: str) -> ToolStats:
    found = next((one for one in learnt.shapes() if prefix and _hash(one).startswith(prefix)), None)
    if found is None:
        raise RefusedError(404, "not_found", f"no shape of outputs has a hash that begins with {prefix[:64]!r}")
    return found


def _signature(one: ToolStats) -> Signature:
    return Signature(
        signature_hash=_hash(one),
        tool_name=one.tool,
        schema=one.schema,
        outputs=one.outputs,
        used=one.used,
        retrievals=one.retrievals,
        confidence=confidence(one.outputs),
        fields=_used(one),
    )


def _toin(gateway: Gateway, one: ToolStats) -> ToinPattern:
    share = min(1.0, one.retrievals / one.outputs) if one.outputs else 0.0
    return ToinPattern(
        hash=_hash(one),
        tool_name=one.tool,
        compressions=one.outputs,
        retrievals=one.retrievals,
        retrieval_rate=f"{100 * share:.1f}%",
        confidence=confidence(one.outputs),
        skip_recommended=_often(one),
        optimal_max_items=gateway.policy.crush.max_items,
        fields=_used(one),
    )


def _used(one: ToolStats) -> dict[str, int]:
    return {name: use.used for name, use in sorted(one.fields.items()) if use.used}


def _often(one: ToolStats) -> bool:
    return one.outputs >= ENOUGH and one.retrievals > MUCH * one.outputs


def _fields(learnt: Learnt, tool: str) -> list[str]:
    shapes = [one.schema for one in learnt.stats.tools.values() if one.tool == tool]
    usage = learnt.usage
    return list(dict.fromkeys(name for schema in sorted(shapes) for name in usage.used_fields(tool, schema)))


def _pattern(tally: ToolTally, learnt: Learnt, tool: str) -> Pattern:
    return Pattern(
        total_compressions=tally.compressions,
        total_retrievals=tally.retrievals,
        retrieval_rate=tally.retrieval_rate,
        full_retrieval_rate=(tally.retrievals - tally.searches) / tally.retrievals if tally.retrievals else 0.0,
        search_rate=tally.searches / tally.retrievals if tally.retrievals else 0.0,
        common_queries=[query for query, _ in tally.queries.most_common(10)],
        queried_fields=[path for path in _fields(learnt, tool) if any(_name(path) in query for query in tally.queries)],
    )


def _name(path: str) -> str:
    """The last key of a field's path."""
    return path.rpartition(".")[2].removesuffix("[]") or path


def _rate(learnt: Learnt) -> float:
    lossy = sum(one.lossy for one in learnt.tools.values())
    return min(1.0, sum(one.retrievals for one in learnt.tools.values()) / lossy) if lossy else 0.0


_HASH = {"type": "string"}

ROUTES = (
    Route(method="GET", path="/v1/telemetry", handler=telemetry, summary="What was learnt, in short.", answer=TelemetryStats),
    Route(
        method="GET", path="/v1/telemetry/export", handler=export, summary="What was learnt, for another gateway.", answer=Telemetry
    ),
    Route(
        method="POST",
        path="/v1/telemetry/import",
        handler=import_,
        summary="Add what another gateway learnt: fields that its agents use are kept in outputs from then on.",
        request=Telemetry,
        answer=Imported,
    ),
    Route(
        method="GET", path="/v1/telemetry/tools", handler=signatures, summary="Shapes of outputs, tool by tool.", answer=Signatures
    ),
    Route(
        method="GET",
        path="/v1/telemetry/tools/{hash}",
        handler=signature,
        summary="One of them.",
        answer=Signature,
        statuses=(404,),
        parameters=(Parameter(name="hash", where="path", about="Of a shape, or its beginning.", schema=_HASH),),
    ),
    Route(method="GET", path="/v1/feedback", handler=feedback, summary="How tools' outputs fare.", answer=FeedbackStats),
    Route(
        method="GET",
        path="/v1/feedback/{tool}",
        handler=hints,
        summary="How one tool's outputs fare, and what follows.",
        answer=ToolHints,
        parameters=(Parameter(name="tool", where="path", about="The tool's name.", schema={"type": "string"}),),
    ),
    Route(method="GET", path="/v1/toin/stats", handler=toin_stats, summary="Shapes of outputs, in short.", answer=ToinStats),
    Route(
        method="GET",
        path="/v1/toin/patterns",
        handler=toin_patterns,
        summary="Shapes of outputs, those seen most first.",
        answer=list[ToinPattern],
        statuses=(400,),
        parameters=(
            Parameter(
                name="limit", about="How many.", schema={"type": "integer", "minimum": 1, "maximum": MOST_PATTERNS, "default": 50}
            ),
        ),
    ),
    Route(
        method="GET",
        path="/v1/toin/pattern/{prefix}",
        handler=toin_pattern,
        summary="One of them.",
        answer=ToinPattern,
        statuses=(404,),
        parameters=(Parameter(name="prefix", where="path", about="Of a shape's hash, its beginning.", schema=_HASH),),
    ),
)
