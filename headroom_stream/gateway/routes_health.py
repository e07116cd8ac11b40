"""Whether the gateway lives, what it holds in memory, and how to make it forget."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web
from msgspec import Struct

from headroom_stream import __version__
from headroom_stream.gateway import memory
from headroom_stream.gateway.http import RefusedError, Route, json_answer
from headroom_stream.gateway.jobs import Job
from headroom_stream.gateway.process import ProcessDiedError
from headroom_stream.gateway.server import Gateway
from headroom_stream.gateway.tenants import Tenant

MIB = 1024 * 1024


class HealthConfig(Struct, frozen=True):
    """What is switched on."""

    optimize: bool
    cache: bool
    """Whether sessions are kept."""
    rate_limit: bool


class Health(Struct, frozen=True, kw_only=True):
    """How the gateway is. It says nothing of providers: compression needs none of them."""

    service: str
    status: str
    """healthy or unhealthy."""
    ready: bool
    version: str
    timestamp: str
    uptime_seconds: float
    checks: dict[str, bool]
    runtime: dict[str, Any]
    config: HealthConfig


class Alive(Struct, frozen=True):
    """A short answer for probes."""

    status: str


class ProcessMemory(Struct, frozen=True, kw_only=True):
    """Of all processes of the gateway together, in bytes."""

    rss: int
    vms: int
    percent: float
    """Of the machine's memory."""


class Component(Struct, frozen=True):
    """What one part holds, in MiB."""

    memory_mb: float
    budget_mb: float


class MemoryUse(Struct, frozen=True, kw_only=True):
    """Memory of the gateway."""

    process_memory: ProcessMemory
    process: ProcessMemory
    """The same, under the original's name."""
    components: dict[str, Component]
    total_tracked_mb: float
    target_budget_mb: float


async def health(gateway: Gateway, tenant: Tenant, request: web.Request) -> web.Response:  # noqa: ARG001 - the handlers' signature
    """How the gateway is."""
    workers = gateway.pool.workers
    ready = gateway.pool.ready
    now = gateway.now()
    answer = Health(
        service="headroom-stream",
        status="healthy" if ready else "unhealthy",
        ready=ready,
        version=__version__,
        timestamp=now.isoformat(),
        uptime_seconds=(now - gateway.started).total_seconds(),
        checks={"workers": all(one.ready for one in workers), "metrics_store": gateway.recorder.lost == 0},
        runtime={
            "workers": len(workers),
            "sessions": sum(one.memory.sessions for one in workers),
            "requests_at_work": gateway.at_work,
            "authentication": not gateway.tenants.open,
        },
        config=HealthConfig(optimize=True, cache=True, rate_limit=gateway.settings.requests_per_minute is not None),
    )
    return json_answer(answer)


async def livez(gateway: Gateway, tenant: Tenant, request: web.Request) -> web.Response:  # noqa: ARG001 - the handlers' signature
    """It answers, so it lives."""
    return json_answer(Alive("ok"))


async def readyz(gateway: Gateway, tenant: Tenant, request: web.Request) -> web.Response:  # noqa: ARG001 - the handlers' signature
    """Whether it takes requests."""
    if not gateway.pool.ready:
        raise RefusedError(503, "not_ready", "no process that compresses is ready")
    return json_answer(Alive("ok"))


async def memory_use(gateway: Gateway, tenant: Tenant, request: web.Request) -> web.Response:  # noqa: ARG001 - the handlers' signature
    """What is held in memory."""
    workers = gateway.pool.workers
    found = await asyncio.to_thread(lambda: [memory.of_process(), *(memory.of_process(w.pid) for w in workers if w.pid)])
    rss, machine = sum(one.rss for one in found), memory.of_machine()
    whole = ProcessMemory(rss=rss, vms=sum(one.vms for one in found), percent=100 * rss / machine if machine else 0.0)
    settings = gateway.settings
    components = {
        "sessions": Component(sum(one.memory.bytes for one in workers) / MIB, settings.cache_bytes / MIB),
        "originals": Component(tenant.originals.bytes / MIB, tenant.originals.max_bytes / MIB),
        "requests": Component(gateway.pending_bytes / MIB, settings.pending_bytes / MIB),
    }
    return json_answer(
        MemoryUse(
            process_memory=whole,
            process=whole,
            components=components,
            total_tracked_mb=sum(one.memory_mb for one in components.values()),
            target_budget_mb=sum(one.budget_mb for one in components.values()),
        )
    )


async def clear(gateway: Gateway, tenant: Tenant, request: web.Request) -> web.Response:  # noqa: ARG001 - the handlers' signature
    """Forget the tenant's sessions and originals."""
    try:
        async with asyncio.timeout(gateway.settings.timeout_s):
            await gateway.pool.everywhere(Job(id=0, kind="clear", tenant=tenant.name))
    except (TimeoutError, ProcessDiedError) as error:
        raise RefusedError(503, "overloaded", "not all processes answered in time", retry_after=1) from error
    tenant.originals.clear()
    return json_answer(Alive("cleared"))


ROUTES = (
    Route(method="GET", path="/health", handler=health, summary="How the gateway is.", answer=Health, open=True),
    Route(method="GET", path="/livez", handler=livez, summary="Answers as long as it lives.", answer=Alive, open=True),
    Route(
        method="GET", path="/readyz", handler=readyz, summary="Whether it takes requests.", answer=Alive, statuses=(503,), open=True
    ),
    Route(method="GET", path="/debug/memory", handler=memory_use, summary="What is held in memory.", answer=MemoryUse),
    Route(
        method="POST",
        path="/cache/clear",
        handler=clear,
        summary="Forget the tenant's sessions and originals. Sessions begin anew from the history of their next call.",
        answer=Alive,
        statuses=(503,),
    ),
)
