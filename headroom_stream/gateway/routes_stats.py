"""What was counted since the start: `/stats`, `/stats-history`, `/metrics`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web
from msgspec import Struct

from headroom_stream.engine.originals import ENTRY_BYTES
from headroom_stream.gateway.counts import Counts, Spread, Sums
from headroom_stream.gateway.http import Parameter, RefusedError, Route, json_answer
from headroom_stream.gateway.server import Gateway
from headroom_stream.gateway.tenants import Tenant
from headroom_stream.results import RequestMetrics

SERIES = ("history", "hourly", "daily", "weekly", "monthly")
FORMATS = ("json", "csv")


class Requests(Struct, frozen=True, kw_only=True):
    """Calls. Failed ones went as they came, or were refused."""

    total: int
    cached: int
    """Whose prompt began with that of the call before."""
    failed: int
    rate_limited: int
    refused: int
    timeouts: int
    by_provider: dict[str, int]
    by_model: dict[str, int]
    by_mode: dict[str, int]


class Tokens(Struct, frozen=True, kw_only=True):
    """Of messages. Output as providers reported."""

    input: int
    output: int
    saved: int
    total_before_compression: int
    savings_percent: float
    cli_tokens_avoided: int
    """The original counts here what its shell wrappers keep away from an agent; a gateway has none, so it is always 0."""


class Times(Struct, frozen=True, kw_only=True):
    """Milliseconds."""

    average_ms: float
    min_ms: float
    max_ms: float
    count: int


class Cost(Struct, frozen=True, kw_only=True):
    """Input bills under prompt caching, of calls whose model has a known price."""

    before_usd: float
    after_usd: float
    saved_usd: float
    priced_requests: int


class Originals(Struct, frozen=True, kw_only=True):
    """What was left out."""

    ccr_entries: int
    ccr_max_entries: int
    original_tokens_cached: int
    compressed_tokens_cached: int
    ccr_retrievals: int


class Feedback(Struct, frozen=True, kw_only=True):
    """What was asked for again."""

    tools_tracked: int
    total_compressions: int
    total_retrievals: int
    global_retrieval_rate: float


class Recent(Struct, frozen=True, kw_only=True):
    """A call, under the names of the original's proxy and of its SDK's types."""

    request_id: str
    timestamp: str
    provider: str
    model: str
    mode: str
    stream: bool
    session_id: str
    input_tokens_original: int
    input_tokens_optimized: int
    tokens_input_before: int
    tokens_input_after: int
    output_tokens: int | None
    tokens_output: int | None
    cached_tokens: int | None
    tokens_saved: int
    savings_percent: float
    estimated_savings_percent: float
    optimization_latency_ms: float | None
    total_latency_ms: float
    has_exact_tokens: bool
    token_accounting_status: str
    transforms_applied: list[str]
    block_breakdown: dict[str, int]
    waste_signals: dict[str, int]
    stable_prefix_hash: str
    cache_alignment_score: float
    cache_optimizer_used: str | None
    cache_optimizer_strategy: str | None
    cacheable_tokens: int
    breakpoints_inserted: int
    estimated_cache_hit: bool
    semantic_cache_hit: bool
    tool_units_dropped: int
    turns_dropped: int
    messages_hash: str
    cost_before: float | None
    cost_after: float | None
    error: str | None


class Stats(Struct, frozen=True, kw_only=True):
    """All of the tenant's calls since the start."""

    requests: Requests
    tokens: Tokens
    latency: Times
    """Of whole requests, providers included."""
    overhead: Times
    """Of compression."""
    pipeline_timing: dict[str, Times]
    waste_signals: dict[str, int]
    compression: Originals
    cost: Cost
    feedback_loop: Feedback
    recent_requests: list[Recent]
    rows_lost: int
    """Calls whose rows the metrics store did not take."""


class Point(Struct, frozen=True, kw_only=True):
    """Sums of a span of time, or one call."""

    timestamp: str
    requests: int
    failed: int
    tokens_before: int
    tokens_after: int
    tokens_saved: int
    savings_percent: float
    output_tokens: int
    cost_saved_usd: float


class History(Struct, frozen=True, kw_only=True):
    """A series in time, oldest first."""

    series: str
    points: list[Point]


async def stats(gateway: Gateway, tenant: Tenant, request: web.Request) -> web.Response:  # noqa: ARG001 - the handlers' signature
    """All counts."""
    counts, tools, kept = tenant.counts, tenant.learnt.tools.values(), tenant.originals
    before, after = kept.tokens
    every = counts.all
    retrievals = sum(one.retrievals for one in tools)
    lossy = sum(one.lossy for one in tools)
    answer = Stats(
        requests=Requests(
            total=every.requests,
            cached=counts.cached,
            failed=every.failed + counts.refused + counts.timeouts,
            rate_limited=counts.rate_limited,
            refused=counts.refused,
            timeouts=counts.timeouts,
            by_provider=dict(counts.by_provider),
            by_model=dict(counts.by_model),
            by_mode=dict(counts.by_mode),
        ),
        tokens=Tokens(
            input=every.after,
            output=every.output,
            saved=every.saved,
            total_before_compression=every.before,
            savings_percent=every.savings_percent,
            cli_tokens_avoided=0,
        ),
        latency=_times(counts.total),
        overhead=_times(counts.overhead),
        pipeline_timing={name: _times(spread) for name, spread in sorted(counts.steps.items())},
        waste_signals=dict(counts.waste),
        compression=Originals(
            ccr_entries=len(kept),
            ccr_max_entries=kept.max_bytes // ENTRY_BYTES,
            original_tokens_cached=before,
            compressed_tokens_cached=after,
            ccr_retrievals=kept.retrievals,
        ),
        cost=_cost(every),
        feedback_loop=Feedback(
            tools_tracked=len(tools),
            total_compressions=sum(one.compressions for one in tools),
            total_retrievals=retrievals,
            global_retrieval_rate=min(1.0, retrievals / lossy) if lossy else 0.0,
        ),
        recent_requests=[_recent(row, ms) for row, ms in counts.recent],
        rows_lost=gateway.recorder.lost,
    )
    return json_answer(answer)


async def history(gateway: Gateway, tenant: Tenant, request: web.Request) -> web.Response:  # noqa: ARG001 - the handlers' signature
    """A series in time."""
    series, form = request.query.get("series", "history"), request.query.get("format", "json")
    if series not in SERIES:
        raise RefusedError(400, "invalid_request", f"no series {series!r}; there are {', '.join(SERIES)}")
    if form not in FORMATS:
        raise RefusedError(400, "invalid_request", f"no format {form!r}; there are {', '.join(FORMATS)}")
    points = _points(tenant.counts, series)
    if form == "json":
        return json_answer(History(series=series, points=points))
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(Point.__struct_fields__)
    writer.writerows([getattr(point, name) for name in Point.__struct_fields__] for point in points)
    return web.Response(text=out.getvalue(), content_type="text/csv")


async def metrics(gateway: Gateway, tenant: Tenant, request: web.Request) -> web.Response:  # noqa: ARG001 - the handlers' signature
    """The same for Prometheus."""
    counts, every, kept = tenant.counts, tenant.counts.all, tenant.originals
    workers = gateway.pool.workers
    values: list[tuple[str, str, str, float]] = [
        ("requests_total", "counter", "Calls.", every.requests),
        ("requests_failed_total", "counter", "Calls that went as they came, or were refused.", every.failed + counts.refused),
        ("requests_rate_limited_total", "counter", "Requests above the tenant's pace.", counts.rate_limited),
        ("requests_cached_total", "counter", "Calls whose prompt began with that of the call before.", counts.cached),
        ("requests_timed_out_total", "counter", "Calls that could not be compressed in time.", counts.timeouts),
        ("tokens_input_total", "counter", "Tokens of messages as they were sent.", every.after),
        ("tokens_before_total", "counter", "Tokens of messages as they came.", every.before),
        ("tokens_saved_total", "counter", "Tokens that were not sent.", every.saved),
        ("tokens_output_total", "counter", "Tokens of answers, as providers reported.", every.output),
        ("cost_saved_usd_total", "counter", "Of input bills, where prices are known.", every.cost_before - every.cost_after),
        ("overhead_ms_sum", "counter", "Milliseconds of compression, waiting included.", counts.overhead.total),
        ("overhead_ms_count", "counter", "Calls of which that was measured.", counts.overhead.count),
        ("latency_ms_sum", "counter", "Milliseconds of whole requests.", counts.total.total),
        ("latency_ms_count", "counter", "Requests of which that was measured.", counts.total.count),
        ("originals", "gauge", "Originals kept.", len(kept)),
        ("originals_bytes", "gauge", "Their size.", kept.bytes),
        ("retrievals_total", "counter", "Times that originals were asked for.", kept.retrievals),
        ("sessions", "gauge", "Sessions kept, of all tenants.", sum(one.memory.sessions for one in workers)),
        ("sessions_bytes", "gauge", "Their size, estimated.", sum(one.memory.bytes for one in workers)),
        ("workers_ready", "gauge", "Processes that take jobs.", sum(one.ready for one in workers)),
        ("rows_lost_total", "counter", "Rows that the metrics store did not take.", gateway.recorder.lost),
        ("uptime_seconds", "gauge", "Since the start.", (gateway.now() - gateway.started).total_seconds()),
    ]
    lines = []
    for name, kind, about, value in values:
        lines += [f"# HELP headroom_{name} {about}", f"# TYPE headroom_{name} {kind}", f"headroom_{name} {value:g}"]
    for label, by in (("model", counts.by_model), ("provider", counts.by_provider), ("mode", counts.by_mode)):
        name = f"headroom_requests_by_{label}_total"
        lines += [f"# HELP {name} Calls by {label}.", f"# TYPE {name} counter"]
        lines += [f'{name}{{{label}="{_label(value)}"}} {count}' for value, count in sorted(by.items())]
    return web.Response(body="\n".join([*lines, ""]).encode(errors="replace"), content_type="text/plain", charset="utf-8")


def _points(counts: Counts, series: str) -> list[Point]:
    if series == "history":
        return [_point(row.timestamp, [_alone(row)]) for row, _ in reversed(counts.recent)]
    spans: dict[datetime, list[Sums]] = {}
    for hour, sums in counts.hours.items():
        spans.setdefault(_start(hour, series), []).append(sums)
    return [_point(start, spans[start]) for start in sorted(spans)]


def _start(hour: datetime, series: str) -> datetime:
    if series == "hourly":
        return hour
    day = hour.replace(hour=0)
    if series == "daily":
        return day
    return day - timedelta(days=day.weekday()) if series == "weekly" else day.replace(day=1)


def _alone(row: RequestMetrics) -> Sums:
    sums = Sums()
    sums.add(row)
    return sums


def _point(start: datetime, sums: Iterable[Sums]) -> Point:
    own = list(sums)
    before, after = sum(one.before for one in own), sum(one.after for one in own)
    return Point(
        timestamp=start.isoformat() + "Z",
        requests=sum(one.requests for one in own),
        failed=sum(one.failed for one in own),
        tokens_before=before,
        tokens_after=after,
        tokens_saved=before - after,
        savings_percent=100 * (before - after) / before if before else 0.0,
        output_tokens=sum(one.output for one in own),
        cost_saved_usd=sum(one.cost_before - one.cost_after for one in own),
    )


def _recent(row: RequestMetrics, total_ms: float) -> Recent:
    same = {name: getattr(row, name) for name in Recent.__struct_fields__ if name in RequestMetrics.__struct_fields__}
    before = row.tokens_input_before
    rest: dict[str, Any] = {
        "timestamp": row.timestamp.isoformat() + "Z",
        "input_tokens_original": before,
        "input_tokens_optimized": row.tokens_input_after,
        "output_tokens": row.tokens_output,
        "tokens_saved": row.tokens_saved,
        "savings_percent": 100 * row.tokens_saved / before if before else 0.0,
        "estimated_savings_percent": row.estimated_savings_percent,
        "optimization_latency_ms": row.latency_ms,
        "total_latency_ms": total_ms,
        "has_exact_tokens": row.tokens_output is not None,
        "token_accounting_status": "complete" if row.tokens_output is not None else "partial",
    }
    return Recent(**(same | rest))


def _times(spread: Spread) -> Times:
    return Times(average_ms=spread.average_ms, min_ms=spread.min_ms, max_ms=spread.max_ms, count=spread.count)


def _cost(sums: Sums) -> Cost:
    return Cost(
        before_usd=sums.cost_before,
        after_usd=sums.cost_after,
        saved_usd=sums.cost_before - sums.cost_after,
        priced_requests=sums.priced,
    )


def _label(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


ROUTES = (
    Route(method="GET", path="/stats", handler=stats, summary="What was counted of the tenant's calls.", answer=Stats),
    Route(
        method="GET",
        path="/stats-history",
        handler=history,
        summary="The same in time: the latest calls, or sums by hour, day, week (from Monday) or month, in UTC.",
        answer=History,
        media="text/csv",
        statuses=(400,),
        parameters=(
            Parameter(name="format", about="json or csv.", schema={"enum": list(FORMATS), "default": "json"}),
            Parameter(name="series", about="Which sums.", schema={"enum": list(SERIES), "default": "history"}),
        ),
    ),
    Route(method="GET", path="/metrics", handler=metrics, summary="The same for Prometheus.", media="text/plain"),
)
