"""Rows of sessions in this process on their way out."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from headroom_stream.analytics.store import connect
from headroom_stream.client.outbox import Outbox, Row, outbox_to
from headroom_stream.config import ClickHouseSettings, KafkaSettings, Settings
from headroom_stream.engine import Call, Compressor
from headroom_stream.errors import ConfigurationError, TransportError
from headroom_stream.events import decode_metric
from headroom_stream.sink.migrate import migrate
from tests.engine.test_compressor import ENDS, TALK
from tests.local.endpoint import endpoint
from tests.sdk.test_headroom_client import ask_gpt, gpt
from tests.support.children import free_port
from tests.support.kafka_io import create_topics, read_all
from tests.support.naming import make_settings
from tests.support.provider_stub import ProviderStub


class Kept:
    """A delivery that keeps rows, after so many failures."""

    def __init__(self, failures: int = 0) -> None:
        self.rows: list[Row] = []
        self.failures = failures
        self.closed = threading.Event()

    def send(self, rows: Sequence[Row]) -> None:
        if self.failures:
            self.failures -= 1
            raise TransportError("not yet")
        self.rows += rows

    def close(self) -> None:
        self.closed.set()


def talk(box: Outbox) -> list[Any]:
    compressor = Compressor(emit=box.add)
    return [row for end in ENDS for row in compressor.turn(TALK[:end], Call(session="s")).reply.metrics]


def test_rows_arrive_once_and_in_order() -> None:
    kept = Kept()
    box = Outbox(kept, wait=0)
    rows = talk(box)
    assert box.flush()
    assert [decode_metric(value) for _, value in kept.rows] == rows
    assert {session for session, _ in kept.rows} == {"s"}
    box.close()
    assert kept.closed.is_set()


def test_what_fails_is_tried_again() -> None:
    kept = Kept(failures=2)
    box = Outbox(kept, wait=0, retry=0.01)
    rows = talk(box)
    assert box.flush()
    assert len(kept.rows) == len(rows)
    assert box.lost == 0
    box.close()


def test_closing_delivers_what_is_left() -> None:
    kept = Kept()
    box = Outbox(kept, wait=60)
    rows = talk(box)
    box.close()
    assert len(kept.rows) == len(rows)


def test_past_the_limit_the_oldest_rows_are_lost_and_counted() -> None:
    kept = Kept(failures=1)
    box = Outbox(kept, most=3, wait=0, retry=60)
    rows = talk(box)
    assert box.lost > 0
    box.close()
    assert len(kept.rows) + box.lost == len(rows)


def test_a_preview_has_no_rows() -> None:
    kept = Kept()
    box = Outbox(kept, wait=0)
    Compressor(emit=box.add).turn(TALK, preview=True)
    box.close()
    assert kept.rows == []


def test_an_address_where_nobody_is_loses_rows_and_no_call(tmp_path: Path) -> None:
    nowhere = Settings(kafka=KafkaSettings(brokers=f"127.0.0.1:{free_port()}"))
    with ProviderStub() as stub:
        client = gpt(stub, metrics="kafka", settings=nowhere)
        ask_gpt(client, 3)
        client.close()
        assert client.get_stats()["session"]["rows_lost"] > 0
        with pytest.raises(ConfigurationError):
            gpt(stub, metrics="paper")


@pytest.mark.broker
def test_rows_reach_clickhouse(tmp_path: Path) -> None:
    with endpoint(tmp_path) as url:
        settings = Settings(clickhouse=ClickHouseSettings(url=url))
        migrate(connect(settings, database=False), settings)
        box = outbox_to("clickhouse", settings)
        rows = talk(box)
        box.close()
        assert box.lost == 0
        client = connect(settings)
        found = client.query(
            "SELECT (SELECT count() FROM turns FINAL), (SELECT count() FROM decisions FINAL), (SELECT any(content) FROM originals)"
        )
        turns, decisions, content = found.result_rows[0]
        assert turns == len(ENDS)
        assert decisions == sum(type(row).__name__ == "DecisionMetric" for row in rows)
        assert content == TALK[5]["content"]


def test_rows_reach_the_metrics_topic(embedded_broker: str, topics: Callable[[str], str]) -> None:
    settings = make_settings(embedded_broker)
    settings = structs.replace(settings, kafka=structs.replace(settings.kafka, metrics=topics("metrics")))
    asyncio.run(create_topics(embedded_broker, [settings.kafka.metrics], partitions=2))
    box = outbox_to("kafka", settings)
    rows = talk(box)
    assert box.flush(20)
    box.close()
    records = asyncio.run(read_all(embedded_broker, settings.kafka.metrics))
    assert [decode_metric(r.value) for r in records] == rows
    assert {r.key for r in records} == {b"s"}
