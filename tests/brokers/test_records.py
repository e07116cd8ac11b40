"""Records come back as they were sent: large, with headers, without value, with the sender's time, in order."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import MessageSizeTooLargeError, TopicAlreadyExistsError, UnknownTopicOrPartitionError

from tests.support.kafka_io import Record, create_topics, produce, read_all, true_ends

MIB = 1024 * 1024
Name = Callable[[str], str]


async def test_a_record_of_twenty_megabytes_passes_where_the_topic_allows_thirty_two(broker: str, topics: Name) -> None:
    topic = topics("large")
    await create_topics(broker, [topic], config={"max.message.bytes": str(32 * MIB)})
    # Noise, so that no compression on the way makes it small.
    large = random.Random(7).randbytes(20_000_000)

    await produce(broker, topic, [(b"s", b"before"), (b"s", large), (b"s", b"after")])

    assert [r.value for r in await read_all(broker, topic)] == [b"before", large, b"after"]


async def test_apache_kafka_refuses_a_record_above_the_topics_limit(kafka_broker: str, topics: Name) -> None:
    topic = topics("limited")
    await create_topics(kafka_broker, [topic], config={"max.message.bytes": str(MIB)})

    with pytest.raises(MessageSizeTooLargeError):
        await produce(kafka_broker, topic, [(b"s", bytes(2 * MIB))])

    assert await read_all(kafka_broker, topic) == []


async def test_headers_keep_their_order_their_bytes_and_their_repetitions(broker: str, topics: Name) -> None:
    topic = topics("headers")
    await create_topics(broker, [topic])
    headers = [("origin", b"a"), ("error", "naïve ✓".encode()), ("origin", b"\x00\xff"), ("empty", b"")]

    await produce(broker, topic, [Record(b"k", b"v", headers), Record(b"k", b"v")])

    assert [list(r.headers) for r in await read_all(broker, topic)] == [headers, []]


async def test_a_tombstone_is_no_empty_value_and_a_missing_key_no_empty_key(broker: str, topics: Name) -> None:
    topic = topics("null")
    await create_topics(broker, [topic], config={"cleanup.policy": "compact"})

    await produce(broker, topic, [(b"k", b"v"), (b"k", None), (b"k", b""), (b"", b"v")])

    assert [(r.key, r.value) for r in await read_all(broker, topic)] == [(b"k", b"v"), (b"k", None), (b"k", b""), (b"", b"v")]


async def test_a_missing_key_stays_missing(broker: str, topics: Name) -> None:
    topic = topics("keyless")
    await create_topics(broker, [topic])

    await produce(broker, topic, [(None, b"v")])

    assert [r.key for r in await read_all(broker, topic)] == [None]


async def test_a_record_keeps_the_time_its_sender_gave(broker: str, topics: Name) -> None:
    topic = topics("time")
    await create_topics(broker, [topic])
    # Backwards on purpose: brokers must not sort or correct.
    times = [1_700_000_000_123, 1_600_000_000_456]

    await produce(broker, topic, [Record(b"k", b"v", timestamp_ms=t) for t in times])

    assert [r.timestamp for r in await read_all(broker, topic)] == times


@pytest.mark.parametrize("compression", [None, "gzip", "lz4", "snappy", "zstd"])
async def test_records_of_a_key_stay_in_one_partition_and_in_order(broker: str, topics: Name, compression: str | None) -> None:
    topic = topics("order")
    await create_topics(broker, [topic], partitions=4)
    sent = [(f"s{i % 7}".encode(), str(i).encode()) for i in range(700)]

    # A small batch size, so that one topic holds many batches of many records.
    producer = AIOKafkaProducer(
        bootstrap_servers=broker, enable_idempotence=False, acks="all", compression_type=compression, max_batch_size=2048
    )
    async with producer:
        for key, value in sent:
            await producer.send(topic, value, key=key)

    found = await read_all(broker, topic)
    for session in {key for key, _ in sent}:
        mine = [r for r in found if r.key == session]
        assert [r.value for r in mine] == [value for key, value in sent if key == session]
        assert len({r.partition for r in mine}) == 1
    assert len(found) == len(sent)


async def test_the_true_end_is_found_behind_batches_of_many_records(broker: str, topics: Name) -> None:
    topic = topics("end")
    await create_topics(broker, [topic], partitions=3)

    await produce(broker, topic, [Record(None, b"x", partition=0) for _ in range(50)], linger_ms=200)
    await produce(broker, topic, [Record(None, b"x", partition=0) for _ in range(30)], linger_ms=200)
    await produce(broker, topic, [Record(None, b"x", partition=1)])

    assert await true_ends(broker, topic) == {0: 80, 1: 1, 2: 0}
    found = await read_all(broker, topic)
    assert [(r.partition, r.offset) for r in found] == [(0, n) for n in range(80)] + [(1, 0)]


async def test_a_topic_that_ends_with_the_marker_of_a_transaction_is_read_to_its_end(kafka_broker: str, topics: Name) -> None:
    topic = topics("transaction")
    await create_topics(kafka_broker, [topic])

    async with AIOKafkaProducer(bootstrap_servers=kafka_broker, transactional_id=topics("id")) as producer, producer.transaction():
        for value in (b"0", b"1"):
            await producer.send(topic, value)

    assert await true_ends(kafka_broker, topic) == {0: 3}
    assert [r.value for r in await read_all(kafka_broker, topic)] == [b"0", b"1"]


async def test_the_embedded_broker_reports_an_end_inside_the_last_batch(embedded_broker: str, topics: Name) -> None:
    """The reason for looking at a Fetch. When this fails the broker has been mended, and the detour can go."""
    topic = topics("reported")
    await create_topics(embedded_broker, [topic])
    await produce(embedded_broker, topic, [(None, b"x") for _ in range(50)], linger_ms=200)

    async with AIOKafkaConsumer(bootstrap_servers=embedded_broker) as consumer:
        reported = await consumer.end_offsets([TopicPartition(topic, 0)])

    assert reported == {TopicPartition(topic, 0): 1}


async def test_a_topic_can_be_read_from_any_offset(broker: str, topics: Name) -> None:
    topic = topics("seek")
    await create_topics(broker, [topic])
    await produce(broker, topic, [(None, str(n).encode()) for n in range(40)], linger_ms=200)

    async with AIOKafkaConsumer(topic, bootstrap_servers=broker, auto_offset_reset="earliest") as consumer:
        # In the middle of a batch: brokers answer with the whole batch, the client drops what is before.
        consumer.seek(TopicPartition(topic, 0), 17)
        record = await consumer.getone()

    assert (record.offset, record.value) == (17, b"17")


async def test_a_topic_that_exists_is_not_created_again(broker: str, topics: Name) -> None:
    topic = topics("twice")
    await create_topics(broker, [topic], partitions=2)

    with pytest.raises(TopicAlreadyExistsError):
        await create_topics(broker, [topic], partitions=2)


async def test_a_fresh_broker_has_no_topics(fresh_broker: str, topics: Name) -> None:
    async with AIOKafkaConsumer(bootstrap_servers=fresh_broker) as consumer:
        assert await consumer.topics() == set()


async def test_reading_a_topic_that_does_not_exist_fails_at_once(broker: str, topics: Name) -> None:
    with pytest.raises(UnknownTopicOrPartitionError):
        await asyncio.wait_for(read_all(broker, topics("absent")), timeout=3)
