"""The Faust app: a consumer group over the turns topic, a changelog-backed table, one agent."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import weakref
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import ExitStack, suppress
from typing import Any

import faust
from aiokafka import AIOKafkaProducer
from faust.streams import _current_event
from faust.types import TP

from headroom_stream.broker_access import access, password, tls
from headroom_stream.config import KafkaSettings, Settings
from headroom_stream.errors import WorkerStoppedError
from headroom_stream.pricing.cost import NO_PRICES, PriceTable
from headroom_stream.tokens import Tokenizer
from headroom_stream.topics import DEAD_LETTER_ROOM, changelog_topic, partition_count
from headroom_stream.worker.checkpoint import commit
from headroom_stream.worker.faust_repairs import (
    FencedTable,
    OffsetGuard,
    hold_flow_until_seek,
    read_true_ends,
    seek_what_was_never_committed,
    shorten_long_poll,
)
from headroom_stream.worker.processor import Batch, Outgoing, Processor, Record
from headroom_stream.worker.stores import StateStore, Writes, state_store

log = logging.getLogger(__name__)

BATCH_BYTES = 16 * 1024 * 1024
"""Of output, after which a batch is committed: full contexts of long sessions would otherwise pile up by the hundred."""
YIELD_EVENTS = 4
"""Events folded before the loop gets a turn, so that a large batch does not starve acknowledgements and fetches."""
STOP_TIMEOUT_S = 15.0
"""For each half of a clean stop. A worker that can't leave by then is ended; its partitions move after the session timeout."""
READY_POLL_S = 0.05
SWEEP_S = 1.0
"""Between looks for closed sessions that can go. Offsets are committed every half second."""


class Worker:
    """One worker process. `run` it once: Faust keeps globals, so a second run wants a new process."""

    def __init__(self, settings: Settings, tokenizer: Tokenizer, prices: PriceTable = NO_PRICES) -> None:
        self._settings = settings
        self._processor = Processor(settings, tokenizer, prices)
        self._guard = OffsetGuard(settings.kafka)
        self._failure: BaseException | None = None
        self._failed = asyncio.Event()
        self._draining = False
        self._busy = asyncio.Lock()
        """Held by whoever folds or writes state."""
        self._ports: _Ports | None = None
        self.folded = 0
        self.skipped = 0
        self.dead = 0

    async def run(self, *, stop: asyncio.Event, on_ready: Callable[[list[int]], None] | None = None) -> None:
        """Join the group and work until `stop` is set.

        `on_ready` is called with the partitions after each assignment, when their state is recovered. Raises TransportError when broker
        or topic are not there, WorkerStoppedError when the worker had to give up so that nothing is lost.
        """
        partitions = await partition_count(self._settings, self._settings.kafka.turns)
        with ExitStack() as stack:
            folder = self._settings.worker.data_dir or stack.enter_context(tempfile.TemporaryDirectory(prefix="headroom-worker-"))
            app = make_app(self._settings, partitions, folder)
            producer = _producer(self._settings)
            app.finalize()
            self._attach(app, producer, partitions)
            await producer.start()
            await app.start()
            tasks = [asyncio.create_task(self._or_fail(work)) for work in (self._watch(app, on_ready), self._sweep(app))]
            try:
                await _first(stop.wait(), self._failed.wait(), _crash_of(app))
                self._draining = True
                if self._failure is None:
                    # Let the batch in hand commit: a stop then leaves nothing to do again.
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._busy.acquire(), STOP_TIMEOUT_S)
            finally:
                for task in tasks:
                    task.cancel()
                # No batch is in hand, or one that failed. Faust would wait for events that it has handed out and we have not begun;
                # they are for the next worker. What was acknowledged it commits all the same.
                app.conf.stream_wait_empty = False
                with suppress(TimeoutError):
                    await asyncio.wait_for(app.stop(), STOP_TIMEOUT_S)
                # With the broker gone it would wait for acknowledgements that never come.
                with suppress(TimeoutError):
                    await asyncio.wait_for(producer.stop(), STOP_TIMEOUT_S)
        failure = self._failure or app._crash_reason  # noqa: SLF001 - mode has no public name for it
        if failure is not None:
            raise WorkerStoppedError(f"{type(failure).__name__}: {failure}") from failure

    def _attach(self, app: faust.App, producer: AIOKafkaProducer, partitions: int) -> None:
        table = FencedTable(app, name="sessions", key_type=bytes, value_type=bytes, partitions=partitions)
        app.tables.add(table)
        topic = app.topic(self._settings.kafka.turns, key_serializer="raw", value_serializer="raw", allow_empty=True)
        hold_flow_until_seek(app)
        seek_what_was_never_committed(app, topic=self._settings.kafka.turns)
        read_true_ends(app, kafka=self._settings.kafka)
        shorten_long_poll(app, self._settings.worker.fetch_wait_ms)

        @app.on_partitions_assigned.connect(weak=False)
        async def assigned(*_args: Any, **_kwargs: Any) -> None:
            self._guard.reset()
            self._processor.forget()

        @app.agent(topic, concurrency=1, name="turns")
        async def turns(stream: Any) -> None:
            self._ports = _Ports(producer, self._settings, state_store(table))
            await self._or_fail(self._consume(app, stream.noack(), self._ports))
            # Never return or raise: Faust would start the agent again, past the events that failed.
            await asyncio.Event().wait()

    async def _or_fail(self, work: Coroutine[Any, Any, None]) -> None:
        """Whatever goes wrong in `work` ends the worker."""
        try:
            await work
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            log.exception("the worker can't go on")
            # Partitions are folded side by side, and a group says nothing of what went wrong in it.
            while isinstance(error, BaseExceptionGroup):
                error = error.exceptions[0]
            self._failure = error
            self._failed.set()

    async def _consume(self, app: faust.App, stream: Any, ports: _Ports) -> None:
        async for first in stream.events():
            async with self._busy:
                if self._draining:
                    await asyncio.Event().wait()
                by_partition = await self._batch(app, first, stream.channel.queue)
                async with asyncio.TaskGroup() as group:
                    for partition, events in by_partition.items():
                        group.create_task(self._partition(partition, events, ports))

    async def _batch(self, app: faust.App, first: Any, queue: Any) -> dict[int, list[Any]]:
        """The event and those that wait behind it, by partition."""
        worker = self._settings.worker
        events = [first]
        if worker.batch_wait_ms:
            await asyncio.sleep(worker.batch_wait_ms / 1000)
        while len(events) < worker.batch_events and not queue.empty():
            event = queue.get_nowait()
            if _current(app, event.message):
                _track(app, event.message)
                events.append(event)
        by_partition: dict[int, list[Any]] = defaultdict(list)
        for event in events:
            message = event.message
            if await self._guard.admit(message.tp, message.offset, _committed(app, message.tp)):
                by_partition[message.partition].append(event)
            else:
                app.consumer._unacked_messages.discard(message)  # noqa: SLF001 - a rebalance would wait for it for ever
        return by_partition

    async def _partition(self, partition: int, events: Sequence[Any], ports: _Ports) -> None:
        """Fold and commit the events of one partition, in commits of bounded size."""
        # Faust's stores find the partition by the current event, which is held weakly: `events` keeps it alive.
        _current_event.set(weakref.ref(events[0]))
        batch, folded = Batch(), []
        for i, event in enumerate(events):
            self._processor.apply(_record(event.message), batch, ports.state.read)
            folded.append(event)
            if batch.bytes >= BATCH_BYTES or i == len(events) - 1:
                await commit(partition, batch, ports, lambda done=tuple(folded): _acknowledge(done))  # type: ignore[misc]
                self._count(batch)
                batch, folded = Batch(), []
            elif i % YIELD_EVENTS == 0:
                await asyncio.sleep(0)

    def _count(self, batch: Batch) -> None:
        self.folded += batch.folded
        self.skipped += batch.skipped
        self.dead += batch.dead

    async def _sweep(self, app: faust.App) -> None:
        """Remove what is left of closed sessions, once no replay can bring their events again."""
        swept = -1
        while True:
            await asyncio.sleep(SWEEP_S)
            async with self._busy:
                if self._ports is None or not _settled(app):
                    continue
                if app.rebalancing_count != swept:
                    swept = app.rebalancing_count
                    for key, value in self._ports.state.heads():
                        self._processor.adopt(key, value)
                for tp in app.consumer.assignment():
                    committed = _committed(app, tp)
                    if tp.topic == self._settings.kafka.turns and committed:
                        batch = self._processor.expired(tp.partition, committed)
                        await commit(tp.partition, batch, self._ports, lambda: None)

    async def _watch(self, app: faust.App, on_ready: Callable[[list[int]], None] | None) -> None:
        """Say so after each assignment that is recovered."""
        seen = -1
        while True:
            await asyncio.sleep(READY_POLL_S)
            if not _settled(app) or app.rebalancing_count == seen:
                continue
            seen = app.rebalancing_count
            mine = sorted(tp.partition for tp in app.consumer.assignment() if tp.topic == self._settings.kafka.turns)
            if on_ready is not None:
                on_ready(mine)


class _Ports:
    """The commit's view of Kafka and the table."""

    def __init__(self, producer: AIOKafkaProducer, settings: Settings, state: StateStore) -> None:
        self._producer = producer
        self._changelog = changelog_topic(settings)
        self.state = state

    async def send(self, record: Outgoing) -> Awaitable[object]:
        sent: Awaitable[object] = await self._producer.send(
            record.topic, record.value, key=record.key, headers=list(record.headers), timestamp_ms=record.timestamp
        )
        return sent

    async def send_state(self, partition: int, key: bytes, value: bytes | None) -> Awaitable[object]:
        sent: Awaitable[object] = await self._producer.send(self._changelog, value, key=key, partition=partition)
        return sent

    def store(self, partition: int, writes: Writes, acknowledged: Sequence[object]) -> None:
        self.state.write(partition, writes, acknowledged)


def make_app(settings: Settings, partitions: int, data_dir: str) -> faust.App:
    """The Faust app with the settings that the recipe needs."""
    worker, kafka = settings.worker, settings.kafka
    return faust.App(
        worker.group,
        broker=[f"kafka://{address.strip()}" for address in kafka.brokers.split(",")],
        broker_credentials=_credentials(kafka),
        store=worker.store,
        datadir=data_dir,
        autodiscover=False,
        web_enabled=False,
        topic_partitions=partitions,
        topic_replication_factor=kafka.replication,
        topic_disable_leader=True,
        # Short, or the embedded broker keeps a joining worker waiting for a minute.
        broker_session_timeout=worker.session_timeout_s,
        broker_rebalance_timeout=worker.session_timeout_s,
        broker_heartbeat_interval=worker.session_timeout_s / 6,
        broker_commit_interval=0.5,
        broker_max_poll_records=2_000,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=kafka.max_message_bytes,
        producer_acks=-1,
        # On revocation Faust waits for the batch in hand to be acknowledged, so that the next owner starts behind it.
        stream_wait_empty=True,
        stream_recovery_delay=0.0,
    )


def _credentials(kafka: KafkaSettings) -> faust.SASLCredentials | faust.SSLCredentials | None:
    """What `access` says, as Faust wants it."""
    context = tls(kafka) if kafka.security_protocol.endswith("SSL") else None
    if kafka.security_protocol.startswith("SASL"):
        return faust.SASLCredentials(
            username=kafka.username, password=password(kafka), mechanism=kafka.sasl_mechanism, ssl_context=context
        )
    return None if context is None else faust.SSLCredentials(context)


def _producer(settings: Settings) -> AIOKafkaProducer:
    return AIOKafkaProducer(
        **access(settings.kafka),
        acks="all",
        # The embedded broker can't do idempotent producers; repeated sends are the readers' to drop, by output_id.
        enable_idempotence=False,
        max_request_size=settings.kafka.max_message_bytes + DEAD_LETTER_ROOM,
        max_batch_size=256 * 1024,
        linger_ms=0,
    )


def _record(message: Any) -> Record:
    headers = message.headers or {}
    pairs: Iterable[tuple[str, bytes]] = headers.items() if isinstance(headers, dict) else headers
    return Record(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        timestamp=round(message.timestamp * 1000),
        key=message.key,
        value=message.value,
        headers=tuple((k, v) for k, v in pairs),
    )


def _settled(app: faust.App) -> bool:
    """Whether partitions are assigned and their state is recovered."""
    return bool(app.tables.actives_ready and not app.rebalancing and not app.in_recovery)


def _committed(app: faust.App, tp: TP) -> int | None:
    """The group's committed offset: the next to read."""
    offset: int | None = app.consumer._committed_offset.get(tp)  # noqa: SLF001 - the public call asks the broker each time
    return offset


def _current(app: faust.App, message: Any) -> bool:
    """What Faust's stream checks of an event it takes from the queue: not from before a rebalance."""
    return bool(app.flow_control.is_active() and message.generation_id == app.consumer_generation_id)


def _track(app: faust.App, message: Any) -> None:
    """What Faust's stream does with an event it takes: a revocation waits until it is acknowledged."""
    if message.topic in app.topics.acking_topics and not message.tracked:
        message.tracked = True
        app.consumer._unacked_messages.add(message)  # noqa: SLF001 - as the stream does
        app.sensors.on_message_in(message.tp, message.offset, message)


def _acknowledge(events: Iterable[Any]) -> None:
    """In order and without a pause: Faust commits the offset behind the last of an unbroken run (upstream issue 606)."""
    for event in events:
        event.ack()


async def _crash_of(app: faust.App) -> None:
    await app._crashed.wait()  # noqa: SLF001 - mode has no public name for it


async def _first(*waits: Awaitable[Any]) -> None:
    tasks = [asyncio.ensure_future(w) for w in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
