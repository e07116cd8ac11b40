"""Publishes turns: one record an event, keyed by session, so that a session's turns stay in order."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from types import TracebackType
from typing import Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata
from msgspec import structs

from headroom_stream.broker_access import access
from headroom_stream.client import connection
from headroom_stream.config import KafkaSettings
from headroom_stream.errors import TransportError, ValidationError
from headroom_stream.events import TurnEvent, encode

DEFAULTS = KafkaSettings()

IN_FLIGHT = 2_000
"""Records sent and not acknowledged. Enough to fill batches; few enough that a slow broker slows the sender, not its memory."""

LINGER_MS = 2
"""Lets the turns of many sessions share a batch. A turn that is awaited alone is later by this much at most."""


class TurnPublisher:
    """Publishes turn events. Use it as an async context manager.

        async with TurnPublisher(brokers="127.0.0.1:19092") as publisher:
            await publisher.publish(event)

    `kafka` says all that is not given by itself, and how to be let in where the broker asks for it (TLS, a password).
    Raises TransportError when the broker can't be reached, the topic is missing or a record isn't acknowledged.
    """

    def __init__(
        self,
        *,
        brokers: str | None = None,
        topic: str | None = None,
        max_message_bytes: int | None = None,
        kafka: KafkaSettings = DEFAULTS,
        max_in_flight: int = IN_FLIGHT,
        connect_timeout: float = connection.CONNECT_SECONDS,
    ) -> None:
        self._kafka = kafka if brokers is None else structs.replace(kafka, brokers=brokers)
        self.topic = kafka.turns if topic is None else topic
        self._max_message_bytes = kafka.max_message_bytes if max_message_bytes is None else max_message_bytes
        self._connect_timeout = connect_timeout
        self._slots = asyncio.Semaphore(max_in_flight)
        self._pending: set[asyncio.Future[RecordMetadata]] = set()
        self._producer: AIOKafkaProducer | None = None

    async def __aenter__(self) -> Self:
        producer = AIOKafkaProducer(
            **access(self._kafka),
            acks="all",
            # The embedded broker knows no idempotent producers. A record that a retry doubles does no harm: the worker counts
            # a repeated event id and does not fold it again.
            enable_idempotence=False,
            max_request_size=self._max_message_bytes,
            linger_ms=LINGER_MS,
            request_timeout_ms=connection.REQUEST_MS,
        )
        await connection.start(
            producer,
            kafka=self._kafka,
            topic=self.topic,
            topics=lambda: _topics(producer),
            seconds=self._connect_timeout,
        )
        self._producer = producer
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            try:
                if kind is None:
                    await self._drain()
            finally:
                await connection.stop(producer)

    async def publish(self, event: TurnEvent) -> RecordMetadata:
        """Publish one turn and wait until the broker has it. Returns where: `topic`, `partition`, `offset`."""
        return await (await self.send(event))

    async def send(self, event: TurnEvent) -> asyncio.Future[RecordMetadata]:
        """Hand one turn over for sending. The future is done when the broker has it.

        Waits only while too many records are in flight. A failure is raised by the future, and by `flush` where nobody awaits it.
        """
        if not 1 <= len(event.session_id) <= 256:
            raise ValidationError("session_id needs 1 to 256 characters", {"characters": len(event.session_id)})
        headers = [("traceparent", event.traceparent.encode())] if event.traceparent else []
        if event.tracestate:
            headers.append(("tracestate", event.tracestate.encode()))
        return await self._send(event.session_id, encode(event), headers)

    async def erase(self, session_id: str) -> RecordMetadata:
        """Publish a null value: the session's state, changelog and rows are wiped."""
        return await (await self._send(session_id, None, []))

    async def _send(self, session_id: str, value: bytes | None, headers: list[tuple[str, bytes]]) -> asyncio.Future[RecordMetadata]:
        if self._producer is None:
            raise TransportError("the publisher is not started: use it with `async with`")
        if value is not None and len(value) > self._max_message_bytes - 4096:
            # 4096: room for key, headers and the batch's frame.
            raise ValidationError("the turn is too large for the topic", {"bytes": len(value), "max": self._max_message_bytes})
        await self._slots.acquire()
        try:
            sent = await self._producer.send(self.topic, value, key=session_id.encode(), headers=headers)
        except KafkaError as error:
            self._slots.release()
            raise _failed(error) from error
        except BaseException:
            self._slots.release()
            raise
        outcome: asyncio.Future[RecordMetadata] = asyncio.get_running_loop().create_future()
        self._pending.add(outcome)
        sent.add_done_callback(lambda done: self._settle(done, outcome))
        return outcome

    def _settle(self, sent: asyncio.Future[RecordMetadata], outcome: asyncio.Future[RecordMetadata]) -> None:
        self._slots.release()
        if outcome.done():
            self._pending.discard(outcome)
        elif sent.cancelled():
            outcome.cancel()
            self._pending.discard(outcome)
        elif (error := sent.exception()) is not None:
            # Stays in `_pending` until `flush` has raised it.
            outcome.set_exception(_failed(error))
        else:
            self._pending.discard(outcome)
            outcome.set_result(sent.result())

    async def flush(self) -> None:
        """Wait until everything sent so far is with the broker. Raises TransportError if a record isn't."""
        if self._producer is None:
            raise TransportError("the publisher is not started: use it with `async with`")
        await self._drain()

    async def _drain(self) -> None:
        waiting, self._pending = self._pending, set()
        for result in await asyncio.gather(*waiting, return_exceptions=True):
            if isinstance(result, TransportError):
                raise result


async def _topics(producer: AIOKafkaProducer) -> Collection[str]:
    names: Collection[str] = (await producer.client.fetch_all_metadata()).topics()
    return names


def _failed(error: BaseException) -> TransportError:
    return TransportError("the broker did not take a record", {"cause": f"{type(error).__name__}: {error}".rstrip(": ")})
