"""The main job as a user does it: `up` in one terminal, everything else in another."""

from __future__ import annotations

import ast
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import clickhouse_connect
import pytest

from headroom_stream.settings import load_settings
from headroom_stream.tokenizers import load_tokenizer
from tests.support.processes import ROOT, Program, Programs
from tests.support.provider_stub import ProviderStub

pytestmark = [pytest.mark.broker, pytest.mark.timeout(240)]

README = (ROOT / "README.md").read_text(encoding="utf-8")


class Up:
    """A running `up`, and the commands that talk to it."""

    def __init__(self, program: Program, programs: Programs) -> None:
        self.program = program
        self.brokers = program.wait_for(r"^Kafka\s+(\S+)", 60)[1]
        self.clickhouse = program.wait_for(r"^ClickHouse\s+(\S+)", 10)[1]
        self._programs = programs

    def command(self, *args: str) -> str:
        """Standard output of a command that has to succeed."""
        environ = {"HEADROOM_STREAM_BROKERS": self.brokers, "HEADROOM_STREAM_CLICKHOUSE": self.clickhouse}
        done = subprocess.run(
            [sys.executable, "-m", "headroom_stream", *args],
            env={**os.environ, **environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def summary(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.command("summary", "--json"))
        return found

    def until(self, turns: int, seconds: float = 60) -> dict[str, Any]:
        """The summary once it counts that many turns."""
        deadline = time.monotonic() + seconds
        while (found := self.summary())["turns"] < turns:
            assert time.monotonic() < deadline, f"{found['turns']} of {turns} turns after {seconds} s"
            time.sleep(0.5)
        return found


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    programs = Programs(tmp_path_factory.mktemp("up"))
    data = tmp_path_factory.mktemp("data")
    try:
        yield Up(programs.headroom("up", "--kafka-port", "0", "--clickhouse-port", "0", "--data-dir", str(data)), programs)
    finally:
        programs.stop_all()


def conversations(count: int, seed: int) -> list[dict[str, Any]]:
    """Agents in OpenAI's shape that list orders, some in wrapped form, and answer."""
    rng = random.Random(seed)
    out = []
    for n in range(count):
        messages: list[dict[str, Any]] = [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": f"Question {n}: which are late?"},
        ]
        for step in range(rng.randrange(2, 7)):
            call = {
                "id": f"call_{n}_{step}",
                "type": "function",
                "function": {"name": "orders", "arguments": json.dumps({"page": step})},
            }
            found = {
                "orders": [
                    {"id": rng.randrange(10**6), "state": rng.choice(["late", "paid"]), "total": rng.randrange(9**4) / 100}
                    for _ in range(15)
                ]
            }
            messages += [
                {"role": "assistant", "content": None, "tool_calls": [call]},
                {"role": "tool", "tool_call_id": call["id"], "name": "orders", "content": json.dumps(found, indent=1)},
            ]
        messages.append({"role": "assistant", "content": "Done."})
        out.append({"id": f"conversation-{seed}-{n}", "messages": messages})
    return out


def recount(listed: list[dict[str, Any]]) -> tuple[int, int]:
    """Calls of a model in the conversations, and the tokens that they would have sent: by the rule in the README, from the file alone."""
    count = load_tokenizer().count

    def message(m: dict[str, Any]) -> int:
        total = 3 + count(m["role"]) + count(m["content"] or "")
        total += sum(
            count(c["function"]["name"]) + count(c["function"]["arguments"]) + count(c["id"]) + 10 for c in m.get("tool_calls", [])
        )
        if "name" in m:
            total += count(m["name"]) + 1
        return total + (count(m["tool_call_id"]) + 2 if "tool_call_id" in m else 0)

    turns = tokens = 0
    for one in listed:
        for u, m in enumerate(one["messages"]):
            if m["role"] == "assistant" and u:
                turns, tokens = turns + 1, tokens + 3 + sum(map(message, one["messages"][:u]))
    return turns, tokens


def _file(folder: Path, listed: list[dict[str, Any]]) -> str:
    path = folder / "conversations.jsonl"
    path.write_text("".join(json.dumps(c) + "\n" for c in listed))
    return str(path)


def test_every_published_turn_is_counted_to_the_token(up: Up, tmp_path: Path) -> None:
    listed = conversations(12, seed=1)
    before = up.summary()
    published = json.loads(up.command("publish", _file(tmp_path, listed), "--json"))
    turns, tokens = recount(listed)
    assert published["turns"] == turns
    after = up.until(before["turns"] + turns)
    assert after["turns"] - before["turns"] == turns
    assert after["tokens_before"] - before["tokens_before"] == tokens
    assert after["tokens_after"] - before["tokens_after"] < 0.8 * tokens
    assert after["dead_letters"] == before["dead_letters"]


def test_publishing_the_same_again_counts_duplicates_and_saves_nothing_twice(up: Up, tmp_path: Path) -> None:
    listed = conversations(4, seed=2)
    turns, _ = recount(listed)
    before = up.summary()
    up.command("publish", _file(tmp_path, listed))
    once = up.until(before["turns"] + turns)
    up.command("publish", _file(tmp_path, listed))
    deadline = time.monotonic() + 30
    while (twice := up.summary())["duplicates"] < before["duplicates"] + turns and time.monotonic() < deadline:
        time.sleep(0.5)
    assert twice["duplicates"] == before["duplicates"] + turns
    assert (twice["turns"], twice["tokens_before"], twice["tokens_after"]) == (
        once["turns"],
        once["tokens_before"],
        once["tokens_after"],
    )


@pytest.mark.chaos
@pytest.mark.skipif(not Path("/proc").exists(), reason="finds the worker's process in /proc")
def test_a_killed_worker_is_started_again_and_the_numbers_are_right(up: Up, tmp_path: Path) -> None:
    listed = conversations(60, seed=3)
    turns, tokens = recount(listed)
    before = up.summary()
    victims = _workers(up.program.pid)
    assert victims
    publishing = subprocess.Popen(
        [sys.executable, "-m", "headroom_stream", "publish", _file(tmp_path, listed), "--rate", "100", "--brokers", up.brokers],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    time.sleep(1)
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    assert publishing.wait(60) == 0
    after = up.until(before["turns"] + turns, seconds=90)
    assert after["turns"] - before["turns"] == turns
    assert after["tokens_before"] - before["tokens_before"] == tokens
    assert not set(victims) & set(_workers(up.program.pid))


def _workers(parent: int) -> list[int]:
    out = []
    for folder in Path("/proc").iterdir():
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            status = (folder / "stat").read_text().rsplit(")", 1)[1].split()
        except (OSError, IndexError):
            continue
        if b"worker" in words and b"headroom_stream" in words and int(status[1]) == parent:
            out.append(int(folder.name))
    return out


def _snippet(name: str) -> str:
    found = re.search(rf"<!-- test: {name} -->\n```python\n(.*?)```", README, re.DOTALL)
    assert found, f"the README has no example {name}"
    ast.parse(found[1])
    return found[1]


def _run(code: str, *, cwd: Path = ROOT, **environ: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_readmes_kafka_examples_get_their_context(up: Up) -> None:
    for name in ("kafka", "sdk"):
        code = _snippet(name).replace("127.0.0.1:19092", up.brokers)
        assert ast.literal_eval(_run(code)) == [{"role": "user", "content": "Which orders are late?"}]


def test_the_readmes_clickhouse_example_gives_the_summarys_sums(up: Up) -> None:
    up.until(1)
    host, port = up.clickhouse.removeprefix("http://").split(":")
    code = _snippet("clickhouse").replace('host="127.0.0.1", port=18123', f'host="{host}", port={port}')
    # Metrics of tests before may still be on their way: ask until two answers agree.
    deadline = time.monotonic() + 20
    while True:
        summary = up.summary()
        ((before, after),) = ast.literal_eval(_run(code))
        if (before, after) == (summary["tokens_before"], summary["tokens_after"]) or time.monotonic() > deadline:
            break
    assert (before, after) == (summary["tokens_before"], summary["tokens_after"])


def test_the_readmes_python_examples_run() -> None:
    for name in ("python", "compress"):
        assert "Which orders are late?" in _run(_snippet(name))


def test_the_readmes_wrapped_client_answers(tmp_path: Path) -> None:
    with ProviderStub() as stub:
        stub.reply("None is.")
        shown = _run(_snippet("openai"), cwd=tmp_path, OPENAI_BASE_URL=stub.openai_url, OPENAI_API_KEY="k")
    assert "None is." in shown
    assert (tmp_path / "headroom.db").exists()


def test_the_readmes_example_of_transforms_runs() -> None:
    shown, tokens = _run(_snippet("transforms")).rsplit("\n", 2)[:2]
    assert "W42" in shown
    assert int(tokens) <= 100


def test_the_readmes_settings_are_settings(tmp_path: Path) -> None:
    blocks = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    assert len(blocks) >= 2
    for n, block in enumerate(blocks):
        path = tmp_path / f"{n}.toml"
        path.write_text(block)
        load_settings(config=path, environ={})


def test_clickhouse_is_there_for_any_client(up: Up) -> None:
    host, port = up.clickhouse.removeprefix("http://").split(":")
    client = clickhouse_connect.get_client(host=host, port=int(port), database="headroom")
    assert {r[0] for r in client.query("SHOW TABLES").result_rows} >= {"turns", "decisions", "originals", "dead_letters"}
    client.close()


def test_ctrl_c_stops_everything_and_leaves_no_process(programs: Programs, tmp_path: Path) -> None:
    folder = str(tmp_path / "data")
    program = programs.headroom("up", "--json", "--kafka-port", "0", "--clickhouse-port", "0", "--data-dir", folder)
    program.wait_for('"event":"up"', 60)
    (line,) = program.output().splitlines()
    port = json.loads(line)["brokers"].rsplit(":", 1)[1]
    program.child.send_signal(signal.SIGINT)
    assert program.wait(40) == 0
    left = [p for p in Path("/proc").glob("[0-9]*/cmdline") if folder.encode() in _read(p) or port.encode() in _read(p)]
    assert not left


@pytest.mark.parametrize("role", ["worker", "sink"])
def test_roles_speak_json_to_machines(up: Up, programs: Programs, role: str) -> None:
    env = {f"HEADROOM_STREAM_{role.upper()}__GROUP": f"another-{role}"}
    init = programs.headroom("init", "--brokers", up.brokers, "--clickhouse", up.clickhouse, env=env)
    assert init.wait(30) == 0
    program = programs.headroom(role, "--json", "--brokers", up.brokers, "--clickhouse", up.clickhouse, env=env)
    program.wait_for('"event":"(ready|started)"', 45)
    assert program.terminate() == 0
    lines = [json.loads(line) for line in program.output().splitlines() if line.startswith("{")]
    assert lines[-1]["event"] == "stopped"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
