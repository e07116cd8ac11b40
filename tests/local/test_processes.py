"""Child processes and how they end."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from headroom_stream.errors import LocalPartError
from headroom_stream.local.ports import claim_port
from headroom_stream.local.processes import Child

PARENT = """
import asyncio, sys
from pathlib import Path
from headroom_stream.local.processes import Child

async def main():
    child = Child("sleeper", [sys.executable, "-c", "import time; print('here'); time.sleep(600)"], log=Path(sys.argv[1]))
    await child.start()
    await child.until(child.says("here"), seconds=20)
    print(child.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A zombie has ended; whoever adopted it has not looked yet.
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a child to its parent")
def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path / "log")], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout as out:
        pid = int(out.readline())
        assert alive(pid)
        parent.kill()
        parent.wait()
    limit = time.monotonic() + 5
    while alive(pid):
        assert time.monotonic() < limit, "the child outlived its parent"
        time.sleep(0.02)


async def test_a_child_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    program = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here'); time.sleep(600)"
    child = Child("stubborn", [sys.executable, "-c", program], log=tmp_path / "log")
    await child.start()
    await child.until(child.says("here"), seconds=20)
    await child.stop(seconds=0.2)
    assert await child.wait() == -signal.SIGKILL


async def test_a_child_that_ends_at_once_is_reported_with_its_last_line(tmp_path: Path) -> None:
    child = Child("broken", [sys.executable, "-c", "print('x'); raise SystemExit('no luck')"], log=tmp_path / "log")
    await child.start()
    with pytest.raises(LocalPartError, match="no luck"):
        await child.until(child.says("ready"), seconds=20)


async def test_what_an_earlier_run_logged_does_not_count_as_ready(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("ready\n")
    child = Child("slow", [sys.executable, "-c", "import time; time.sleep(600)"], log=tmp_path / "log")
    await child.start()
    try:
        with pytest.raises(LocalPartError, match="not ready"):
            await child.until(child.says("ready"), seconds=0.3)
    finally:
        await child.stop()


async def test_a_port_in_use_is_named() -> None:
    server = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(LocalPartError, match=f"port={port}"):
        claim_port(port, "Kafka")
    server.close()
