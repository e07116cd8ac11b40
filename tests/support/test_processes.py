"""The helper that starts programs: what a test sees of them, and that none is left behind."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.support.children import spawn
from tests.support.processes import ROOT, Programs

SLEEPER = "import time; print('ready'); time.sleep(60)"


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # Ended and not yet reaped by its parent counts as ended.
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text("ascii", "replace").rpartition(")")[2].split()[0] != "Z"


def gone_within(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_a_line_of_output_is_found_on_either_stream(programs: Programs) -> None:
    program = programs.python("-c", "import sys; print('port 12'); print('port 34 failed', file=sys.stderr)")

    assert program.wait_for(r"port (\d+) failed")[1] == "34"
    assert program.wait() == 0


def test_a_program_that_ends_before_the_line_comes_fails_with_its_output(programs: Programs) -> None:
    program = programs.python("-c", "print('no such topic'); raise SystemExit(3)")

    with pytest.raises(RuntimeError, match=r"(?s)code 3.*no such topic"):
        program.wait_for("ready")


def test_a_line_that_does_not_come_in_time_fails_with_the_output(programs: Programs) -> None:
    program = programs.python("-c", SLEEPER)
    program.wait_for("ready")

    with pytest.raises(TimeoutError, match=r"(?s)joined.*ready"):
        program.wait_for("joined", timeout=0.2)


def test_kill_and_terminate_end_with_their_signals(programs: Programs) -> None:
    first, second = programs.python("-c", SLEEPER), programs.python("-c", SLEEPER)
    for program in (first, second):
        program.wait_for("ready")

    first.kill()

    assert first.returncode == -signal.SIGKILL
    assert second.terminate() == -signal.SIGTERM


def test_nothing_is_left_at_the_end_not_even_what_is_paused_or_was_started_by_a_killed_program(tmp_path: Path) -> None:
    parent = (
        f"import subprocess, sys, time; print('child', subprocess.Popen([sys.executable, '-c', {SLEEPER!r}]).pid); time.sleep(60)"
    )
    programs = Programs(tmp_path)
    killed, paused = programs.python("-c", parent), programs.python("-c", SLEEPER)
    orphan = int(killed.wait_for(r"child (\d+)")[1])
    paused.wait_for("ready")
    killed.kill()
    paused.pause()
    assert alive(orphan)

    programs.stop_all()

    assert paused.returncode is not None
    assert gone_within(orphan, 5)


def test_settings_of_the_surroundings_do_not_reach_a_program(programs: Programs) -> None:
    code = "import os; print(sorted(k for k in os.environ if k.startswith('HEADROOM_')), os.environ['PYTHONPATH'])"
    outer = f"""
import os, pathlib, sys
os.environ["HEADROOM_STREAM_BROKERS"] = "elsewhere:9092"
from tests.support.processes import Programs
inner = Programs(pathlib.Path(sys.argv[1]) / "inner")
inner.folder.mkdir()
program = inner.python("-c", {code!r}, env={{"HEADROOM_STREAM_WORKER__GROUP": "mine"}})
program.wait()
print(program.output())
"""
    program = programs.python("-c", outer, str(programs.folder))

    assert program.wait() == 0, program.output()
    assert program.output().startswith(f"['HEADROOM_STREAM_WORKER__GROUP'] {ROOT}")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children together with a parent that was killed")
def test_a_child_ends_with_a_test_run_that_is_killed(programs: Programs, tmp_path: Path) -> None:
    code = f"""
import pathlib, sys, time
from tests.support.children import spawn
child = spawn([sys.executable, "-c", {SLEEPER!r}], pathlib.Path(sys.argv[1]))
print("child", child.pid)
time.sleep(60)
"""
    run = programs.python("-c", code, str(tmp_path / "child.log"))
    child = int(run.wait_for(r"child (\d+)")[1])
    assert alive(child)

    run.kill()

    assert gone_within(child, 5)


def test_a_program_that_does_not_exist_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        spawn([str(tmp_path / "absent")], tmp_path / "log")
