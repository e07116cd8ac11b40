"""Where the parts are and how they run, with the policy they carry out: the one configuration tree. Reading it is `settings`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from headroom_stream.config.cuts import PositiveInt
from headroom_stream.config.policy import Policy
from headroom_stream.errors import ConfigurationError


class KafkaSettings(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The broker and the names of the topics."""

    brokers: str = "127.0.0.1:19092"
    """Comma-separated host:port."""
    turns: str = "headroom.turns"
    contexts: str = "headroom.contexts"
    metrics: str = "headroom.metrics"
    dead: str = "headroom.dead"
    partitions: PositiveInt = 8
    """Of topics that `init` creates."""
    replication: PositiveInt = 1
    max_message_bytes: PositiveInt = 32 * 1024 * 1024
    """Of topics that `init` creates, and of requests. Well above `limits.event_bytes`, or too large turns never reach the worker."""


class ClickHouseSettings(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Where metrics are kept."""

    url: str = "http://127.0.0.1:18123"
    """`http[s]://[user:password@]host:port`."""
    database: str = "headroom"


class WorkerSettings(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The Faust worker."""

    group: str = "headroom-worker"
    """Consumer group, and the prefix of the changelog topic: workers of one group share the partitions."""
    store: str = "memory://"
    """Faust's table store: `memory://` or `rocksdb://?driver=rocksdict`."""
    data_dir: str | None = None
    """Where an on-disk store lives."""
    batch_wait_ms: Annotated[int, Meta(ge=0)] = 0
    """Time given to a batch to fill after its first event. Under load batches fill by themselves while the one before is committed."""
    batch_events: PositiveInt = 500
    fetch_wait_ms: PositiveInt = 20
    """Longest wait of a fetch for new records. On Apache Kafka it is only how often an idle worker asks; on the embedded broker it is
    most of a turn's latency."""
    session_timeout_s: Annotated[float, Meta(ge=1)] = 6.0
    """A dead worker's partitions move after this."""
    cache_bytes: PositiveInt = 512 * 1024 * 1024
    """Decoded sessions kept in memory, by the size of their messages and of the index of what they were shown."""


class SinkSettings(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """From the metrics topic to ClickHouse."""

    group: str = "headroom-sink"
    batch_rows: PositiveInt = 20_000
    batch_wait_ms: PositiveInt = 500


class Settings(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Everything that can be set, in one tree."""

    kafka: KafkaSettings = KafkaSettings()
    clickhouse: ClickHouseSettings = ClickHouseSettings()
    worker: WorkerSettings = WorkerSettings()
    sink: SinkSettings = SinkSettings()
    policy: Policy = Policy()


def check_sizes(settings: Settings) -> None:
    """Raises ConfigurationError where a record that is allowed could not be sent: it would stop the worker for good."""
    room = settings.kafka.max_message_bytes * 3 // 4
    for name in ("event_bytes", "session_bytes"):
        value = getattr(settings.policy.limits, name)
        if value > room:
            raise ConfigurationError(f"policy.limits.{name} is {value}: at most three quarters of kafka.max_message_bytes, {room}")
