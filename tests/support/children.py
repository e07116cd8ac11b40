"""Child processes that never outlive the test run: own process group, killed with the parent, output in a file."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1
STOP_SECONDS = 10.0
"""A child that ignores SIGTERM longer than this is killed."""

# Loaded here and not between fork and exec, where loading a library can deadlock.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def spawn(
    argv: Sequence[str], log: Path, *, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.Popen[bytes]:
    """Start `argv` with both outputs appended to `log`.

    Call it from the main thread: on Linux the child is killed when the thread that started it ends, which is what ends it after
    `kill -9` of the test run.
    """
    with log.open("ab") as output:
        return subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if env is None else dict(env),
            cwd=cwd,
            start_new_session=True,
            preexec_fn=_die_with_parent(os.getpid()),  # noqa: PLW1509 - calls into the already loaded libc only, safe after fork
        )


def stop(child: subprocess.Popen[bytes], *, seconds: float = STOP_SECONDS) -> None:
    """Ask the child to end, then kill it and whatever it started."""
    if child.poll() is None:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(seconds)
    kill_group(child)


def kill_group(child: subprocess.Popen[bytes]) -> None:
    """SIGKILL to the child and to its own children, also to those that remain after it has ended."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def free_port() -> int:
    """A loopback port that nobody listens on now. Another program may still take it first, so starters try again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def tail(log: Path, lines: int = 25) -> str:
    """The last lines of a log, for messages of failures."""
    if not log.exists():
        return "(no output)"
    return "\n".join(log.read_text("utf-8", "replace").splitlines()[-lines:]) or "(no output)"


def _die_with_parent(parent: int) -> Callable[[], None] | None:
    if _libc is None:
        return None

    def ask_kernel() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            # The parent ended between fork and prctl: the signal would never come.
            os._exit(1)

    return ask_kernel
