"""The sink between a real broker and the real engine: nothing lost, nothing counted twice."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from clickhouse_connect.driver.client import Client

from headroom_stream.analytics.store import connect
from headroom_stream.analytics.summary import summary
from headroom_stream.config import Settings
from headroom_stream.errors import StorageError, TransportError
from headroom_stream.sink.migrate import migrate
from headroom_stream.sink.sink import BatchReport, run_sink
from headroom_stream.topics import ensure_topics
from tests.local.endpoint import with_clickhouse
from tests.sink.metrics import START, decision, erase, publish, turn

pytestmark = pytest.mark.broker

# Dies as kill -9 would, when a batch is in ClickHouse and its offsets are not committed.
DYING_SINK = """
import asyncio, os, signal, sys
import msgspec
from headroom_stream.config import Settings
from headroom_stream.sink.sink import run_sink

settings = msgspec.json.decode(sys.argv[1], type=Settings)
asyncio.run(run_sink(settings, stop=asyncio.Event(), on_batch=lambda _: os.kill(os.getpid(), signal.SIGKILL)))
"""


class Bench:
    """A sink's surroundings with names of their own."""

    def __init__(self, settings: Settings, client: Client) -> None:
        self.settings = settings
        self.client = client

    def count(self, sql: str) -> Any:
        return self.client.command(f"SELECT {sql}")

    async def sink_until(
        self, done: Callable[[list[BatchReport]], bool], *, seconds: float = 60, **changes: int
    ) -> list[BatchReport]:
        """Run a sink until `done` says so of the batches it has inserted, and let it commit the last."""
        settings = msgspec.structs.replace(self.settings, sink=msgspec.structs.replace(self.settings.sink, **changes))
        stop = asyncio.Event()
        reports: list[BatchReport] = []

        def on_batch(report: BatchReport) -> None:
            reports.append(report)
            if done(reports):
                stop.set()

        async with asyncio.timeout(seconds):
            await run_sink(settings, stop=stop, on_batch=on_batch)
        return reports

    async def sink_records(self, count: int, **changes: int) -> list[BatchReport]:
        return await self.sink_until(lambda reports: sum(r.records for r in reports) >= count, **changes)


def other_group(settings: Settings) -> Settings:
    """A sink that starts from the beginning."""
    return msgspec.structs.replace(settings, sink=msgspec.structs.replace(settings.sink, group=f"{settings.sink.group}-2"))


@pytest.fixture
async def bench(embedded_broker: str, topics: Callable[[str], str], clickhouse_url: str) -> AsyncIterator[Bench]:
    base = with_clickhouse(Settings(), clickhouse_url)
    names = {name: topics(name) for name in ("turns", "contexts", "metrics", "dead")}
    settings = msgspec.structs.replace(
        base,
        kafka=msgspec.structs.replace(base.kafka, brokers=embedded_broker, partitions=2, **names),
        worker=msgspec.structs.replace(base.worker, group=topics("worker")),
        sink=msgspec.structs.replace(base.sink, group=topics("sink"), batch_wait_ms=200),
    )
    await ensure_topics(settings)
    client = connect(settings, database=False)
    migrate(client, settings)
    client.close()
    client = connect(settings)
    yield Bench(settings, client)
    client.close()


async def test_metrics_become_rows_as_they_were_sent(bench: Bench) -> None:
    sent = [turn(n, cost_before_nanousd=None if n == 3 else n) for n in range(20)]
    await publish(bench.settings, [*sent, *(decision(n) for n in range(20))])
    await bench.sink_records(40)
    rows = bench.client.query(
        "SELECT event_id, event_time, cost_before_nanousd, tokens_before FROM turns FINAL ORDER BY event_time"
    )
    found = [(i, t.replace(tzinfo=START.tzinfo), c, b) for i, t, c, b in rows.result_rows]
    assert found == [(m.event_id, m.event_time, m.cost_before_nanousd, m.tokens_before) for m in sent]
    assert bench.count("count() FROM decisions FINAL") == 20


async def test_a_sink_killed_between_insert_and_commit_loses_and_doubles_nothing(bench: Bench) -> None:
    await publish(bench.settings, [turn(n) for n in range(500)])
    settings = msgspec.structs.replace(bench.settings, sink=msgspec.structs.replace(bench.settings.sink, batch_rows=120))
    command = [sys.executable, "-c", DYING_SINK, msgspec.json.encode(settings).decode()]
    killed = await asyncio.to_thread(subprocess.run, command, timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert bench.count("count() FROM turns FINAL") > 0
    # Other limits, so that the ranges overlap and no deduplication of whole inserts can help.
    reports = await bench.sink_records(500, batch_rows=70)
    assert sum(r.records for r in reports) == 500
    assert bench.count("count() FROM turns FINAL") == 500
    assert bench.count("sum(tokens_before) FROM turns FINAL") == sum(turn(n).tokens_before for n in range(500))


@pytest.mark.slow  # a sink that is killed does the same, and more
async def test_a_restart_goes_on_where_the_last_sink_committed(bench: Bench) -> None:
    await publish(bench.settings, [turn(n) for n in range(100)])
    await bench.sink_records(100)
    await publish(bench.settings, [turn(n) for n in range(100, 130)])
    reports = await bench.sink_records(30)
    assert sum(r.records for r in reports) == 30
    assert bench.count("count() FROM turns FINAL") == 130


async def test_replays_with_other_boundaries_give_the_same_summary(bench: Bench) -> None:
    await publish(bench.settings, [m for n in range(200) for m in (turn(n), decision(n))])
    await bench.sink_records(400)
    database = bench.settings.clickhouse.database
    first = summary(bench.client, database)
    again = msgspec.structs.replace(
        bench.settings, sink=msgspec.structs.replace(bench.settings.sink, group=bench.settings.sink.group + "-2")
    )
    reports = await Bench(again, bench.client).sink_records(400, batch_rows=37)
    assert len(reports) > 5
    assert summary(bench.client, database) == first
    assert first.turns == 200


async def test_an_erased_session_has_no_rows_up_to_then_and_others_keep_theirs(bench: Bench) -> None:
    until = START + timedelta(seconds=50)
    before = [m for n in range(100) for m in (turn(n), decision(n))]
    await publish(bench.settings, [*before, erase("s3", until), turn(3, event_id="again", output_id="again")])
    await bench.sink_records(202)
    kept = [n for n in range(100) if n % 10 != 3 or START + timedelta(seconds=n) > until]
    assert bench.count("count() FROM decisions FINAL") == len(kept)
    # What came after the erasure stays, though its event is older.
    assert bench.count("count() FROM turns FINAL") == len(kept) + 1
    assert bench.count("count() FROM turns FINAL WHERE event_id = 'again'") == 1


async def test_an_erasure_that_is_replayed_keeps_what_came_after_it(bench: Bench) -> None:
    await publish(bench.settings, [turn(3), erase("s3", START + timedelta(days=1)), turn(13)])
    await bench.sink_records(3)
    again = msgspec.structs.replace(
        bench.settings, sink=msgspec.structs.replace(bench.settings.sink, group=bench.settings.sink.group + "-2")
    )
    await Bench(again, bench.client).sink_records(3)
    assert bench.client.query("SELECT event_id FROM turns FINAL").result_rows == [("e13",)]


async def test_an_unreadable_record_is_counted_and_passed_over(bench: Bench) -> None:
    await publish(bench.settings, [turn(0), b"\xff not json", None, b'{"type":"unheard of"}', turn(2)])
    reports = await bench.sink_records(5)
    assert sum(r.unreadable for r in reports) == 3
    assert bench.count("count() FROM turns FINAL") == 2


async def test_a_missing_table_stops_the_sink_with_a_hint_and_nothing_is_committed(bench: Bench) -> None:
    await publish(bench.settings, [turn(n) for n in range(10)])
    bench.client.command("RENAME TABLE turns TO away")
    with pytest.raises(StorageError, match="init"):
        await bench.sink_records(10)
    bench.client.command("RENAME TABLE away TO turns")
    await bench.sink_records(10)
    assert bench.count("count() FROM turns FINAL") == 10


async def test_a_sink_stops_while_clickhouse_is_away_and_loses_nothing(bench: Bench) -> None:
    await publish(bench.settings, [turn(n) for n in range(10)])
    away = msgspec.structs.replace(
        bench.settings, clickhouse=msgspec.structs.replace(bench.settings.clickhouse, url="http://127.0.0.1:9")
    )
    stop = asyncio.Event()
    running = asyncio.create_task(run_sink(away, stop=stop))
    await asyncio.sleep(6)
    assert not running.done()
    stop.set()
    await asyncio.wait_for(running, 20)
    await bench.sink_records(10)
    assert bench.count("count() FROM turns FINAL") == 10


async def test_a_broker_that_is_not_there_is_said_within_seconds() -> None:
    base = Settings()
    settings = msgspec.structs.replace(base, kafka=msgspec.structs.replace(base.kafka, brokers="127.0.0.1:9"))
    async with asyncio.timeout(15):
        with pytest.raises(TransportError):
            await run_sink(settings, stop=asyncio.Event())
        with pytest.raises(TransportError):
            await ensure_topics(settings)
