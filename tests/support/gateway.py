"""A gateway for tests: a real server on a free port, in a thread of its own.

    with running_gateway(keys={"acme": KEY}) as gateway:
        gateway.post("/v1/compress", {"model": "gpt-4o", "messages": [...]}).json()

Keyword arguments are fields of `GatewaySettings`; `policy` is the stream's. By default one thread compresses, which starts at once;
`processes=2` starts processes, which takes seconds.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any

import msgspec
from msgspec import Struct

from headroom_stream.config import GatewaySettings, Policy, Settings
from headroom_stream.gateway.serve import run_gateway

START_SECONDS = 90


class Reply(Struct, frozen=True):
    """What the gateway answered."""

    status: int
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes

    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class RunningGateway:
    """Its address, and requests to it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Reply:
        return self.send("GET", path, b"", headers)

    def post(self, path: str, body: Any, headers: Mapping[str, str] | None = None) -> Reply:
        """`body` as JSON; bytes go as they are."""
        return self.send("POST", path, body if isinstance(body, bytes) else msgspec.json.encode(body), headers)

    def send(self, method: str, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> Reply:
        connection = HTTPConnection(self.url.removeprefix("http://"), timeout=60)
        try:
            connection.request(method, path, body=body or None, headers={"Content-Type": "application/json", **(headers or {})})
            answer = connection.getresponse()
            return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()


@contextmanager
def running_gateway(policy: Policy | None = None, **fields: Any) -> Iterator[RunningGateway]:
    """A gateway with these settings. Whatever keeps it from starting is raised here."""
    settings = Settings(policy=policy or Policy(), gateway=GatewaySettings(**{"port": 0, "processes": 0, **fields}))
    ready = threading.Event()
    state: dict[str, Any] = {}

    async def serve() -> None:
        state["stop"], state["loop"] = asyncio.Event(), asyncio.get_running_loop()

        def on_ready(url: str) -> None:
            state["url"] = url
            ready.set()

        await run_gateway(settings, stop=state["stop"], on_ready=on_ready)

    def work() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:  # noqa: BLE001 - raised again where the test waits
            state["error"] = error
        finally:
            ready.set()

    thread = threading.Thread(target=work, name="gateway-under-test", daemon=True)
    thread.start()
    assert ready.wait(START_SECONDS), "the gateway did not start"
    if "url" not in state:
        raise state["error"]
    try:
        yield RunningGateway(state["url"])
    finally:
        state["loop"].call_soon_threadsafe(state["stop"].set)
        thread.join(START_SECONDS)
        assert not thread.is_alive(), "the gateway did not stop"
        if "error" in state:
            raise state["error"]
