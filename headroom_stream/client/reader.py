"""Reads the records of one topic, and knows where it ended when the reading began."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from msgspec import structs

from headroom_stream.broker_access import access
from headroom_stream.client import connection
from headroom_stream.client.offsets import end_offsets
from headroom_stream.config import KafkaSettings
from headroom_stream.errors import TransportError

DEFAULTS = KafkaSettings()

SESSION_MS = 6_000
"""A dead member's partitions move after this. With aiokafka's 10 s and the embedded broker, joining a group can take a minute."""

FETCH_WAIT_MS = 50
"""How long the broker holds a fetch when there is nothing. Apache Kafka ends the wait when a record comes; the embedded broker
looks again only at half and at the end of it, so that with the default of 500 a context is half a second late."""

STALL_SECONDS = 10.0
"""Reading to the end gives up after this long without a record: the broker went away."""


class TopicReader:
    """Reads all partitions of a topic, or with a group its share of them. Use it as an async context manager.

    Without a group it begins at the topic's start or, by default, at its end at the time of entering. `kafka` says where the broker is
    and how to be let in; `brokers` only where. Raises TransportError.
    """

    def __init__(
        self,
        *,
        topic: str,
        brokers: str | None = None,
        kafka: KafkaSettings = DEFAULTS,
        group: str | None = None,
        from_beginning: bool = False,
        connect_timeout: float = connection.CONNECT_SECONDS,
    ) -> None:
        self._kafka = kafka if brokers is None else structs.replace(kafka, brokers=brokers)
        self.topic = topic
        self.group = group
        self._from_beginning = from_beginning
        self._connect_timeout = connect_timeout
        self._ends: dict[TopicPartition, int] = {}
        self._consumer: AIOKafkaConsumer | None = None

    async def __aenter__(self) -> Self:
        consumer = AIOKafkaConsumer(
            **access(self._kafka),
            group_id=self.group,
            enable_auto_commit=False,
            auto_offset_reset="earliest" if self._from_beginning else "latest",
            session_timeout_ms=SESSION_MS,
            rebalance_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=SESSION_MS // 6,
            fetch_max_wait_ms=FETCH_WAIT_MS,
            request_timeout_ms=connection.REQUEST_MS,
        )
        await connection.start(consumer, kafka=self._kafka, topic=self.topic, topics=consumer.topics, seconds=self._connect_timeout)
        try:
            await self._place(consumer)
        except BaseException:
            await connection.stop(consumer)
            raise
        self._consumer = consumer
        return self

    async def _place(self, consumer: AIOKafkaConsumer) -> None:
        consumer.subscribe([self.topic])
        if self.group is not None:
            return
        try:
            async with asyncio.timeout(self._connect_timeout):
                while not consumer.assignment():  # noqa: ASYNC110 - aiokafka tells of an assignment by no event
                    await asyncio.sleep(0.005)
                partitions = consumer.assignment()
                begins = await consumer.beginning_offsets(partitions)
        except (KafkaError, TimeoutError) as error:
            raise TransportError(
                f"can't read {self.topic} at {self._kafka.brokers}", {"cause": str(error) or "no answer"}
            ) from error
        for tp in partitions:
            consumer.seek(tp, begins[tp])
        self._ends = await end_offsets(consumer, partitions)
        if not self._from_beginning:
            for tp, end in self._ends.items():
                consumer.seek(tp, end)

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await connection.stop(consumer)

    def _started(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            raise TransportError("the reader is not started: use it with `async with`")
        return self._consumer

    async def poll(self, seconds: float = 1.0) -> list[ConsumerRecord]:
        """The records that came, of each partition in order; none when none came within `seconds`."""
        try:
            found = await self._started().getmany(timeout_ms=int(seconds * 1000))
        except KafkaError as error:
            raise TransportError(f"reading {self.topic} failed", {"cause": f"{type(error).__name__}: {error}"}) from error
        return [record for records in found.values() for record in records]

    async def at_end(self) -> bool:
        """Whether everything was read that was in the topic when the reading began. Not known with a group: never true."""
        if self.group is not None:
            return False
        consumer = self._started()
        for tp, end in self._ends.items():
            if await consumer.position(tp) < end:
                return False
        return True

    async def so_far(self, *, stall: float = STALL_SECONDS) -> AsyncIterator[ConsumerRecord]:
        """The records that are in the topic now. Raises TransportError when the broker stops answering on the way."""
        loop = asyncio.get_running_loop()
        last = loop.time()
        while not await self.at_end():
            records = await self.poll(0.5)
            if records:
                last = loop.time()
            elif loop.time() - last > stall:
                raise TransportError(f"reading {self.topic} got no answer for {stall:.0f} s")
            for record in records:
                yield record

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        """Let the group go on from these offsets. Partitions that moved to another member are passed over."""
        consumer = self._started()
        try:
            own = {tp: offset for tp, offset in offsets.items() if tp in consumer.assignment()}
            if own:
                await consumer.commit(own)
        except (CommitFailedError, IllegalStateError):
            # The group is being rearranged. Whoever gets the partition reads again what was not committed, and drops it by its id.
            return
        except KafkaError as error:
            raise TransportError("offsets could not be committed", {"cause": f"{type(error).__name__}: {error}"}) from error
