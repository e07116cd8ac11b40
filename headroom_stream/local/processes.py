"""Child processes that never outlive us, whatever ends us."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Awaitable, Mapping, Sequence
from pathlib import Path

from headroom_stream.errors import LocalPartError

STOP_SECONDS = 10.0
"""Given to a child to finish after SIGTERM. A worker commits within its session timeout of 6 s."""
_PR_SET_PDEATHSIG = 1
# Loaded before any fork: loading a library between fork and exec can wait for a lock that no thread is left to release.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class Child:
    """A program in a process group of its own, its output in a log file.

    On Linux the kernel kills it when this process ends, even by SIGKILL. Elsewhere it ends with `stop` only.
    """

    def __init__(self, name: str, command: Sequence[str], *, log: Path, environ: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.log = log
        self._command = list(command)
        self._environ = dict(os.environ if environ is None else environ) | {"PYTHONUNBUFFERED": "1"}
        self._process: asyncio.subprocess.Process | None = None
        self._log_from = 0

    @property
    def pid(self) -> int | None:
        """Of the running process."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        """Start it; the log is appended to. Raises LocalPartError if the program can't be executed."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        parent = os.getpid()

        def tie() -> None:
            if _libc is not None:
                _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
                if os.getppid() != parent:
                    # The parent ended before the line above: no signal will come.
                    os._exit(1)

        with self.log.open("ab") as out:
            self._log_from = out.tell()
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                    env=self._environ,
                    start_new_session=True,
                    preexec_fn=tie,  # it only calls into a library that is loaded already
                )
            except OSError as error:
                raise LocalPartError(f"{self.name} can't be started: {error}") from error

    async def wait(self) -> int:
        """The exit code, once it ends; negative: the signal that ended it."""
        assert self._process is not None
        return await self._process.wait()

    async def until(self, ready: Awaitable[None], *, seconds: float) -> None:
        """Wait for `ready`. Raises LocalPartError with the end of the log if the child ends first or `seconds` pass."""
        ending = asyncio.ensure_future(self.wait())
        getting_ready = asyncio.ensure_future(ready)
        try:
            await asyncio.wait((ending, getting_ready), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if ending.done():
                raise LocalPartError(
                    f"{self.name} ended at once: {self.last_words()}", {"code": ending.result(), "log": str(self.log)}
                )
            if not getting_ready.done():
                raise LocalPartError(
                    f"{self.name} was not ready after {seconds:.0f} s: {self.last_words()}", {"log": str(self.log)}
                )
            getting_ready.result()
        finally:
            for task in (ending, getting_ready):
                task.cancel()

    async def says(self, start: str) -> None:
        """Return when it has printed a line that starts so. The caller sets the limit."""
        wanted = start.encode()
        while not any(line.startswith(wanted) for line in self._output().splitlines()):  # noqa: ASYNC110 - a file tells no one that it grew
            await asyncio.sleep(0.05)

    def last_words(self) -> str:
        """The last line it printed since its start."""
        lines = self._output().decode(errors="replace").strip().splitlines()
        return lines[-1].removeprefix("error: ") if lines else "no output"

    async def stop(self, *, seconds: float = STOP_SECONDS) -> None:
        """SIGTERM; SIGKILL to its whole group if it is still there after `seconds`."""
        process = self._process
        if process is None or process.returncode is not None:
            # Its number may be another program's by now.
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), seconds)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            # What it may have started itself goes with it.
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()

    def _output(self) -> bytes:
        with self.log.open("rb") as log:
            log.seek(self._log_from)
            return log.read()
