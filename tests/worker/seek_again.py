"""A Faust app that reads a topic, commits nothing, and seeks to its committed offsets. Prints as JSON how often each offset came.

python tests/worker/seek_again.py BROKERS GROUP TOPIC PARTITIONS COUNT mended|plain
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections import Counter
from typing import Any

from msgspec import structs

from headroom_stream.config import KafkaSettings, Settings, WorkerSettings
from headroom_stream.worker.app import make_app
from headroom_stream.worker.faust_repairs import seek_what_was_never_committed


async def main(brokers: str, group: str, topic: str, partitions: int, count: int, how: str) -> None:
    settings = Settings(kafka=KafkaSettings(brokers=brokers), worker=WorkerSettings(group=group, session_timeout_s=3))
    settings = structs.replace(settings, kafka=structs.replace(settings.kafka, turns=topic))
    with tempfile.TemporaryDirectory() as folder:
        app = make_app(settings, partitions, folder)
        seen: Counter[str] = Counter()

        @app.agent(app.topic(topic, key_serializer="raw", value_serializer="raw"))
        async def read(stream: Any) -> None:
            async for event in stream.noack().events():
                seen[f"{event.message.partition}/{event.message.offset}"] += 1

        app.finalize()
        if how == "mended":
            seek_what_was_never_committed(app, topic=topic)
        await app.start()
        for _ in range(150):
            await asyncio.sleep(0.2)
            if len(seen) >= count:
                break
        app.consumer.stop_flow()
        await app.consumer.perform_seek()
        app.consumer.resume_flow()
        await asyncio.sleep(4)
    print(json.dumps(seen), flush=True)
    # Nothing of Faust's own stop is under test.
    os._exit(0)


if __name__ == "__main__":
    brokers, group, topic, partitions, count, how = sys.argv[1:]
    asyncio.run(main(brokers, group, topic, int(partitions), int(count), how))
