"""A Faust app whose seek after recovery is slow. Prints as JSON the offsets that its agent gets, by partition, and how many came early.

python tests/worker/seek_race.py BROKERS GROUP TOPIC PARTITIONS COUNT held|free
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections import defaultdict
from typing import Any

import faust
from msgspec import structs

from headroom_stream.config import KafkaSettings, Settings, WorkerSettings
from headroom_stream.worker.app import make_app
from headroom_stream.worker.faust_repairs import hold_flow_until_seek, read_true_ends


async def main(brokers: str, group: str, topic: str, partitions: int, count: int, flow: str) -> None:
    settings = Settings(kafka=KafkaSettings(brokers=brokers), worker=WorkerSettings(group=group, session_timeout_s=3))
    settings = structs.replace(settings, kafka=structs.replace(settings.kafka, turns=topic))
    with tempfile.TemporaryDirectory() as folder:
        app = make_app(settings, partitions, folder)
        app.tables.add(faust.Table(app, name="sessions", key_type=bytes, value_type=bytes, partitions=partitions))
        read_true_ends(app, kafka=KafkaSettings(brokers=brokers))
        if flow == "held":
            hold_flow_until_seek(app)
        seen: dict[int, list[int]] = defaultdict(list)
        sought = False
        early = 0

        @app.agent(app.topic(topic, key_serializer="raw", value_serializer="raw"))
        async def read(stream: Any) -> None:
            nonlocal early
            async for event in stream.events():
                early += not sought
                seen[event.message.partition].append(event.message.offset)

        app.finalize()
        seek = app.consumer.perform_seek

        async def slow_seek() -> None:
            nonlocal sought
            await asyncio.sleep(1.5)
            sought = True
            await seek()

        app.consumer.perform_seek = slow_seek
        await app.start()
        for _ in range(150):
            await asyncio.sleep(0.2)
            if sum(len(set(v)) for v in seen.values()) >= count:
                break
        await asyncio.sleep(2)
    print(json.dumps({"early": early, "seen": seen}), flush=True)
    # Nothing of Faust's own stop is under test.
    os._exit(0)


if __name__ == "__main__":
    brokers, group, topic, partitions, count, flow = sys.argv[1:]
    asyncio.run(main(brokers, group, topic, int(partitions), int(count), flow))
