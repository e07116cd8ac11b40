"""The wrapped resources of a client: calls that carry messages send compressed ones, all else is the resource's own."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import TYPE_CHECKING, Any

from headroom_stream.results import SimulationResult

if TYPE_CHECKING:
    from headroom_stream.client.headroom import HeadroomClient
    from headroom_stream.client.turn import Ready

CALLS = frozenset(("create", "parse", "generate_content"))
"""Methods that return an answer."""
STREAMS = frozenset(("stream", "generate_content_stream"))
"""Methods that return a stream, or what a stream is entered by."""


def is_async(client: Any) -> bool:
    """Whether a provider's client is one for `async` programs: the SDKs say it in the class's name."""
    return any(cls.__name__.startswith("Async") for cls in type(client).__mro__)


class Namespace:
    """A resource of which some parts are wrapped."""

    def __init__(self, original: Any, **wrapped: Any) -> None:
        self._original = original
        vars(self).update(wrapped)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)


class Calls:
    """Wraps a resource of a sync client. Methods take what the resource's own take, and `headroom_*` arguments."""

    def __init__(self, client: HeadroomClient, original: Any) -> None:
        self._client = client
        self._original = original

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._original, name)
        if name in CALLS:
            return lambda **arguments: self._call(method, arguments)
        if name in STREAMS:
            return lambda **arguments: self._stream(method, arguments)
        return method

    def create(self, **arguments: Any) -> Any:
        """The resource's own `create`, with compressed messages. In mode `simulate` nothing is sent, and a SimulationResult returned."""
        return self._call(self._original.create, arguments)

    def stream(self, **arguments: Any) -> Any:
        """The resource's own `stream`, with compressed messages. What it returns is passed through."""
        return self._stream(self._original.stream, arguments)

    def simulate(self, **arguments: Any) -> SimulationResult:
        """What `create` would send with these arguments. Nothing is sent, and no session changes."""
        return self._client.simulated(self._client.prepare(arguments, mode="simulate"))

    def _call(self, method: Any, arguments: dict[str, Any]) -> Any:
        ready = self._client.prepare(arguments)
        if ready.mode == "simulate":
            return self._client.simulated(ready)
        answer = None
        try:
            answer = method(**ready.arguments)
        finally:
            # A call that the provider refuses has its row too.
            self._client.finish(ready, answer)
        return answer

    def _stream(self, method: Any, arguments: dict[str, Any]) -> Any:
        ready = self._client.prepare(arguments)
        if ready.mode == "simulate":
            return self._client.simulated(ready)
        try:
            return method(**ready.arguments)
        finally:
            self._client.finish(ready, None)


class AsyncCalls:
    """The same for an async client. Compression runs in a thread, so that other tasks go on."""

    def __init__(self, client: HeadroomClient, original: Any) -> None:
        self._client = client
        self._original = original

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._original, name)
        if name in CALLS:
            return lambda **arguments: self._call(method, arguments)
        if name == "stream":
            return lambda **arguments: _Entered(self._client, method, arguments)
        if name in STREAMS:
            return lambda **arguments: self._call(method, arguments)
        return method

    async def create(self, **arguments: Any) -> Any:
        """The resource's own `create`, with compressed messages. In mode `simulate` nothing is sent, and a SimulationResult returned."""
        return await self._call(self._original.create, arguments)

    def stream(self, **arguments: Any) -> Any:
        """The resource's own `stream`, with compressed messages: `async with client.messages.stream(...) as stream`."""
        return _Entered(self._client, self._original.stream, arguments)

    async def simulate(self, **arguments: Any) -> SimulationResult:
        """What `create` would send with these arguments. Nothing is sent, and no session changes."""
        return await asyncio.to_thread(lambda: self._client.simulated(self._client.prepare(arguments, mode="simulate")))

    async def _call(self, method: Any, arguments: dict[str, Any]) -> Any:
        ready = await asyncio.to_thread(self._client.prepare, arguments)
        if ready.mode == "simulate":
            return await asyncio.to_thread(self._client.simulated, ready)
        answer = None
        try:
            answer = await method(**ready.arguments)
        finally:
            await asyncio.to_thread(self._client.finish, ready, answer)
        return answer


class _Entered:
    """What an async `stream` returns: messages are compressed when it is entered."""

    def __init__(self, client: HeadroomClient, method: Any, arguments: dict[str, Any]) -> None:
        self._client = client
        self._method = method
        self._arguments = arguments
        self._manager: Any = None

    async def __aenter__(self) -> Any:
        ready: Ready = await asyncio.to_thread(self._client.prepare, self._arguments)
        self._manager = self._method(**ready.arguments)
        try:
            return await self._manager.__aenter__()
        finally:
            await asyncio.to_thread(self._client.finish, ready, None)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        left: bool | None = await self._manager.__aexit__(kind, error, trace)
        return left
