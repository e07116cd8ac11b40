"""Where a partition ends.

The embedded broker answers the plain question (ListOffsets) with the offset of the last batch's first record + 1, which is short of
the end when that batch has more than one record. The high watermark in its answer to a fetch is right, on Apache Kafka too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from headroom_stream.errors import TransportError

ANSWER_SECONDS = 10.0
LOOK_EVERY_SECONDS = 0.005


async def end_offsets(
    consumer: AIOKafkaConsumer, partitions: Iterable[TopicPartition], *, seconds: float = ANSWER_SECONDS
) -> dict[TopicPartition, int]:
    """The offset after the last record of each partition, right on both brokers.

    The partitions have to be assigned to the consumer; its positions are the same afterwards. Nothing else may read from it
    meanwhile. Raises TransportError when the broker doesn't answer within `seconds`.
    """
    tps = list(partitions)
    try:
        async with asyncio.timeout(seconds):
            reported = await consumer.end_offsets(tps)
            begins = await consumer.beginning_offsets(tps)
            ends: dict[TopicPartition, int] = {tp: reported[tp] for tp in tps}
            filled = [tp for tp in tps if reported[tp] > begins[tp]]
            if filled:
                ends.update(await _high_watermarks(consumer, {tp: reported[tp] - 1 for tp in filled}))
            return ends
    except (KafkaError, TimeoutError) as error:
        raise TransportError("the broker did not say where the partitions end", {"cause": str(error) or "no answer"}) from error


async def _high_watermarks(consumer: AIOKafkaConsumer, at: dict[TopicPartition, int]) -> dict[TopicPartition, int]:
    """Fetch at the given offsets, where the answer comes at once, and read the watermarks that come along."""
    positions = {tp: await consumer.position(tp) for tp in at}
    paused = consumer.paused() & at.keys()
    consumer.resume(*paused)
    # The time of an answer is in whole milliseconds: one from before must not pass for one that is new.
    begun = int(time.time() * 1000)
    await asyncio.sleep(0.002)
    try:
        for tp, offset in at.items():
            consumer.seek(tp, offset)
        ends: dict[TopicPartition, int] = {}
        while len(ends) < len(at):
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            for tp in at.keys() - ends.keys():
                answered = consumer.last_poll_timestamp(tp)
                if answered is not None and answered > begun:
                    ends[tp] = consumer.highwater(tp)
        return ends
    finally:
        for tp, position in positions.items():
            if tp in consumer.assignment():
                consumer.seek(tp, position)
        consumer.pause(*paused)
