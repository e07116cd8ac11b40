"""What Faust 0.15.3 gets wrong for a worker that must lose nothing. Each repair has a test that fails without it.

Delete a repair when the pinned version no longer needs it; its test says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import faust
from aiokafka import AIOKafkaConsumer, TopicPartition
from faust.stores.memory import Store as MemoryStore
from faust.types import TP

from headroom_stream.broker_access import access
from headroom_stream.client.offsets import end_offsets
from headroom_stream.config import KafkaSettings
from headroom_stream.errors import StateError, WorkerStoppedError
from headroom_stream.session.state import Position, decode_head, is_head_key


def hold_flow_until_seek(app: faust.App) -> None:
    """Keep input back between the end of recovery and the seek to the committed offsets.

    Faust lets input partitions flow before it seeks (upstream issue 596): the first events after a start or rebalance arrive from the
    old position, are dropped by the seek or come out of order. Its own resume follows the seek, so holding the flow here is enough.
    """

    @app.on_rebalance_complete.connect(weak=False)
    async def hold(*_args: Any, **_kwargs: Any) -> None:
        app.consumer.stop_flow()
        app.flow_control.suspend()


def seek_what_was_never_committed(app: faust.App, *, topic: str) -> None:
    """Let the seek after recovery cover partitions that have no committed offset yet.

    Records that a fetch under way brings while the flow is held are thrown away, and the seek to the committed offset brings them again.
    For a partition without one aiokafka does not seek at all: a session's first turn would wait for ever.
    """
    consumer = app.consumer
    seek = consumer.perform_seek

    async def seek_all() -> None:
        await seek()
        never = [tp for tp in consumer.assignment() if tp.topic == topic and not consumer._committed_offset.get(tp)]  # noqa: SLF001
        if never:
            await consumer.seek_wait(await consumer.earliest_offsets(*never))

    consumer.perform_seek = seek_all


def read_true_ends(app: faust.App, *, kafka: KafkaSettings) -> None:
    """Let recovery read each changelog partition to its true end.

    The embedded broker answers ListOffsets with the base offset of the last batch + 1. Recovery would stop before the rest of that
    batch, and the state in it would be lost. The high watermark of a fetch is right on every broker.
    """
    recovery = app.tables.recovery

    async def build(_consumer: Any, tps: set[TP], destination: Any, title: str) -> None:
        destination.clear()
        if tps:
            ends = await _true_ends(kafka, tps)
            # Faust counts the last offset, not the next one; -1: empty.
            destination.update({tp: end - 1 for tp, end in ends.items()})
        recovery.log.info("True ends of %s changelog partitions: %s", title, dict(destination))

    recovery._build_highwaters = build  # noqa: SLF001 - the method that asks the wrong question


async def _true_ends(kafka: KafkaSettings, tps: Iterable[TP]) -> dict[TP, int]:
    consumer = AIOKafkaConsumer(**access(kafka), enable_auto_commit=False)
    await consumer.start()
    try:
        wanted = {TopicPartition(tp.topic, tp.partition): tp for tp in tps}
        consumer.assign(list(wanted))
        ends = await end_offsets(consumer, list(wanted))
        return {wanted[tp]: end for tp, end in ends.items()}
    finally:
        await consumer.stop()


def shorten_long_poll(app: faust.App, wait_ms: int) -> None:
    """Let fetches of an empty topic return after `wait_ms`; Faust fixes it at 1.5 s.

    Apache Kafka answers as soon as there is a record. The embedded broker looks again only at half of the wait and at its end, so that
    each turn of an agent would wait for 0.75 s.
    """
    thread = app.consumer._thread  # noqa: SLF001 - where Faust makes its aiokafka consumer
    create = thread._create_worker_consumer  # noqa: SLF001

    def create_shorter(*args: Any, **kwargs: Any) -> AIOKafkaConsumer:
        consumer = create(*args, **kwargs)
        consumer._fetch_max_wait_ms = wait_ms  # noqa: SLF001 - read when the consumer starts
        return consumer

    thread._create_worker_consumer = create_shorter  # noqa: SLF001


class FencedTable(faust.Table):  # type: ignore[misc]
    """A table that ignores a head older than the one it has.

    Nothing fences a worker that was declared dead and still has a changelog record under way: it lands behind the head of the new
    owner. Heads carry the offset they applied, so recovery can keep the newest.
    """

    def apply_changelog_batch(self, batch: Iterable[Any]) -> None:
        newest: dict[bytes, Position] = {}
        kept = []
        for event in batch:
            key, value = event.message.key, event.message.value
            if value is None:
                newest.pop(key, None)
            elif is_head_key(key):
                at = _position(value)
                seen = newest.get(key) or self._applied(key)
                if at and seen and (at.topic, at.partition) == (seen.topic, seen.partition) and at.offset < seen.offset:
                    continue
                if at:
                    newest[key] = at
            kept.append(event)
        super().apply_changelog_batch(kept)

    def _applied(self, key: bytes) -> Position | None:
        """Position of the head that the table holds. On-disk stores can't be asked during recovery; their batches are."""
        value = self.data.data.get(key) if isinstance(self.data, MemoryStore) else None
        return _position(value) if value else None


def _position(head: bytes) -> Position | None:
    """None for a head that can't be read. Faust would try again for ever if recovery raised; the session's next event stops the worker."""
    try:
        return decode_head(head).at
    except StateError:
        return None


class OffsetGuard:
    """Notices input events that are missing or come twice, whatever the reason.

    Offsets of a partition rise by one, but for the control records of transactions and for compaction. An event below the expected
    offset was seen already in this assignment; one above it is a loss unless the broker itself has nothing in between.
    """

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._expected: dict[TP, int] = {}

    def reset(self) -> None:
        """Forget all partitions: they were assigned anew."""
        self._expected.clear()

    async def admit(self, tp: TP, offset: int, committed: int | None) -> bool:
        """Whether to process the event at `offset`; False: seen already.

        `committed` is the group's committed offset, expected at first. Raises WorkerStoppedError when records between were not delivered.
        """
        expected = self._expected.get(tp, committed or 0)
        if offset < expected and tp in self._expected:
            return False
        if offset > expected and not await self._nothing_between(tp, expected, offset):
            raise WorkerStoppedError(
                "records were not delivered to the worker",
                {"topic": tp.topic, "partition": tp.partition, "from": expected, "to": offset},
            )
        self._expected[tp] = offset + 1
        return True

    async def _nothing_between(self, tp: TP, start: int, end: int) -> bool:
        """Ask the broker whether it has a record in [start, end)."""
        partition = TopicPartition(tp.topic, tp.partition)
        consumer = AIOKafkaConsumer(**access(self._kafka), enable_auto_commit=False)
        await consumer.start()
        try:
            consumer.assign([partition])
            first = (await consumer.beginning_offsets([partition]))[partition]
            if first >= end:
                return True
            consumer.seek(partition, max(start, first))
            record = await consumer.getone(partition)
            return bool(record.offset >= end)
        finally:
            await consumer.stop()
