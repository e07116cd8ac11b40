"""Names no other test uses: brokers are shared by all tests of a run, and a given broker by many runs."""

from __future__ import annotations

import uuid

from headroom_stream.config import KafkaSettings, Settings, SinkSettings, WorkerSettings


def unique(prefix: str) -> str:
    """`prefix` with an ending that is never used twice; fit for topics, groups and databases."""
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


def make_settings(brokers: str, *, partitions: int = 4) -> Settings:
    """Settings for `brokers` whose topics and groups belong to the caller alone. The topics are not created."""
    run = uuid.uuid4().hex[:10]
    return Settings(
        kafka=KafkaSettings(
            brokers=brokers,
            turns=f"t{run}.turns",
            contexts=f"t{run}.contexts",
            metrics=f"t{run}.metrics",
            dead=f"t{run}.dead",
            partitions=partitions,
        ),
        worker=WorkerSettings(group=f"t{run}-worker"),
        sink=SinkSettings(group=f"t{run}-sink"),
    )
