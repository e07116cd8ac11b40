"""The loop from the metrics topic to ClickHouse."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError
from msgspec import Struct
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from headroom_stream.broker_access import access, unreachable
from headroom_stream.config import Settings
from headroom_stream.sink.batch import Erase, Insert, Plan, plan
from headroom_stream.sink.writer import UnavailableError, Writer
from headroom_stream.topics import partition_count

SESSION_MS = 6000
"""A dead sink's partitions move after this. The embedded broker takes a minute to join a group with longer ones."""
MAX_POLL_MS = 24 * 3600 * 1000
"""While ClickHouse is away a batch is retried and nothing is polled; with the usual five minutes the group would drop this sink."""
CONNECT_SECONDS = 10.0
LONGEST_WAIT_SECONDS = 10.0
"""Between two tries: rows are at most this late once ClickHouse is back."""

_log = logging.getLogger(__name__)
_Records = dict[TopicPartition, list[ConsumerRecord]]


class BatchReport(Struct, frozen=True):
    """What one batch brought."""

    rows: dict[str, int]
    """Rows a table."""
    erased: int
    """Sessions of which rows were deleted."""
    unreadable: int
    """Records that are no metrics of ours; logged by position and passed over."""
    records: int


async def run_sink(settings: Settings, *, stop: asyncio.Event, on_batch: Callable[[BatchReport], None] | None = None) -> None:
    """Carry metrics over until `stop` is set; the batch at hand is finished if ClickHouse answers.

    For each batch, in this order:

    1. read records until `sink.batch_rows` or `sink.batch_wait_ms`;
    2. do the inserts and erasures of their plan, each until ClickHouse acknowledges it;
    3. call `on_batch`;
    4. commit the offsets.

    A crash anywhere brings the same records again, and their rows replace themselves. Raises TransportError if the broker can't be
    reached at the start, StorageError if ClickHouse refuses rows for good, as for a missing table; nothing is committed then.
    """
    await partition_count(settings, settings.kafka.metrics)
    consumer = AIOKafkaConsumer(
        **access(settings.kafka),
        group_id=settings.sink.group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=SESSION_MS,
        rebalance_timeout_ms=SESSION_MS,
        heartbeat_interval_ms=SESSION_MS // 6,
        max_poll_interval_ms=MAX_POLL_MS,
        max_partition_fetch_bytes=settings.kafka.max_message_bytes,
    )
    await _start(consumer, settings)
    writer = Writer(settings)
    try:
        while not stop.is_set():
            records = await _gather(consumer, settings, stop)
            if not records:
                continue
            todo = await asyncio.to_thread(plan, records, nonce=uuid4().hex)
            if not await _apply(writer, todo, stop):
                return
            report = _report(todo, records)
            if on_batch is not None:
                on_batch(report)
            await _commit(consumer, records)
    finally:
        await consumer.stop()
        await asyncio.to_thread(writer.close)


async def _start(consumer: AIOKafkaConsumer, settings: Settings) -> None:
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await consumer.start()
    except (KafkaError, OSError, TimeoutError) as error:
        await consumer.stop()
        raise unreachable(settings.kafka, error) from error
    # After the start, which would otherwise wait for the group: joining takes as long as a dead member's session.
    consumer.subscribe([settings.kafka.metrics])


async def _gather(consumer: AIOKafkaConsumer, settings: Settings, stop: asyncio.Event) -> _Records:
    loop = asyncio.get_running_loop()
    found: _Records = {}
    count = 0
    deadline: float | None = None
    wait_ms = settings.sink.batch_wait_ms
    while count < settings.sink.batch_rows and not stop.is_set():
        left = wait_ms if deadline is None else int((deadline - loop.time()) * 1000)
        if left <= 0:
            break
        got = await consumer.getmany(timeout_ms=left, max_records=settings.sink.batch_rows - count)
        for partition, records in got.items():
            found.setdefault(partition, []).extend(records)
            count += len(records)
        if deadline is None:
            if not got:
                break
            deadline = loop.time() + wait_ms / 1000
    return found


async def _apply(writer: Writer, todo: Plan, stop: asyncio.Event) -> bool:
    """Whether all steps are done; False: `stop` was set while ClickHouse was away."""
    for bad in todo.unreadable:
        _log.warning("passed over a record that is no metric: %s/%d at %d (%s)", bad.topic, bad.partition, bad.offset, bad.reason)
    for step in todo.steps:
        try:
            async for attempt in AsyncRetrying(
                retry=retry_if_exception_type(UnavailableError),
                wait=wait_random_exponential(multiplier=0.2, max=LONGEST_WAIT_SECONDS),
                stop=lambda _: stop.is_set(),
                sleep=lambda seconds: _sleep(seconds, stop),
                before_sleep=_tell,
                reraise=True,
            ):
                with attempt:
                    await asyncio.to_thread(writer.apply, step)
        except UnavailableError:
            _log.warning("stopped with ClickHouse away; the batch was not committed and comes again")
            return False
    return True


async def _sleep(seconds: float, stop: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return


def _tell(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    _log.warning("ClickHouse took no rows, try %d: %s", state.attempt_number, error)


async def _commit(consumer: AIOKafkaConsumer, records: _Records) -> None:
    # What another sink owns by now is its own to commit; it reads our rows again, and they replace themselves.
    ours = consumer.assignment()
    offsets = {p: max(r.offset for r in part) + 1 for p, part in records.items() if p in ours}
    if not offsets:
        return
    try:
        await consumer.commit(offsets)
    except (KafkaError, IllegalStateError) as error:
        _log.warning("offsets were not committed, so the rows come again: %r", error)


def _report(todo: Plan, records: _Records) -> BatchReport:
    rows: dict[str, int] = {}
    for step in todo.steps:
        if isinstance(step, Insert):
            rows[step.table] = rows.get(step.table, 0) + len(step.rows)
    erased = sum(isinstance(step, Erase) for step in todo.steps)
    return BatchReport(rows, erased, len(todo.unreadable), sum(map(len, records.values())))
