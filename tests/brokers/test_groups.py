"""Consumer groups: joined in seconds, partitions shared and taken over, committed offsets kept."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from aiokafka import AIOKafkaConsumer, TopicPartition

from tests.support.kafka_io import Record, create_topics, produce, wait_until
from tests.support.processes import Programs

Name = Callable[[str], str]
SESSION_SECONDS = 6
"""What the worker uses by default. Apache Kafka allows no less; the embedded broker takes a minute to join with the usual 45."""
JOIN_SECONDS = 15

MEMBER = """
import asyncio, sys
from aiokafka import AIOKafkaConsumer

async def main(address, topic, group):
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=address, group_id=group, auto_offset_reset="earliest",
        session_timeout_ms=6000, rebalance_timeout_ms=6000, heartbeat_interval_ms=1000, enable_auto_commit=False)
    await consumer.start()
    while True:
        await consumer.getmany(timeout_ms=100)
        print("holds", sorted(tp.partition for tp in consumer.assignment()))

asyncio.run(main(*sys.argv[1:]))
"""


def member(address: str, topic: str, group: str) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        topic,
        bootstrap_servers=address,
        group_id=group,
        auto_offset_reset="earliest",
        session_timeout_ms=SESSION_SECONDS * 1000,
        rebalance_timeout_ms=SESSION_SECONDS * 1000,
        heartbeat_interval_ms=1000,
        enable_auto_commit=False,
    )


async def test_a_lone_member_joins_and_holds_every_partition_within_fifteen_seconds(broker: str, topics: Name) -> None:
    topic = topics("join")
    await create_topics(broker, [topic], partitions=4)
    await produce(broker, topic, [Record(None, b"x", partition=p) for p in range(4)])

    began = time.monotonic()
    async with asyncio.timeout(JOIN_SECONDS), member(broker, topic, topics("group")) as consumer:
        seen: set[int] = set()
        while len(seen) < 4:
            seen |= {tp.partition for tp in await consumer.getmany(timeout_ms=200)}
    assert time.monotonic() - began < JOIN_SECONDS


async def test_the_partitions_of_a_killed_member_move_to_the_other(broker: str, topics: Name, programs: Programs) -> None:
    topic, group = topics("takeover"), topics("group")
    await create_topics(broker, [topic], partitions=4)
    victim = programs.python("-c", MEMBER, broker, topic, group)
    await asyncio.to_thread(victim.wait_for, r"holds \[0, 1, 2, 3\]", JOIN_SECONDS)

    async with member(broker, topic, group) as survivor:

        async def holds(count: int) -> bool:
            await survivor.getmany(timeout_ms=100)
            return len(survivor.assignment()) == count

        await wait_until(lambda: holds(2), timeout=JOIN_SECONDS)
        await asyncio.to_thread(victim.wait_for, r"holds \[\d, \d\]$", JOIN_SECONDS)

        victim.kill()

        await wait_until(lambda: holds(4), timeout=SESSION_SECONDS + JOIN_SECONDS)


async def test_a_group_resumes_after_its_committed_offset_and_reads_again_what_was_not_committed(broker: str, topics: Name) -> None:
    topic, group = topics("resume"), topics("group")
    partition = TopicPartition(topic, 0)
    await create_topics(broker, [topic])
    # One batch of many: the commit lies inside it.
    await produce(broker, topic, [(None, str(n).encode()) for n in range(20)], linger_ms=200)

    async with asyncio.timeout(JOIN_SECONDS), member(broker, topic, group) as first:
        assert await first.committed(partition) is None
        for _ in range(13):
            record = await first.getone()
        await first.commit({partition: record.offset + 1})
        assert (await first.getone()).value == b"13"

    # The embedded broker hears no farewell: it waits for the session of the first to run out, about 11 s.
    async with asyncio.timeout(SESSION_SECONDS + JOIN_SECONDS), member(broker, topic, group) as second:
        assert await second.committed(partition) == 13
        assert (await second.getone()).value == b"13"


async def test_groups_keep_their_offsets_apart(broker: str, topics: Name) -> None:
    topic = topics("apart")
    partition = TopicPartition(topic, 0)
    await create_topics(broker, [topic])
    await produce(broker, topic, [(None, b"0"), (None, b"1")])

    # Assigned by hand, which needs no join and commits all the same.
    async def committed(group: str, *, commit: int | None = None) -> int | None:
        async with AIOKafkaConsumer(bootstrap_servers=broker, group_id=group, enable_auto_commit=False) as consumer:
            consumer.assign([partition])
            if commit is not None:
                await consumer.commit({partition: commit})
            offset: int | None = await consumer.committed(partition)
            return offset

    one, two = topics("one"), topics("two")
    assert await committed(one, commit=2) == 2
    assert await committed(one) == 2
    assert await committed(two) is None
