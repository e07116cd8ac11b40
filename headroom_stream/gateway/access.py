"""Who a request is from, and whether it may come in."""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import web

from headroom_stream.gateway.http import RefusedError
from headroom_stream.gateway.tenants import Tenant, Tenants, is_loopback

KEY = "x-headroom-key"
"""For requests whose `Authorization` is for a provider."""


def tenant_of(tenants: Tenants, request: web.Request) -> Tenant:
    """Whose request it is. Raises RefusedError."""
    if tenants.open:
        _local(request)
    found = tenants.find(_key(request))
    if found is None:
        raise RefusedError(
            401, "authentication_error", f"send a key of this gateway, as `Authorization: Bearer …` or in the header {KEY}"
        )
    return found


def our_key_in_authorization(tenants: Tenants, request: web.Request) -> bool:
    """Whether `Authorization` holds a key of this gateway, which no provider may see."""
    return not tenants.open and tenants.find(_bearer(request)) is not None


def _key(request: web.Request) -> str:
    return request.headers.get(KEY) or _bearer(request)


def _bearer(request: web.Request) -> str:
    kind, _, key = request.headers.get("Authorization", "").partition(" ")
    return key.strip() if kind.lower() == "bearer" else ""


def _local(request: web.Request) -> None:
    """Where no key is asked for, a page in a browser of this machine must not get in: by its origin, or by a name that it points here."""
    origin = request.headers.get("Origin")
    hosts = [urlsplit(f"//{request.host}").hostname]
    if origin is not None:
        hosts.append(urlsplit(origin).hostname)
    if not all(host is not None and is_loopback(host) for host in hosts):
        raise RefusedError(403, "forbidden", "without keys the gateway is for programs of this machine, under its own names")
