"""Metrics of sessions that are kept in this process, on their way to the metrics topic or straight to ClickHouse.

A thread sends them in batches, so that a call never waits for a broker or a database. What cannot be sent is tried again; past a number of
rows the oldest are dropped, and counted.
"""

from __future__ import annotations

import asyncio
import atexit
import itertools
import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from typing import Literal, Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from msgspec import Struct

from headroom_stream.broker_access import access
from headroom_stream.client import connection
from headroom_stream.config import Settings
from headroom_stream.errors import HeadroomError, TransportError
from headroom_stream.events import Metric, encode
from headroom_stream.sink.batch import plan
from headroom_stream.sink.writer import Writer

log = logging.getLogger(__name__)

MOST_ROWS = 50_000
BATCH_ROWS = 2_000
WAIT_SECONDS = 0.5
RETRY_SECONDS = 2.0
LEAVE_SECONDS = 5.0
"""Given to what is left when the program ends."""

Row = tuple[str, bytes]
"""A session's id, and a metric of it as it travels."""


class Delivery(Protocol):
    """Where rows go. Calls come from one thread."""

    def send(self, rows: Sequence[Row]) -> None:
        """Deliver all of them; done again, rows are not doubled where they are read. Raises HeadroomError."""

    def close(self) -> None:
        """Let connections go."""


class Outbox:
    """Rows that wait for their delivery."""

    def __init__(
        self, delivery: Delivery, *, most: int = MOST_ROWS, wait: float = WAIT_SECONDS, retry: float = RETRY_SECONDS
    ) -> None:
        self._delivery = delivery
        self._rows: deque[Row] = deque()
        self._most = most
        self._wait = wait
        self._retry = retry
        self._change = threading.Condition()
        self._sending = 0
        self._leaving = False
        self.lost = 0
        """Rows that were dropped."""
        self._thread = threading.Thread(target=self._work, name="headroom-metrics", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def add(self, session_id: str, metrics: Sequence[Metric]) -> None:
        """Take rows; never waits."""
        with self._change:
            self._rows.extend((session_id, encode(metric)) for metric in metrics)
            while len(self._rows) > self._most:
                self._rows.popleft()
                self.lost += 1
            self._change.notify_all()

    def flush(self, seconds: float = LEAVE_SECONDS) -> bool:
        """Wait until everything taken so far is delivered. False: it is not, after so many seconds."""
        with self._change:
            return self._change.wait_for(lambda: not self._rows and not self._sending, seconds)

    def close(self) -> None:
        """Deliver what is left, within a few seconds, and stop."""
        atexit.unregister(self.close)
        with self._change:
            if self._leaving:
                return
            self._leaving = True
            self._change.notify_all()
        self._thread.join(LEAVE_SECONDS)
        with self._change:
            self.lost += len(self._rows) + self._sending
            self._rows.clear()
        if self.lost:
            log.warning("%d rows of metrics were lost", self.lost)

    def _work(self) -> None:
        while (batch := self._batch()) is not None:
            self._deliver(batch)
        self._delivery.close()

    def _batch(self) -> list[Row] | None:
        """The next rows; None when the outbox was closed and is empty."""
        with self._change:
            self._change.wait_for(lambda: self._rows or self._leaving)
            if not self._leaving and len(self._rows) < BATCH_ROWS:
                self._change.wait_for(lambda: len(self._rows) >= BATCH_ROWS or self._leaving, self._wait)
            if not self._rows:
                return None
            batch = [self._rows.popleft() for _ in range(min(BATCH_ROWS, len(self._rows)))]
            self._sending = len(batch)
            return batch

    def _deliver(self, batch: list[Row]) -> None:
        began = time.monotonic()
        while True:
            try:
                self._delivery.send(batch)
                break
            except HeadroomError as error:
                log.warning("metrics could not be delivered yet: %s", error)
            with self._change:
                if self._leaving and time.monotonic() - began > LEAVE_SECONDS / 2:
                    self.lost += len(batch)
                    break
                self._change.wait_for(lambda: self._leaving, self._retry)
        with self._change:
            self._sending = 0
            self._change.notify_all()


class _Record(Struct, frozen=True):
    """A row as the sink's plan reads it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    value: bytes


class ToClickHouse:
    """Inserts rows as the sink does; a repeated batch is dropped by its token."""

    def __init__(self, settings: Settings, *, new_id: Callable[[], str] = lambda: uuid.uuid4().hex) -> None:
        self._writer = Writer(settings)
        self._source = f"client-{new_id()}"
        self._offsets = itertools.count()
        self._batch: list[_Record] = []
        self._of: Sequence[Row] = ()

    def send(self, rows: Sequence[Row]) -> None:
        """One insert a table."""
        if rows is not self._of:
            # A second try must have the same offsets, or its token would be another.
            self._of, self._batch = rows, [_Record(self._source, 0, next(self._offsets), 0, value) for _, value in rows]
        for step in plan({0: self._batch}, nonce=self._source).steps:
            self._writer.apply(step)

    def close(self) -> None:
        """Let the connection go."""
        self._writer.close()


class ToTopic:
    """Writes rows to the metrics topic, keyed by session, as a worker does."""

    def __init__(self, settings: Settings) -> None:
        self._kafka = settings.kafka
        self._loop = asyncio.new_event_loop()
        self._producer: AIOKafkaProducer | None = None

    def send(self, rows: Sequence[Row]) -> None:
        """All rows acknowledged by the broker. Raises TransportError."""
        self._loop.run_until_complete(self._send(rows))

    async def _send(self, rows: Sequence[Row]) -> None:
        producer = await self._connected()
        try:
            sent = [await producer.send(self._kafka.metrics, value, key=session.encode()) for session, value in rows]
            await asyncio.gather(*sent)
        except (KafkaError, OSError) as error:
            raise TransportError("the broker did not take metrics", {"cause": f"{type(error).__name__}: {error}"}) from error

    async def _connected(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                **access(self._kafka),
                enable_idempotence=False,
                max_request_size=self._kafka.max_message_bytes,
                request_timeout_ms=connection.REQUEST_MS,
            )

            async def topics() -> frozenset[str]:
                return frozenset((await producer.client.fetch_all_metadata()).topics())

            await connection.start(
                producer, kafka=self._kafka, topic=self._kafka.metrics, topics=topics, seconds=connection.CONNECT_SECONDS
            )
            self._producer = producer
        return self._producer

    def close(self) -> None:
        """Leave the broker."""
        if self._producer is not None:
            self._loop.run_until_complete(connection.stop(self._producer))
        self._loop.close()


def outbox_to(where: Literal["kafka", "clickhouse"], settings: Settings) -> Outbox:
    """An outbox to the metrics topic or to ClickHouse, as the settings say where they are."""
    return Outbox(ToTopic(settings) if where == "kafka" else ToClickHouse(settings))
