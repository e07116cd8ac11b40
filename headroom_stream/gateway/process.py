"""A process that compresses, from the server's side: started, given jobs, and started again when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sys
import time
from asyncio.subprocess import Process, create_subprocess_exec

from headroom_stream.errors import HeadroomError, LocalPartError
from headroom_stream.gateway.jobs import LENGTH, Done, Job, Memory, Setup, decode_done, framed

log = logging.getLogger(__name__)

AT_ONCE = 2
"""Jobs that a process has at a time: the one at work, and the next, so that it never waits for the server."""
STUCK = 4
"""Times the timeout of a job after which its process is ended. A job can't be stopped in any other way, and holds up all behind it."""
SHORT_LIFE_S = 5.0
"""A process that dies sooner after its start is not started again at once, or a fault at the start would keep the machine busy."""
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0
START_S = 60.0
"""For a process to start: it reads the ranks of its tokenizer."""
_BUFFER = 1 << 20
"""Bytes under way between the two, as far as the system allows: with few, both wake up many times for one request."""


class ProcessDiedError(HeadroomError):
    """The process that had a job died; another takes its place. Sessions begin anew from the history of their next call."""


class ProcessWorker:
    """A process of its own. `timeout_s` is what a job may take; one that takes much longer ends its process."""

    def __init__(self, setup: Setup, *, timeout_s: float) -> None:
        self._setup = setup
        self._timeout = timeout_s
        self._room = asyncio.Semaphore(AT_ONCE)
        self._pending: dict[int, tuple[asyncio.Future[Done], float]] = {}
        """Jobs that the process has, and since when."""
        self._up = asyncio.Event()
        self._life: asyncio.Task[None] | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._child: Process | None = None
        self.waiting = 0
        self.restarts = 0
        self.memory = Memory()

    @property
    def pid(self) -> int | None:
        """Of the process; None while there is none."""
        return self._child.pid if self._child is not None and self.ready else None

    @property
    def ready(self) -> bool:
        """Whether the process runs and takes jobs."""
        return self._up.is_set()

    async def start(self) -> None:
        """Start the process, and wait until it takes jobs. Raises LocalPartError if it does not."""
        self._life = asyncio.create_task(self._live())
        try:
            async with asyncio.timeout(START_S):
                await self._up.wait()
        except TimeoutError as error:
            raise LocalPartError(
                f"a process that compresses did not start within {START_S:.0f} seconds; the log says why"
            ) from error

    async def do(self, job: Job) -> Done:
        """What comes of a job. Raises ProcessDiedError if the process dies over it."""
        self.waiting += 1
        try:
            await self._room.acquire()
            try:
                await self._up.wait()
            except BaseException:
                self._room.release()
                raise
            future = self._send(job)
            # A caller that leaves takes nothing back: the process is at work, and its place is not free before it is done.
            return await asyncio.shield(future)
        finally:
            self.waiting -= 1

    def _send(self, job: Job) -> asyncio.Future[Done]:
        assert self._writer is not None
        future: asyncio.Future[Done] = asyncio.get_running_loop().create_future()
        future.add_done_callback(self._finished)
        self._pending[job.id] = (future, time.monotonic())
        # No drain: what is under way is bounded by AT_ONCE.
        self._writer.write(framed(job))
        return future

    def _finished(self, future: asyncio.Future[Done]) -> None:
        self._room.release()
        if not future.cancelled():
            future.exception()  # seen, also where nobody waits any more

    async def stop(self) -> None:
        """End the process."""
        if self._life is not None:
            self._life.cancel()
            await asyncio.gather(self._life, return_exceptions=True)

    async def _live(self) -> None:
        pause = 0.0
        while True:
            began = time.monotonic()
            try:
                await self._serve()
            except (OSError, EOFError) as error:
                log.warning("a process that compresses ended: %s", error)
            finally:
                self._up.clear()
                self._fail()
            lived = time.monotonic() - began
            pause = 0.0 if lived > SHORT_LIFE_S else min(LONGEST_PAUSE_S, max(FIRST_PAUSE_S, 2 * pause))
            self.restarts += 1
            self.memory = Memory()
            await asyncio.sleep(pause)

    async def _serve(self) -> None:
        """One life of the process. Raises EOFError or OSError when it is over."""
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
        with theirs:
            child = self._child = await create_subprocess_exec(
                sys.executable, "-P", "-m", "headroom_stream.gateway.child", str(theirs.fileno()), pass_fds=(theirs.fileno(),)
            )
        reader, self._writer = await asyncio.open_unix_connection(sock=ours, limit=_BUFFER)
        watch = asyncio.create_task(self._watch(child))
        try:
            self._writer.write(framed(self._setup))
            await self._next(reader)
            self._up.set()
            while True:
                done = await self._next(reader)
                self.memory = done.memory
                future, _ = self._pending.pop(done.id)
                if not future.done():
                    future.set_result(done)
        finally:
            watch.cancel()
            self._writer.close()
            with contextlib.suppress(ProcessLookupError):  # it has ended already
                child.kill()
            await child.wait()

    @staticmethod
    async def _next(reader: asyncio.StreamReader) -> Done:
        head = await reader.readexactly(LENGTH)
        return decode_done(await reader.readexactly(int.from_bytes(head, "big")))

    async def _watch(self, child: Process) -> None:
        """End the process when a job is stuck in it."""
        while True:
            await asyncio.sleep(min(1.0, self._timeout))
            # The next job waits behind the one at work, for as long as that may take.
            if any(time.monotonic() - since > AT_ONCE * STUCK * self._timeout for _, since in self._pending.values()):
                log.error("a job took more than %.0f seconds: its process is ended", STUCK * self._timeout)
                child.kill()
                return

    def _fail(self) -> None:
        """Tell those who wait that the process is gone."""
        pending, self._pending = self._pending, {}
        for future, _ in pending.values():
            if not future.done():
                future.set_exception(ProcessDiedError("the process that compresses died over a job"))
