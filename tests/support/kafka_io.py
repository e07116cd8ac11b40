"""The little Kafka that tests speak themselves, so that what they check does not depend on the code they check."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import UnknownTopicOrPartitionError, for_code
from aiokafka.structs import ConsumerRecord, RecordMetadata

MAX_BYTES = 33 * 1024 * 1024
"""Of a request and of a fetched partition: above the 32 MiB that topics of `init` allow, with room for a batch's header."""
READ_SECONDS = 30.0
"""For a whole topic; TimeoutError after."""


class Record(NamedTuple):
    """What is to be produced. A plain `(key, value)` does as well. `value=None` is a tombstone."""

    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
    partition: int | None = None
    timestamp_ms: int | None = None


async def create_topics(address: str, names: Iterable[str], partitions: int = 1, config: Mapping[str, str] | None = None) -> None:
    """Create topics and wait until they can be used. Raises the broker's error, also for a topic that exists."""
    wanted = list(names)
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        response = await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=dict(config or {})) for name in wanted])
        for name, code, *message in response.topic_errors:
            if code:
                raise for_code(code)(f"{name}: {message[0] if message else ''}")

        async def led() -> bool:
            topics = await admin.describe_topics(wanted)
            return all(
                topic["error_code"] == 0
                and len(topic["partitions"]) == partitions
                and all(p["leader"] >= 0 for p in topic["partitions"])
                for topic in topics
            )

        await wait_until(led, timeout=15, every=0.05)
    finally:
        await admin.close()


async def produce(
    address: str, topic: str, records: Iterable[Record | tuple[bytes | None, bytes | None]], *, linger_ms: int = 5
) -> list[RecordMetadata]:
    """Send records in order, as few batches as they fit in, and wait for the broker's word on each."""
    producer = AIOKafkaProducer(
        bootstrap_servers=address, acks="all", enable_idempotence=False, linger_ms=linger_ms, max_request_size=MAX_BYTES
    )
    await producer.start()
    try:
        sent = []
        for plain in records:
            record = Record(*plain)
            sent.append(
                await producer.send(
                    topic,
                    record.value,
                    key=record.key,
                    partition=record.partition,
                    timestamp_ms=record.timestamp_ms,
                    headers=list(record.headers),
                )
            )
        return list(await asyncio.gather(*sent))
    finally:
        await producer.stop()


async def true_ends(address: str, topic: str) -> dict[int, int]:
    """The offset after the last record of each partition. Raises UnknownTopicOrPartitionError for a topic that does not exist."""
    async with asyncio.timeout(READ_SECONDS), _reader(address, topic) as reader:
        return {tp.partition: end for tp, end in (await _true_ends(reader)).items()}


async def read_all(address: str, topic: str) -> list[ConsumerRecord]:
    """Every record that is in the topic now, by partition and offset. Raises UnknownTopicOrPartitionError as `true_ends` does."""
    async with asyncio.timeout(READ_SECONDS), _reader(address, topic) as reader:
        ends = await _true_ends(reader)
        await reader.seek_to_beginning(*ends)
        found: list[ConsumerRecord] = []
        # The position, not the last record, says that an end is reached: the last offset may be a marker or compacted away.
        while unread := [tp for tp in ends if await reader.position(tp) < ends[tp]]:
            for tp, records in (await reader.getmany(*unread, timeout_ms=200)).items():
                found += [record for record in records if record.offset < ends[tp]]
        return sorted(found, key=lambda record: (record.partition, record.offset))


async def wait_until(predicate: Callable[[], Any], timeout: float, every: float = 0.1) -> Any:  # noqa: ASYNC109 - says what it waited for
    """What `predicate` returns once that is true. It may be a coroutine function. Raises TimeoutError after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        answer = predicate()
        value = await answer if inspect.isawaitable(answer) else answer
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {timeout} s: {getattr(predicate, '__qualname__', predicate)} still says {value!r}")
        await asyncio.sleep(every)


@asynccontextmanager
async def _reader(address: str, topic: str) -> AsyncIterator[AIOKafkaConsumer]:
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        # A consumer would wait for the topic to appear, or have the broker make it.
        if topic not in await admin.list_topics():
            raise UnknownTopicOrPartitionError(topic)
    finally:
        await admin.close()
    # Without a group it is given all partitions: nothing to join, nothing committed.
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=address,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_bytes=MAX_BYTES,
        max_partition_fetch_bytes=MAX_BYTES,
        fetch_max_wait_ms=100,
    )
    async with consumer:
        yield consumer


async def _true_ends(reader: AIOKafkaConsumer) -> dict[TopicPartition, int]:
    partitions = sorted(reader.assignment())
    begins = await reader.beginning_offsets(partitions)
    reported: dict[TopicPartition, int] = await reader.end_offsets(partitions)
    # The embedded broker reports the first offset of the last batch + 1. What a Fetch says is right on every broker.
    filled = [tp for tp in partitions if reported[tp] > begins[tp]]
    for tp in filled:
        reader.seek(tp, reported[tp] - 1)
    while any((reader.highwater(tp) or 0) < reported[tp] for tp in filled):
        await reader.getmany(*filled, timeout_ms=50)
    return reported | {tp: reader.highwater(tp) for tp in filled}
