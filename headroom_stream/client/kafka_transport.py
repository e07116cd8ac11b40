"""Turns to a worker and contexts back, for programs that wait for them: an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from msgspec import structs

from headroom_stream.client.consumer import ContextConsumer
from headroom_stream.client.publisher import TurnPublisher
from headroom_stream.config import KafkaSettings, merge
from headroom_stream.engine.sessions import Reply
from headroom_stream.errors import TransportError
from headroom_stream.events import TurnEvent

T = TypeVar("T")

START_SECONDS = 30.0


class KafkaTransport:
    """A `Transport` over the topics of `kafka`. May be used by several threads; connects with the first turn.

    `changes` to the policy go along with every turn; `timeout` seconds are given to a turn until its context is there.
    """

    def __init__(self, kafka: KafkaSettings, *, changes: Mapping[str, Any] | None = None, timeout: float = 30.0) -> None:
        self._kafka = kafka
        self._changes = dict(changes or {})
        self._timeout = timeout
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._publisher: TurnPublisher | None = None
        self._consumer: ContextConsumer | None = None

    def turn(self, event: TurnEvent) -> Reply:
        """Publish a turn and wait for its context. Raises TransportError where none comes in time: the dead-letter topic may say why."""
        publisher, consumer = self._connected()
        if self._changes:
            event = structs.replace(event, policy=merge(self._changes, event.policy or {}))
        context = self._run(consumer.request(publisher, event, timeout=self._timeout), self._timeout + START_SECONDS)
        return Reply(context=context)

    def knows(self, session_id: str) -> bool:  # noqa: ARG002 - workers keep sessions for long, and a context says whether this one was
        """Yes: whether the worker has the session shows in its context."""
        return True

    def ping(self) -> None:
        """Raises TransportError if the broker can't be reached."""
        self._connected()

    def close(self) -> None:
        """Leave the broker."""
        with self._lock:
            loop, thread = self._loop, self._thread
            publisher, consumer = self._publisher, self._consumer
            self._loop = self._thread = self._publisher = self._consumer = None
        if loop is None or thread is None:
            return

        async def leave() -> None:
            for part in (publisher, consumer):
                if part is not None:
                    await part.__aexit__(None, None, None)

        try:
            asyncio.run_coroutine_threadsafe(leave(), loop).result(START_SECONDS)
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(START_SECONDS)
            loop.close()

    def _connected(self) -> tuple[TurnPublisher, ContextConsumer]:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="headroom-kafka", daemon=True)
                self._thread.start()
            if self._publisher is None or self._consumer is None:
                self._publisher, self._consumer = self._run(self._connect(), START_SECONDS)
            return self._publisher, self._consumer

    async def _connect(self) -> tuple[TurnPublisher, ContextConsumer]:
        consumer = await ContextConsumer(kafka=self._kafka).__aenter__()
        try:
            publisher = await TurnPublisher(kafka=self._kafka).__aenter__()
        except BaseException:
            await consumer.__aexit__(None, None, None)
            raise
        return publisher, consumer

    def _run(self, work: Coroutine[Any, Any, T], seconds: float) -> T:
        assert self._loop is not None
        waiting = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return waiting.result(seconds)
        except TimeoutError as error:
            waiting.cancel()
            raise TransportError(f"the broker at {self._kafka.brokers} did not answer within {seconds:.0f} s") from error
