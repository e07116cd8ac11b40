"""The aiohttp application: routes, and what holds for every request."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Middleware

from headroom_stream.gateway import (
    routes_compress,
    routes_forward,
    routes_health,
    routes_learning,
    routes_retrieve,
    routes_stats,
)
from headroom_stream.gateway.access import tenant_of
from headroom_stream.gateway.guard import began
from headroom_stream.gateway.http import RefusedError, Route, json_answer
from headroom_stream.gateway.openapi import document
from headroom_stream.gateway.server import Gateway
from headroom_stream.gateway.tenants import Tenant

log = logging.getLogger(__name__)
access_log = logging.getLogger("headroom_stream.gateway.access")


async def openapi(gateway: Gateway, tenant: Tenant, request: web.Request) -> web.Response:  # noqa: ARG001 - the handlers' signature
    """The description of all routes."""
    return json_answer(document(ROUTES, keys=not gateway.tenants.open))


ROUTES: tuple[Route, ...] = (
    *routes_compress.ROUTES,
    *routes_retrieve.ROUTES,
    *routes_forward.ROUTES,
    *routes_health.ROUTES,
    *routes_stats.ROUTES,
    *routes_learning.ROUTES,
    Route(method="GET", path="/openapi.json", handler=openapi, summary="This document.", answer=dict, open=True),
)

_Next = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(gateway: Gateway) -> web.Application:
    """The application over a gateway, which starts and stops with it."""
    app = web.Application(middlewares=[_answering(gateway)], client_max_size=gateway.settings.body_bytes)
    for route in ROUTES:
        app.router.add_route(route.method, route.path, _served(gateway, route))

    async def life(_: web.Application) -> object:
        await gateway.start()
        yield
        await gateway.stop()

    app.cleanup_ctx.append(life)  # type: ignore[arg-type]  # an async generator function, as aiohttp wants
    return app


def _served(gateway: Gateway, route: Route) -> _Next:
    async def serve(request: web.Request) -> web.StreamResponse:
        if route.open:
            return await route.handler(gateway, gateway.tenants.any, request)
        tenant = tenant_of(gateway.tenants, request)
        request["tenant"] = tenant
        wait = tenant.bucket.take() if tenant.bucket is not None else 0.0
        if wait:
            tenant.counts.rate_limited += 1
            most = gateway.settings.requests_per_minute
            raise RefusedError(429, "rate_limit_exceeded", f"more than {most} requests a minute", retry_after=wait)
        return await route.handler(gateway, tenant, request)

    return serve


def _answering(gateway: Gateway) -> Middleware:
    @web.middleware
    async def answering(request: web.Request, handler: _Next) -> web.StreamResponse:
        """Answers every error in the documented form, counts it, and logs the request without its content."""
        began(request)
        start = time.perf_counter()
        gateway.at_work += 1
        try:
            answer = await _answered(request, handler)
        finally:
            gateway.at_work -= 1
        tenant: Tenant | None = request.get("tenant")
        if tenant is not None and 400 <= answer.status < 500 and answer.status != 429:
            tenant.counts.refused += 1
        access_log.info(
            "%s %s %s %d %.1f ms",
            tenant.name if tenant is not None and tenant.name else "-",
            request.method,
            request.match_info.route.resource.canonical if request.match_info.route.resource is not None else "(no route)",
            answer.status,
            1000 * (time.perf_counter() - start),
        )
        return answer

    return answering


async def _answered(request: web.Request, handler: _Next) -> web.StreamResponse:
    try:
        return await handler(request)
    except RefusedError as error:
        return error.response()
    except web.HTTPMethodNotAllowed as error:
        answer = RefusedError(405, "method_not_allowed", f"{request.method} is not served here").response()
        answer.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
        return answer
    except web.HTTPNotFound:
        return RefusedError(404, "not_found", "no such route; /openapi.json lists them").response()
    except web.HTTPException as error:
        return RefusedError(error.status, "invalid_request", error.reason).response()
    except (ConnectionError, asyncio.CancelledError):
        raise
    except Exception as error:  # the next request has to be served whatever was wrong with this one
        log.exception("a request failed")
        return RefusedError(500, "internal_error", f"{type(error).__name__}; the gateway's log says more").response()
