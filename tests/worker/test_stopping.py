"""A worker that can't work says why in one line, and ends."""

from __future__ import annotations

import asyncio

import pytest

from headroom_stream.session.state import head_key
from headroom_stream.topics import changelog_topic, ensure_topics
from tests.support.children import free_port
from tests.support.kafka_io import Record, produce, wait_until
from tests.support.naming import make_settings
from tests.support.processes import Programs
from tests.worker.stream import READY_SECONDS, Stream, conversation


def test_no_broker_is_one_clear_line_and_exit_code_1(programs: Programs) -> None:
    address = f"127.0.0.1:{free_port()}"
    worker = programs.headroom("worker", "--brokers", address)
    assert worker.wait(timeout=20) == 1
    lines = worker.output().strip().splitlines()
    assert lines[-1].startswith(f"error: can't reach a Kafka broker at {address}")
    assert "Traceback" not in worker.output()


@pytest.mark.broker
def test_no_topic_says_how_to_create_it(programs: Programs, embedded_broker: str) -> None:
    worker = programs.headroom("worker", "--brokers", embedded_broker, env={"HEADROOM_STREAM_KAFKA__TURNS": "nowhere"})
    assert worker.wait(timeout=20) == 1
    assert "no topic 'nowhere'" in worker.output()
    assert "headroom-stream init" in worker.output()


def test_an_unknown_setting_is_named(programs: Programs) -> None:
    worker = programs.headroom("worker", env={"HEADROOM_STREAM_WORKER__GRUOP": "x"})
    assert worker.wait(timeout=20) == 1
    assert "gruop" in worker.output()


@pytest.mark.broker
def test_sigterm_ends_an_idle_worker_with_code_0(programs: Programs, fresh_broker: str) -> None:
    settings = make_settings(fresh_broker)
    asyncio.run(ensure_topics(settings))
    names = {f"HEADROOM_STREAM_KAFKA__{n.upper()}": getattr(settings.kafka, n) for n in ("turns", "contexts", "metrics", "dead")}
    worker = programs.headroom(
        "worker", "--brokers", fresh_broker, env={**names, "HEADROOM_STREAM_WORKER__GROUP": settings.worker.group}
    )
    worker.wait_for("worker ready", 45)
    assert worker.terminate(timeout=30) == 0


async def test_state_that_cannot_be_read_ends_the_worker_and_the_event_waits(stream: Stream) -> None:
    await stream.publish(conversation("s", 1))
    (event,) = await stream.read(stream.settings.kafka.turns)
    changelog, address = changelog_topic(stream.settings), stream.settings.kafka.brokers
    await produce(address, changelog, [Record(head_key("s"), b'{"no":"head"}', partition=event.partition)])
    worker = stream.worker()
    assert await asyncio.to_thread(worker.wait, READY_SECONDS) == 1
    last = worker.output().strip().splitlines()[-1]
    assert last.startswith("worker stopped so that nothing is lost: StateError: the head of a session can't be read")
    assert await stream.contexts() == []

    await produce(address, changelog, [Record(head_key("s"), None, partition=event.partition)])
    stream.worker()

    async def answered() -> bool:
        return len(await stream.contexts()) == 1

    await wait_until(answered, timeout=READY_SECONDS)
