"""The aiohttp application: routes, and what holds for every request."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web

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

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_REFUSED, _TOO_MANY, _FAULTS = 400, 429, 500


def application(gateway: Gateway) -> web.Application:
    """The application over a gateway, which starts and stops with it."""
    app = web.Application(middlewares=[_without_route], client_max_size=gateway.settings.body_bytes)
    for route in ROUTES:
        app.router.add_route(route.method, route.path, _served(gateway, route))

    async def life(_: web.Application) -> AsyncIterator[None]:
        try:
            await gateway.start()
            yield
        finally:
            await gateway.stop()

    app.cleanup_ctx.append(life)
    return app


def _served(gateway: Gateway, route: Route) -> _Handler:
    async def serve(request: web.Request) -> web.StreamResponse:
        """Answers every error in the documented form, counts it, and logs the request without its content."""
        began(request)
        start = time.perf_counter()
        gateway.at_work += 1
        tenant: Tenant | None = None
        try:
            tenant = gateway.tenants.any if route.open else tenant_of(gateway.tenants, request)
            answer = await _answer(gateway, route, tenant, request)
        except RefusedError as error:
            answer = error.response()
        except ConnectionError:
            # The caller left, and nobody is there to be answered.
            raise
        except Exception as error:  # the next request has to be served whatever was wrong with this one
            log.exception("a request failed")
            answer = RefusedError(500, "internal_error", f"{type(error).__name__}; the gateway's log says more").response()
        finally:
            gateway.at_work -= 1
        if tenant is not None and _REFUSED <= answer.status < _FAULTS and answer.status != _TOO_MANY:
            tenant.counts.refused += 1
        _log(tenant.name if tenant is not None else "", request.method, route.path, answer.status, start)
        return answer

    return serve


async def _answer(gateway: Gateway, route: Route, tenant: Tenant, request: web.Request) -> web.StreamResponse:
    wait = tenant.bucket.take() if tenant.bucket is not None and not route.open else 0.0
    if wait:
        tenant.counts.rate_limited += 1
        most = gateway.settings.requests_per_minute
        raise RefusedError(_TOO_MANY, "rate_limit_exceeded", f"more than {most} requests a minute", retry_after=wait)
    return await route.handler(gateway, tenant, request)


@web.middleware
async def _without_route(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Answers what no route serves in the documented form."""
    start = time.perf_counter()
    try:
        return await handler(request)
    except web.HTTPMethodNotAllowed as error:
        answer = RefusedError(error.status, "method_not_allowed", f"{request.method} is not served here").response()
        answer.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
    except web.HTTPException as error:
        answer = RefusedError(error.status, "not_found", "no such route; /openapi.json lists them").response()
    began(request)
    _log("", request.method, "(no route)", answer.status, start)
    return answer


def _log(tenant: str, method: str, path: str, status: int, start: float) -> None:
    access_log.info("%s %s %s %d %.1f ms", tenant or "-", method, path, status, 1000 * (time.perf_counter() - start))
