"""A batch of metric records as the steps that bring it into ClickHouse. Pure: no broker, no database."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from headroom_stream.errors import ValidationError
from headroom_stream.events import SCHEMA_VERSION, EraseMetric, decode_metric
from headroom_stream.sink.rows import to_row, utc


class Record(Protocol):
    """What is read of a Kafka record."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def value(self) -> bytes | None: ...


class Insert(Struct, frozen=True):
    """Rows for one table, of all partitions of the batch."""

    table: str
    rows: list[tuple[Any, ...]]
    token: str
    """`insert_deduplication_token`: ClickHouse drops an insert whose token it has seen."""


class Erase(Struct, frozen=True):
    """Delete the rows of a session up to a time."""

    session_id: str
    until: datetime


class Unreadable(Struct, frozen=True):
    """Where a record stands that is no metric of ours, and why. Never what it says."""

    topic: str
    partition: int
    offset: int
    reason: str


class Plan(Struct, frozen=True):
    """The steps, in the order in which they must be done."""

    steps: list[Insert | Erase]
    unreadable: list[Unreadable]


class _Part:
    """One table's rows of one partition, gathered."""

    def __init__(self) -> None:
        self.rows: list[tuple[Any, ...]] = []
        self.first: Record | None = None
        self.last: Record | None = None
        self.digest = hashlib.sha256()

    def add(self, record: Record, row: tuple[Any, ...]) -> None:
        self.rows.append(row)
        self.first = self.first or record
        self.last = record
        self.digest.update(len(record.value or b"").to_bytes(8, "big"))
        self.digest.update(record.value or b"")

    def token(self) -> str:
        first, last = self.first, self.last
        assert first is not None
        assert last is not None
        span = f"{first.offset}|{last.offset}|{first.timestamp}|{last.timestamp}"
        return f"{first.topic}|{first.partition}|{span}|{SCHEMA_VERSION}|{self.digest.hexdigest()}"


def plan(records: Mapping[Any, Sequence[Record]], *, nonce: str) -> Plan:
    """The steps for the records of each partition.

    Rows of all partitions go into one insert a table: many small inserts are what slows ClickHouse. An erasure applies to what
    stands before it on its partition, so it splits the batch there.

    The token of an insert names the exact ranges, their content, and the records' timestamps: a broker that lost its topics counts
    offsets from 0 again, and its records then have other timestamps. After an erasure the token also holds `nonce`, which no other
    batch may have: on replay the erasure deletes such rows again, and ClickHouse would drop the insert that brings them back.
    """
    unreadable: list[Unreadable] = []
    waiting = {key: list(reversed(part)) for key, part in records.items() if part}
    steps: list[Insert | Erase] = []
    erased = False
    while waiting:
        gathered: dict[str, dict[Any, _Part]] = {}
        erases: list[Erase] = []
        for key in list(waiting):
            queue = waiting[key]
            while queue:
                record = queue.pop()
                try:
                    metric = decode_metric(record.value or b"")
                    if isinstance(metric, EraseMetric):
                        erases.append(Erase(metric.session_id, utc(metric.event_time)))
                        break
                    table, row = to_row(metric)
                except (msgspec.DecodeError, ValidationError, OverflowError) as error:
                    # The reason may quote a field's name, never a value: msgspec says what type it found and where.
                    unreadable.append(Unreadable(record.topic, record.partition, record.offset, type(error).__name__))
                    continue
                gathered.setdefault(table, {}).setdefault(key, _Part()).add(record, row)
            if not queue:
                del waiting[key]
        for table, parts in gathered.items():
            rows = [row for part in parts.values() for row in part.rows]
            steps.append(Insert(table, rows, _joined(parts) + (f"|{nonce}" if erased else "")))
        steps.extend(erases)
        erased = erased or bool(erases)
    return Plan(steps, unreadable)


def _joined(parts: Mapping[Any, _Part]) -> str:
    tokens = sorted(part.token() for part in parts.values())
    if len(tokens) == 1:
        return tokens[0]
    return f"{len(tokens)}|{hashlib.sha256(chr(10).join(tokens).encode()).hexdigest()}"
