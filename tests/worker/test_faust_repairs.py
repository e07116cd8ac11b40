"""Each repair of Faust, beside what happens without it. A test that finds Faust mended says that the repair can go."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import faust
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from faust.types import TP
from msgspec import structs

from headroom_stream.client import ContextConsumer, TurnPublisher
from headroom_stream.config import KafkaSettings
from headroom_stream.errors import WorkerStoppedError
from headroom_stream.session.state import Head, Position, encode_state, head_key, segment_key
from headroom_stream.topics import changelog_topic, ensure_topics
from headroom_stream.worker.app import make_app
from headroom_stream.worker.faust_repairs import FencedTable, OffsetGuard, read_true_ends
from tests.support.kafka_io import Record, create_topics, produce, read_all
from tests.support.naming import make_settings, unique
from tests.support.processes import Programs
from tests.worker.stream import READY_SECONDS, Stream, conversation

KEY = head_key("s")


def _changelog_event(key: bytes, value: bytes | None, partition: int = 0) -> Any:
    message = SimpleNamespace(key=key, value=value, partition=partition)
    return SimpleNamespace(key=key, value=value, message=message)


def _head(offset: int, turn: int) -> bytes:
    return encode_state(Head(at=Position("t", 0, offset), turn=turn))


def _table(kind: type[faust.Table], folder: Path) -> faust.Table:
    app = make_app(make_settings("127.0.0.1:1"), 1, str(folder))
    return kind(app, name="sessions", key_type=bytes, value_type=bytes, partitions=1)


def test_a_late_record_of_a_dead_worker_does_not_replace_a_newer_head(tmp_path: Path) -> None:
    records = [_changelog_event(KEY, _head(9, turn=3)), _changelog_event(KEY, _head(5, turn=2))]
    plain, fenced = _table(faust.Table, tmp_path), _table(FencedTable, tmp_path)
    for record in records:
        plain.apply_changelog_batch([record])
        fenced.apply_changelog_batch([record])
    assert plain.data.data[KEY] == _head(5, turn=2)
    assert fenced.data.data[KEY] == _head(9, turn=3)
    together = _table(FencedTable, tmp_path)
    together.apply_changelog_batch(records)
    assert together.data.data[KEY] == _head(9, turn=3)


def test_a_session_that_was_closed_may_begin_again_at_any_offset(tmp_path: Path) -> None:
    fenced = _table(FencedTable, tmp_path)
    fenced.apply_changelog_batch([_changelog_event(KEY, _head(9, turn=3)), _changelog_event(KEY, None)])
    fenced.apply_changelog_batch([_changelog_event(KEY, _head(2, turn=1)), _changelog_event(segment_key("s", 1), b"{}")])
    assert fenced.data.data == {KEY: _head(2, turn=1), segment_key("s", 1): b"{}"}


@pytest.mark.broker
async def test_recovery_reads_a_changelog_to_its_true_end(embedded_broker: str, tmp_path: Path) -> None:
    settings = make_settings(embedded_broker, partitions=1)
    await ensure_topics(settings)
    topic = changelog_topic(settings)
    await produce(embedded_broker, topic, [(b"%d" % i, b"state") for i in range(7)], linger_ms=200)
    assert len(await read_all(embedded_broker, topic)) == 7

    plain = AIOKafkaConsumer(bootstrap_servers=embedded_broker)
    await plain.start()
    partition = TopicPartition(topic, 0)
    asked = await plain.end_offsets([partition])
    await plain.stop()
    assert asked[partition] < 7, "the embedded broker tells the end of a partition now: the repair can go"

    app = make_app(settings, 1, str(tmp_path))
    read_true_ends(app, kafka=KafkaSettings(brokers=embedded_broker))
    ends: Counter[TP] = Counter()
    await app.tables.recovery._build_highwaters(None, {TP(topic, 0)}, ends, "active")
    assert ends == {TP(topic, 0): 6}


@pytest.mark.broker
@pytest.mark.parametrize("flow", ["held", "free"])
async def test_no_event_flows_before_the_seek_to_the_committed_offsets(programs: Programs, embedded_broker: str, flow: str) -> None:
    settings = make_settings(embedded_broker)
    await ensure_topics(settings)
    kafka, group = settings.kafka, settings.worker.group
    records = [Record(b"k", b"v", partition=i % 4) for i in range(1200)]
    await produce(embedded_broker, kafka.turns, records)
    # With something to recover, Faust's fetcher runs before the seek.
    await produce(embedded_broker, changelog_topic(settings), [Record(b"k%d" % i, b"state", partition=i % 4) for i in range(400)])
    consumer = AIOKafkaConsumer(bootstrap_servers=embedded_broker, group_id=group, enable_auto_commit=False)
    await consumer.start()
    partitions = [TopicPartition(kafka.turns, p) for p in range(4)]
    consumer.assign(partitions)
    await consumer.commit(dict.fromkeys(partitions, 100))
    await consumer.stop()

    script = str(Path(__file__).parent / "seek_race.py")
    program = programs.python(script, embedded_broker, group, kafka.turns, "4", "800", flow)
    assert await asyncio.to_thread(program.wait, 60) == 0
    found = json.loads(program.output().strip().splitlines()[-1])
    if flow == "held":
        assert found["early"] == 0
        assert found["seen"] == {str(p): list(range(100, 300)) for p in range(4)}
    else:
        assert found["early"] > 0, "Faust holds the flow by itself now: the repair can go"


@pytest.mark.broker
@pytest.mark.parametrize("how", ["mended", "plain"])
async def test_a_seek_covers_partitions_that_have_no_committed_offset(programs: Programs, embedded_broker: str, how: str) -> None:
    settings = make_settings(embedded_broker)
    await ensure_topics(settings)
    kafka, group = settings.kafka, settings.worker.group
    await produce(embedded_broker, kafka.turns, [Record(b"k", b"v", partition=i % 4) for i in range(40)])

    script = str(Path(__file__).parent / "seek_again.py")
    program = programs.python(script, embedded_broker, group, kafka.turns, "4", "40", how)
    assert await asyncio.to_thread(program.wait, 90) == 0
    times = set(json.loads(program.output().strip().splitlines()[-1]).values())
    if how == "mended":
        assert times == {2}
    else:
        assert times == {1}, "aiokafka seeks by itself now: the repair can go"


@pytest.mark.broker
async def test_a_new_event_does_not_wait_for_the_end_of_a_long_poll(
    programs: Programs, tmp_path: Path, embedded_broker: str
) -> None:
    stream = await Stream.create(embedded_broker, programs, tmp_path, session_timeout_s=3)
    worker = stream.worker()
    await asyncio.to_thread(worker.wait_for, "worker ready", READY_SECONDS)
    publisher = TurnPublisher(brokers=embedded_broker, topic=stream.settings.kafka.turns)
    consumer = ContextConsumer(brokers=embedded_broker, topic=stream.settings.kafka.contexts)
    waits = []
    async with publisher, consumer:
        for event in conversation("s", 9):
            start = time.perf_counter()
            await consumer.request(publisher, event, timeout=20)
            waits.append(time.perf_counter() - start)
    # Faust's own long poll is 1.5 s, of which the embedded broker lets half pass before it looks: 0.75 s for each turn.
    assert statistics.median(waits) < 0.4


async def test_the_guard_lets_each_offset_pass_once_and_in_order(broker: str) -> None:
    topic = unique("guarded")
    await create_topics(broker, [topic])
    await produce(broker, topic, [(b"k", b"v")] * 10)
    guard, tp = OffsetGuard(KafkaSettings(brokers=broker)), TP(topic, 0)
    assert [await guard.admit(tp, o, 3) for o in (3, 4, 4, 3, 5)] == [True, True, False, False, True]


async def test_the_guard_stops_the_worker_when_an_event_is_missing(broker: str) -> None:
    topic = unique("guarded")
    await create_topics(broker, [topic])
    await produce(broker, topic, [(b"k", b"v")] * 10)
    guard, tp = OffsetGuard(KafkaSettings(brokers=broker)), TP(topic, 0)
    assert await guard.admit(tp, 0, None)
    with pytest.raises(WorkerStoppedError, match="not delivered"):
        await guard.admit(tp, 2, None)


@pytest.mark.kafka
async def test_the_guard_knows_the_gaps_that_transactions_leave(kafka_broker: str) -> None:
    topic = unique("transactional")
    await create_topics(kafka_broker, [topic])
    producer = AIOKafkaProducer(bootstrap_servers=kafka_broker, transactional_id=unique("tx"))
    await producer.start()
    for _ in range(3):
        async with producer.transaction():
            await producer.send_and_wait(topic, b"v", partition=0)
    await producer.stop()
    offsets = [r.offset for r in await read_all(kafka_broker, topic)]
    assert offsets == [0, 2, 4]
    guard, tp = OffsetGuard(KafkaSettings(brokers=kafka_broker)), TP(topic, 0)
    assert [await guard.admit(tp, o, None) for o in offsets] == [True, True, True]


def test_settings_of_a_test_app_are_its_own(tmp_path: Path) -> None:
    settings = make_settings("127.0.0.1:1")
    longer = structs.replace(settings, worker=structs.replace(settings.worker, session_timeout_s=9))
    assert make_app(longer, 1, str(tmp_path)).conf.broker_session_timeout == 9
