"""Those who compress, as the server sees them: jobs go to the one that holds their session, or to the least busy."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from msgspec import structs

from headroom_stream.gateway.desk import Desk
from headroom_stream.gateway.jobs import Done, Job, Memory, Setup
from headroom_stream.gateway.process import ProcessDiedError, ProcessWorker


class Worker(Protocol):
    """One that does jobs."""

    @property
    def memory(self) -> Memory:
        """What it held after its last job."""

    @property
    def pid(self) -> int | None:
        """Of its process; None where it has none of its own, or none now."""

    @property
    def waiting(self) -> int:
        """Jobs that were given and are not done."""

    @property
    def ready(self) -> bool:
        """Whether it takes jobs now."""

    async def start(self) -> None: ...

    async def do(self, job: Job) -> Done: ...

    async def stop(self) -> None: ...


class ThreadWorker:
    """A thread of this process. It shares the interpreter with the server, which answers less promptly meanwhile."""

    pid: int | None = None

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._desk: Desk | None = None
        self._thread = ThreadPoolExecutor(1, "gateway-desk")
        self.memory = Memory()
        self.waiting = 0

    @property
    def ready(self) -> bool:
        """Whether it was started."""
        return self._desk is not None

    async def start(self) -> None:
        """Read what counting needs."""
        self._desk = await asyncio.get_running_loop().run_in_executor(self._thread, Desk, self._setup)

    async def do(self, job: Job) -> Done:
        """What comes of a job, after those before it."""
        assert self._desk is not None
        self.waiting += 1
        try:
            done = await asyncio.get_running_loop().run_in_executor(self._thread, self._desk.do, job)
        finally:
            self.waiting -= 1
        self.memory = done.memory
        return done

    async def stop(self) -> None:
        """Take no more jobs; the one at work is finished."""
        self._thread.shutdown(wait=False, cancel_futures=True)


class Pool:
    """All workers: so many processes, or one thread where there are to be 0."""

    def __init__(self, setup: Setup, *, processes: int, timeout_s: float) -> None:
        self.workers: list[Worker] = [ProcessWorker(setup, timeout_s=timeout_s) for _ in range(processes)]
        if not self.workers:
            self.workers = [ThreadWorker(setup)]
        self._ids = itertools.count(1)

    async def start(self) -> None:
        """Start all. Raises LocalPartError."""
        await asyncio.gather(*(worker.start() for worker in self.workers))

    async def stop(self) -> None:
        """Stop all."""
        await asyncio.gather(*(worker.stop() for worker in self.workers))

    @property
    def ready(self) -> bool:
        """Whether any of them takes jobs."""
        return any(worker.ready for worker in self.workers)

    async def do(self, job: Job, *, of: bytes | None = None) -> Done:
        """What comes of a job: of the worker that what `of` names belongs to, else of the least busy.

        If the worker's process dies over it, the job is done once more by the next one: what died may have been another job's fault.
        Raises ProcessDiedError if that dies too.
        """
        job = structs.replace(job, id=next(self._ids))
        worker = self._least_busy() if of is None else self._of(of)
        try:
            return await worker.do(job)
        except ProcessDiedError:
            return await worker.do(job)

    async def everywhere(self, job: Job) -> list[Done]:
        """What comes of a job in each of them."""
        return list(await asyncio.gather(*(w.do(structs.replace(job, id=next(self._ids))) for w in self.workers)))

    def _least_busy(self) -> Worker:
        return min(self.workers, key=lambda worker: (not worker.ready, worker.waiting))

    def _of(self, name: bytes) -> Worker:
        digest = hashlib.blake2b(name, digest_size=8).digest()
        return self.workers[int.from_bytes(digest, "big") % len(self.workers)]
