"""Programs under test as real processes: their output in a file, waited for line by line, killed or ended, never left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from tests.support.children import kill_group, spawn, stop, tail

ROOT = Path(__file__).resolve().parents[2]


class Program:
    """A running program. `log` is the file with everything it printed."""

    def __init__(self, child: subprocess.Popen[bytes], log: Path, name: str) -> None:
        self.child = child
        self.log = log
        self.name = name

    @property
    def pid(self) -> int:
        return self.child.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs; minus the signal's number when one ended it."""
        return self.child.poll()

    def output(self) -> str:
        """All it has printed so far, on both streams."""
        return self.log.read_text("utf-8", "replace")

    def wait_for(self, pattern: str, timeout: float = 30) -> re.Match[str]:
        """The first line of its output that matches the regular expression. TimeoutError or RuntimeError shows the log's end."""
        expression = re.compile(pattern)
        deadline = time.monotonic() + timeout
        while True:
            # Asked before the output is read: what was printed just before the end is then in what is read.
            ended = self.returncode is not None
            for line in self.output().splitlines():
                if found := expression.search(line):
                    return found
            if ended:
                raise RuntimeError(f"{self.name} ended with code {self.returncode} before /{pattern}/:\n{tail(self.log)}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name} did not print /{pattern}/ in {timeout} s:\n{tail(self.log)}")
            time.sleep(0.05)

    def wait(self, timeout: float = 30) -> int:
        """Its exit code, once it ends by itself."""
        try:
            return self.child.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(f"{self.name} still runs after {timeout} s:\n{tail(self.log)}") from error

    def kill(self) -> None:
        """`kill -9` of this process alone, as the out-of-memory killer does: its own children are left to themselves."""
        self.child.kill()
        self.child.wait()

    def pause(self) -> None:
        """Stop it without ending it: a process that hangs."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def terminate(self, timeout: float = 30) -> int:
        """SIGTERM, and its exit code. TimeoutError when it does not end: stopping in time is part of what is tested."""
        self.child.terminate()
        return self.wait(timeout)


class Programs:
    """Starts programs and ends whatever is left of them. Logs go to `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[Program] = []

    def headroom(self, *args: str, env: Mapping[str, str] | None = None) -> Program:
        """`python -m headroom_stream ARGS` with the interpreter and the checkout of the tests."""
        return self.python("-m", "headroom_stream", *args, env=env)

    def python(self, *args: str, env: Mapping[str, str] | None = None) -> Program:
        """`python ARGS`. Settings of the person who runs the tests don't reach it: only `env` does."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("HEADROOM_")}
        path = os.pathsep.join(p for p in (str(ROOT), inherited.get("PYTHONPATH")) if p)
        log = self.folder / f"program-{len(self.started) + 1}.log"
        full = {**inherited, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **(env or {})}
        program = Program(spawn([sys.executable, *args], log, env=full), log, " ".join(args)[:80])
        self.started.append(program)
        return program

    def stop_all(self) -> None:
        for program in self.started:
            # A paused process takes no SIGTERM.
            kill_group(program.child) if program.returncode is not None else _end(program)


def _end(program: Program) -> None:
    program.resume()
    stop(program.child, seconds=5)
