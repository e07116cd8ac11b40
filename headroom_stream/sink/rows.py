"""Metrics as rows: which table, which columns, and values that fit them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from headroom_stream.errors import ValidationError
from headroom_stream.events import SCHEMA_VERSION, DeadMetric, DecisionMetric, OriginalMetric, TurnMetric, UsageMetric

RowMetric = TurnMetric | DecisionMetric | OriginalMetric | UsageMetric | DeadMetric

TABLES: dict[type[Struct], str] = {
    TurnMetric: "turns",
    DecisionMetric: "decisions",
    OriginalMetric: "originals",
    UsageMetric: "tool_usage",
    DeadMetric: "dead_letters",
}
"""Where each kind of metric goes. The columns are the fields, in their order."""
COLUMNS: dict[str, tuple[str, ...]] = {table: kind.__struct_fields__ for kind, table in TABLES.items()}

_LARGEST = 2**63 - 1
_SMALLEST_TIME = datetime(1970, 1, 1, tzinfo=UTC)
_LARGEST_TIME = datetime(2200, 1, 1, tzinfo=UTC)
_TIME_AT = {table: columns.index("event_time") for table, columns in COLUMNS.items()}


def to_row(metric: RowMetric) -> tuple[str, tuple[Any, ...]]:
    """The table and the row of a metric. Raises ValidationError for a value that no column can hold."""
    if metric.schema_version > SCHEMA_VERSION:
        raise ValidationError(f"schema_version {metric.schema_version} is newer than this sink's {SCHEMA_VERSION}")
    table = TABLES[type(metric)]
    values = msgspec.structs.astuple(metric)
    for value in values:
        # The driver finds a number that is too large only when the whole batch is being written.
        if type(value) is int and not -_LARGEST <= value <= _LARGEST:
            raise ValidationError("a number does not fit in 64 bits")
    time = utc(metric.event_time)
    if time is not metric.event_time:
        at = _TIME_AT[table]
        values = (*values[:at], time, *values[at + 1 :])
    return table, values


def utc(time: datetime) -> datetime:
    """The time, aware and in UTC; without a zone it is taken as UTC.

    The driver reads a naive time in the zone of this machine, which would move rows by hours. Raises ValidationError outside
    1970 to 2199, which DateTime64 can't hold and would wrap around.
    """
    if time.tzinfo is not UTC:
        time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    if not _SMALLEST_TIME <= time < _LARGEST_TIME:
        raise ValidationError("event_time is outside 1970 to 2199")
    return time
