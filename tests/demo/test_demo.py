"""The demo as a newcomer runs it: embedded parts, real tools, and nothing left behind."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.processes import Program, Programs

pytestmark = [
    pytest.mark.broker,
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("chdb") is None, reason="the extra `local` is not installed"),
]


def left_behind(folder: Path) -> list[str]:
    """Processes that were started with the folder in their environment, where that can be seen, and what is still in it."""
    remains = [str(path) for path in folder.iterdir()]
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if f"TMPDIR={folder}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                remains.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return remains


def start(programs: Programs, folder: Path, *options: str) -> Program:
    return programs.headroom("demo", *options, env={"TMPDIR": str(folder)})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "temporary"
    made.mkdir()
    return made


def test_it_gives_its_figures_and_leaves_nothing_behind(programs: Programs, folder: Path) -> None:
    demo = start(programs, folder, "--json")
    assert demo.wait(100) == 0, demo.output()
    found = json.loads(demo.output())
    assert found["ok"] is True
    assert found["problems"] == []
    assert found["turns"] == found["summary"]["turns"] == 35
    assert found["summary"]["sessions"] == 3
    assert found["summary"]["dead_letters"] == 0
    assert sorted(model["model"] for model in found["summary"]["models"]) == ["claude-sonnet-4-5", "gemini-2.5-pro", "gpt-5"]
    for session in found["sessions"].values():
        assert session["in_clickhouse"]
        assert session["saved"] > 0.1
    assert found["summary"]["cost_after_usd"] < found["summary"]["cost_before_usd"]
    assert left_behind(folder) == []


def test_without_a_terminal_it_prints_lines_and_says_where_the_parts_were(programs: Programs, folder: Path) -> None:
    demo = start(programs, folder)
    assert demo.wait(100) == 0, demo.output()
    text = demo.output()
    assert "\x1b" not in text
    assert len(re.findall(r"^\S+ +turn +\d+ ", text, re.MULTILINE)) == 35
    assert re.search(r"Kafka +127\.0\.0\.1:\d+", text)
    assert re.search(r"ClickHouse +http://127\.0\.0\.1:\d+", text)
    assert left_behind(folder) == []


@pytest.mark.parametrize("after", ["Starting ", "access_log"])
def test_ctrl_c_stops_it_cleanly(programs: Programs, folder: Path, after: str) -> None:
    demo = start(programs, folder)
    demo.wait_for(after, 60)
    os.kill(demo.pid, signal.SIGINT)
    assert demo.wait(30) == 130, demo.output()
    assert "Traceback" not in demo.output()
    assert left_behind(folder) == []


def kill_part(demo: Program, name: str) -> None:
    """`kill -9` of the demo's child whose command line has the name."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()]
    (pid,) = [int(pid) for pid, parent, args in rows if int(parent) == demo.pid and name in args]
    os.kill(pid, signal.SIGKILL)


def without_scratch(remains: list[str]) -> list[str]:
    """A worker that is killed can't remove its scratch directory."""
    return [one for one in remains if "/headroom-worker-" not in one]


@pytest.mark.chaos
def test_the_figures_agree_although_the_worker_is_killed_on_the_way(programs: Programs, folder: Path) -> None:
    demo = start(programs, folder)
    demo.wait_for("incident +turn +4", 60)
    kill_part(demo, "headroom_stream worker")
    assert demo.wait(100) == 0, demo.output()
    assert "35 turns published, 35 contexts received" in demo.output()
    assert without_scratch(left_behind(folder)) == []


@pytest.mark.chaos
def test_it_says_so_when_the_broker_ends(programs: Programs, folder: Path) -> None:
    demo = start(programs, folder)
    demo.wait_for("incident +turn +4", 60)
    kill_part(demo, "tansu")
    assert demo.wait(60) == 1, demo.output()
    assert "error: the broker ended" in demo.output()
    assert without_scratch(left_behind(folder)) == []


def test_keep_leaves_the_parts_running_until_it_is_stopped(programs: Programs, folder: Path) -> None:
    demo = start(programs, folder, "--keep")
    brokers = demo.wait_for(r"Kafka +(127\.0\.0\.1:\d+)", 100)[1]
    session = demo.wait_for(r"inspect (\S+)", 10)[1]
    if Path("/proc/self/environ").exists():
        # What the other tests look for can be found.
        assert len(left_behind(folder)) > 4
    look = programs.headroom("consume", "--once", "--json", "--session", session, "--brokers", brokers)
    assert look.wait(30) == 0, look.output()
    assert session in look.output()
    assert demo.terminate() == 0, demo.output()
    assert left_behind(folder) == []
