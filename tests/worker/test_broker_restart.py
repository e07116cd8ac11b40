"""A broker that goes down takes no events with it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.apache_kafka import KafkaUnavailableError, RestartableKafka
from tests.support.kafka_io import wait_until
from tests.support.processes import Programs
from tests.worker.stream import READY_SECONDS, Stream, conversation, interleaved

pytestmark = [pytest.mark.kafka, pytest.mark.chaos]


@pytest.fixture
def restartable(tmp_path: Path) -> Iterator[RestartableKafka]:
    try:
        kafka = RestartableKafka(tmp_path)
    except KafkaUnavailableError as error:
        pytest.skip(str(error))
    yield kafka
    kafka.stop()


async def test_a_broker_killed_amid_a_batch_costs_nothing_and_no_worker_has_to_be_started_again(
    restartable: RestartableKafka, programs: Programs, tmp_path: Path
) -> None:
    stream = await Stream.create(restartable.address, programs, tmp_path, session_timeout_s=6)
    worker = stream.worker()
    await asyncio.to_thread(worker.wait_for, "worker ready", READY_SECONDS)
    events = interleaved(conversation(f"s{i}", 60, rows=20) for i in range(10))
    third = len(events) // 3
    await stream.publish(events[:third])
    restartable.kill()
    await asyncio.sleep(2)
    restartable.start()
    await stream.publish(events[third:])

    async def all_of_them() -> bool:
        return len(await stream.output_ids()) >= len(events)

    await wait_until(all_of_them, timeout=90, every=0.5)
    await stream.agrees_with_golden()
    assert worker.returncode is None
