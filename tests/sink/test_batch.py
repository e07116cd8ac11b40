"""What a batch of records becomes, without broker or database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from headroom_stream.errors import ValidationError
from headroom_stream.events import Metric, encode
from headroom_stream.sink import batch
from headroom_stream.sink.batch import Erase, Insert, Plan
from headroom_stream.sink.rows import COLUMNS, to_row, utc
from tests.sink.metrics import START, decision, erase, turn


class Rec(Struct, frozen=True):
    partition: int
    offset: int
    value: bytes | None
    timestamp: int = 1_700_000_000_000
    topic: str = "m"


def plan(given: Any) -> Plan:
    return batch.plan(given, nonce="n")


def records(*metrics: Metric | bytes | None, partition: int = 0, first: int = 0, timestamp: int = 1) -> dict[int, list[Rec]]:
    values = [m if m is None or isinstance(m, bytes) else encode(m) for m in metrics]
    return {partition: [Rec(partition, first + n, v, timestamp) for n, v in enumerate(values)]}


def inserts(found: Plan) -> list[Insert]:
    return [step for step in found.steps if isinstance(step, Insert)]


def test_rows_of_all_partitions_go_into_one_insert_a_table() -> None:
    found = plan(records(turn(1), decision(1)) | records(turn(2), decision(2), partition=1))
    assert [(step.table, len(step.rows)) for step in inserts(found)] == [("turns", 2), ("decisions", 2)]


def test_the_same_records_have_the_same_token() -> None:
    assert inserts(plan(records(turn(1), turn(2)))) == inserts(plan(records(turn(1), turn(2))))


@pytest.mark.parametrize(
    "other",
    [
        records(turn(1), turn(3)),
        records(turn(1)),
        records(turn(1), turn(2), first=1),
        records(turn(1), turn(2), partition=1),
        # A broker that lost its topics counts from 0 again.
        records(turn(1), turn(2), timestamp=2),
    ],
)
def test_a_token_changes_with_content_range_and_the_run_of_the_broker(other: Any) -> None:
    assert inserts(plan(records(turn(1), turn(2))))[0].token != inserts(plan(other))[0].token


def test_an_erasure_stands_between_what_came_before_and_after_it() -> None:
    found = plan(records(turn(1), erase("s1", START), turn(11)))
    kinds = [type(step).__name__ for step in found.steps]
    assert kinds == ["Insert", "Erase", "Insert"]
    assert found.steps[1] == Erase("s1", START)


def test_only_an_insert_after_an_erasure_has_another_token_when_it_is_planned_again() -> None:
    given = records(turn(1), erase("s1", START), turn(11))
    first, again = (inserts(batch.plan(given, nonce=nonce)) for nonce in ("a", "b"))
    assert first[0].token == again[0].token
    assert first[1].token != again[1].token


@given(st.binary() | st.none())
def test_a_record_that_is_no_metric_is_passed_over_by_position(value: bytes | None) -> None:
    found = plan(records(turn(1), value, turn(2)))
    assert [len(step.rows) for step in inserts(found)] == [2]
    assert [(bad.partition, bad.offset) for bad in found.unreadable] == [(0, 1)]


@pytest.mark.parametrize(
    "metric",
    [
        turn(1, tokens_before=2**63),
        turn(1, schema_version=99),
        turn(1, event_time=datetime(1, 1, 1, tzinfo=UTC)),
        turn(1, event_time=datetime(9999, 12, 31, tzinfo=UTC)),
    ],
)
def test_a_metric_that_no_column_can_hold_does_not_stop_the_others(metric: Metric) -> None:
    found = plan(records(turn(2), metric))
    assert len(found.unreadable) == 1
    assert len(inserts(found)[0].rows) == 1


def test_nothing_of_a_record_is_in_what_is_logged_about_it() -> None:
    found = plan(records(b'{"type":"turn","secret":"hunter2"}', b"hunter2"))
    assert "hunter2" not in repr(found.unreadable)


def test_a_row_has_the_columns_of_its_table() -> None:
    table, row = to_row(turn(5))
    assert dict(zip(COLUMNS[table], row, strict=True)) == msgspec.structs.asdict(turn(5))


@given(st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2199, 1, 1)), st.integers(-12, 14))
def test_times_are_the_same_moment_in_utc(naive: datetime, hours: int) -> None:
    time = naive.replace(tzinfo=timezone(timedelta(hours=hours)))
    assert utc(time) == time
    assert utc(time).tzinfo is UTC
    assert utc(naive) == naive.replace(tzinfo=UTC)


def test_a_time_that_would_wrap_around_is_refused() -> None:
    with pytest.raises(ValidationError):
        utc(datetime(2299, 1, 1, tzinfo=UTC))
