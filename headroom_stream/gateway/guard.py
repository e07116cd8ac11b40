"""Connections that send no request, or one without end, are closed: aiohttp itself waits for the first request for ever."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web


class GuardedProtocol(web.RequestHandler):
    """A connection that is closed unless a whole request head comes within `head_timeout` seconds."""

    def __init__(self, *args: Any, head_timeout: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_timeout = head_timeout
        self._late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Give the first request its time."""
        super().connection_made(transport)
        self._late = asyncio.get_running_loop().call_later(self._head_timeout, transport.close)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Nothing is left to wait for."""
        self.began()
        super().connection_lost(exc)

    def began(self) -> None:
        """A request came. Those after it are bound by the time that a connection is kept open."""
        if self._late is not None:
            self._late.cancel()
            self._late = None


def began(request: web.Request) -> None:
    """The request's head is there."""
    if isinstance(request.protocol, GuardedProtocol):
        request.protocol.began()


class GuardedSite(web.BaseSite):
    """A site whose connections are guarded. `port` is the one that was taken, once it listens."""

    def __init__(self, runner: web.BaseRunner, host: str, port: int, *, head_timeout: float, **options: Any) -> None:
        super().__init__(runner)
        self._host = host
        self.port = port
        self._head_timeout = head_timeout
        self._options = options

    @property
    def name(self) -> str:
        """The address."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}"

    async def start(self) -> None:
        """Listen. Raises OSError."""
        await super().start()
        loop = asyncio.get_running_loop()
        manager = self._runner.server
        assert manager is not None

        def connection() -> GuardedProtocol:
            return GuardedProtocol(manager, loop=loop, head_timeout=self._head_timeout, **self._options)

        self._server = await loop.create_server(connection, self._host, self.port, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]
