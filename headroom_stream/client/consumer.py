"""Reads contexts: whole, once each, and where wanted the one that answers a turn just published."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Literal, Self

import msgspec
from aiokafka import ConsumerRecord, TopicPartition
from msgspec import Struct, structs

from headroom_stream.client import connection
from headroom_stream.client.deltas import Assembler, MissingBaseError
from headroom_stream.client.publisher import TurnPublisher
from headroom_stream.client.reader import TopicReader
from headroom_stream.config import KafkaSettings
from headroom_stream.errors import ConfigurationError, TransportError, ValidationError
from headroom_stream.events import SCHEMA_VERSION, ContextBatch, TurnEvent, decode_context

DEFAULTS = KafkaSettings()

AHEAD = 100
"""Contexts read ahead of who iterates. More would only cost memory: a context may have megabytes."""

COMMIT_SECONDS = 1.0


class _Given(Struct, frozen=True):
    """What the reading task hands to the iterator."""

    what: ContextBatch | Exception
    partition: TopicPartition | None = None
    offset: int = 0


class ContextConsumer:
    """Contexts as they come, duplicates dropped and deltas made whole. Use it as an async context manager.

        async with ContextConsumer(brokers="127.0.0.1:19092", session="run-1") as consumer:
            async for context in consumer:
                send_to_model(context.messages)

    Without a `group` it sees every partition, from now on or `from_beginning`. Members of a `group` share the sessions; an offset
    is committed when the next context is asked for, so that a crash repeats a context and never loses one.

    Iterate, or `request`, or both; who iterates has to go on iterating, or requests wait too. A delta whose base is not known is
    raised as MissingBaseError, after which iterating can go on; `incomplete="give"` gives the delta itself, with `messages_from`
    above 0.
    `kafka` says all that is not given by itself, and how to be let in where the broker asks for it (TLS, a password).
    Raises TransportError when the broker can't be reached.
    """

    def __init__(
        self,
        *,
        brokers: str | None = None,
        topic: str | None = None,
        kafka: KafkaSettings = DEFAULTS,
        group: str | None = None,
        session: str | None = None,
        from_beginning: bool = False,
        incomplete: Literal["raise", "give"] = "raise",
        connect_timeout: float = connection.CONNECT_SECONDS,
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self.session = session
        self._reader = TopicReader(
            brokers=brokers,
            topic=kafka.contexts if topic is None else topic,
            kafka=kafka,
            group=group,
            from_beginning=from_beginning,
            connect_timeout=connect_timeout,
        )
        self._incomplete = incomplete
        self._new_id = new_id
        self._contexts = Assembler()
        self._waiting: dict[tuple[str, str], asyncio.Future[ContextBatch]] = {}
        self._ready: asyncio.Queue[_Given] = asyncio.Queue(AHEAD)
        self._iterated = False
        self._done: dict[TopicPartition, int] = {}
        self._last: _Given | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._reader.__aenter__()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        try:
            # Left in order, the context given last counts as dealt with; left by an error it will be given again.
            if kind is None:
                self._finish_last()
            await self._commit()
        finally:
            await self._reader.__aexit__(kind, error, trace)

    def __aiter__(self) -> AsyncIterator[ContextBatch]:
        self._iterated = True
        self._read()
        return self

    async def __anext__(self) -> ContextBatch:
        """The next context. Raises MissingBaseError (go on after it) and TransportError."""
        self._finish_last()
        given = self._last = await self._ready.get()
        if isinstance(given.what, Exception):
            raise given.what
        return given.what

    async def so_far(self) -> AsyncIterator[ContextBatch]:
        """The contexts that are in the topic now, and no more. For a consumer that reads from the beginning, without a group."""
        if self._task is not None:
            raise ConfigurationError("so_far reads the topic by itself: don't iterate or request with the same consumer")
        async for record in self._reader.so_far():
            given = self._open(record)
            if given is None:
                continue
            if isinstance(given.what, Exception):
                raise given.what
            yield given.what

    async def request(self, publisher: TurnPublisher, event: TurnEvent, timeout: float = 30.0) -> ContextBatch:  # noqa: ASYNC109 - part of the promise
        """Publish this turn and return its context. An event without an id gets one.

        Raises TransportError when no context comes within `timeout` seconds, and MissingBaseError.
        """
        if self._reader.group is not None:
            raise ConfigurationError("request needs a consumer without a group: another member may get the answer")
        if event.event_id is None:
            event = structs.replace(event, event_id=self._new_id())
        key = (event.session_id, event.event_id or "")
        answer: asyncio.Future[ContextBatch] = asyncio.get_running_loop().create_future()
        self._waiting[key] = answer
        try:
            self._read()
            async with asyncio.timeout(timeout):
                await publisher.publish(event)
                return await answer
        except TimeoutError as error:
            raise TransportError(
                f"no context within {timeout:g} s: is a worker running, and is the turn new (see the dead-letter topic)?",
                {"session": event.session_id, "event": event.event_id},
            ) from error
        finally:
            self._waiting.pop(key, None)

    def _read(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._pump(), name="headroom-contexts")

    async def _pump(self) -> None:
        """Read ahead until the consumer is left; whatever ends the reading is raised to whoever waits."""
        loop = asyncio.get_running_loop()
        committed = loop.time()
        try:
            while True:
                for record in await self._reader.poll():
                    given = self._open(record)
                    if given is not None:
                        await self._hand_over(given)
                if loop.time() - committed > COMMIT_SECONDS:
                    await self._commit()
                    committed = loop.time()
        except Exception as error:  # noqa: BLE001 - the task's end is told to who waits, whatever it was
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(error)
            await self._ready.put(_Given(error))

    def _open(self, record: ConsumerRecord) -> _Given | None:
        """The context in a record; None for what nobody asked for or what came before."""
        if self.session is not None and record.key != self.session.encode():
            return None
        if record.value is None:
            self._contexts.forget((record.key or b"").decode(errors="replace"))
            return None
        place = TopicPartition(record.topic, record.partition)
        try:
            batch = self._contexts.accept(_decode(record))
        except (MissingBaseError, ValidationError) as error:
            if self._incomplete == "give" and isinstance(error, MissingBaseError):
                return _Given(error.batch, place, record.offset)
            return _Given(error, place, record.offset)
        return None if batch is None else _Given(batch, place, record.offset)

    async def _hand_over(self, given: _Given) -> None:
        batch = given.what.batch if isinstance(given.what, MissingBaseError) else given.what
        if isinstance(batch, ContextBatch):
            answer = self._waiting.get((batch.session_id, batch.event_id))
            if answer is not None and not answer.done():
                if isinstance(given.what, ContextBatch):
                    answer.set_result(given.what)
                else:
                    answer.set_exception(given.what)
                return
        if self._iterated:
            await self._ready.put(given)

    def _finish_last(self) -> None:
        if self._last is not None and self._last.partition is not None:
            self._done[self._last.partition] = self._last.offset + 1
        self._last = None

    async def _commit(self) -> None:
        if self._reader.group is not None and self._done:
            done, self._done = self._done, {}
            await self._reader.commit(done)


def _decode(record: ConsumerRecord) -> ContextBatch:
    try:
        batch = decode_context(record.value)
    except msgspec.DecodeError as error:
        where = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
        raise ValidationError(f"a record is no context: {error}", where) from error
    if batch.schema_version > SCHEMA_VERSION:
        raise ValidationError("a newer worker wrote this context: upgrade this client", {"schema_version": batch.schema_version})
    return batch
