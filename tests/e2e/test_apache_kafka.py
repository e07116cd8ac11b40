"""The same job on Apache Kafka: the roles as a platform team runs them, a worker killed in the middle."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from headroom_stream.events import decode_context
from headroom_stream.local.handover import write_settings
from tests.e2e.test_up import conversations, recount
from tests.support.children import free_port
from tests.support.kafka_io import read_all, wait_until
from tests.support.naming import make_settings
from tests.support.processes import ROOT, Programs

pytestmark = [pytest.mark.broker, pytest.mark.chaos, pytest.mark.timeout(240)]


async def test_a_worker_killed_on_apache_kafka_costs_no_context_and_no_token(
    kafka_broker: str, programs: Programs, tmp_path: Path
) -> None:
    settings = make_settings(kafka_broker)
    port = free_port()
    programs.python("-m", "headroom_stream.local.clickhouse", "--port", str(port), "--data-dir", str(tmp_path / "clickhouse"))
    config = tmp_path / "headroom.toml"
    write_settings(settings, config)
    common = ["--config", str(config), "--clickhouse", f"http://127.0.0.1:{port}"]

    def command(*args: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "headroom_stream", *args, *common],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    await wait_until(lambda: _answers(port), timeout=30)
    command("init")
    programs.headroom("sink", *common)
    worker = programs.headroom("worker", *common)
    worker.wait_for("worker ready", 45)

    listed = conversations(150, seed=4)
    turns, tokens = recount(listed)
    path = tmp_path / "conversations.jsonl"
    path.write_text("".join(json.dumps(c) + "\n" for c in listed))
    publishing = programs.headroom("publish", str(path), "--rate", "300", *common)

    async def some() -> bool:
        return len(await read_all(kafka_broker, settings.kafka.contexts)) > turns // 8

    await wait_until(some, timeout=30, every=0.02)
    worker.kill()
    assert publishing.returncode is None, "the worker was to be killed in the middle"
    programs.headroom("worker", *common)

    def summary() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(command("summary", "--json"))
        return found

    await wait_until(lambda: summary()["turns"] >= turns, timeout=90, every=0.5)
    assert publishing.wait() == 0
    found = summary()
    assert (found["turns"], found["tokens_before"], found["dead_letters"]) == (turns, tokens, 0)
    contexts = {decode_context(r.value).output_id: r.value for r in await read_all(kafka_broker, settings.kafka.contexts)}
    assert len(contexts) == turns


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
