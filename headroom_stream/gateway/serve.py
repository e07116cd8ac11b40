"""Runs the gateway until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from aiohttp import web

from headroom_stream.config import Settings
from headroom_stream.errors import LocalPartError
from headroom_stream.gateway.app import application
from headroom_stream.gateway.guard import GuardedSite
from headroom_stream.gateway.server import Gateway

KEEPALIVE_S = 75.0
"""A connection without a request is closed. Above the minute that load balancers mostly keep theirs."""


async def run_gateway(settings: Settings, *, stop: asyncio.Event, on_ready: Callable[[str], None]) -> None:
    """Serve until `stop` is set; requests at work are finished within `gateway.stop_timeout_s`. `on_ready` gets the address.

    Raises ConfigurationError, StorageError, and LocalPartError where the port is taken or the processes do not start.
    """
    own = settings.gateway
    # What aiohttp says of requests that are no HTTP shows their headers.
    silent = logging.getLogger("headroom_stream.gateway.connections")
    silent.setLevel(logging.CRITICAL)
    options: dict[str, Any] = {
        # Bodies are taken as they are: a small one that unpacks to gigabytes would be read before it could be refused.
        "auto_decompress": False,
        "logger": silent,
        "keepalive_timeout": KEEPALIVE_S,
        "access_log": None,
        "lingering_time": 2.0,
    }
    runner = web.AppRunner(application(Gateway(settings)), shutdown_timeout=own.stop_timeout_s, **options)
    try:
        await runner.setup()
        site = GuardedSite(runner, own.host, own.port, head_timeout=own.read_timeout_s, **options)
        try:
            await site.start()
        except OSError as error:
            raise LocalPartError(f"can't listen on {own.host}:{own.port}: {error.strerror or error}") from error
        on_ready(site.name)
        await stop.wait()
    finally:
        await runner.cleanup()
