"""The gateway as a whole: who may call, which worker does it, what is counted."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector, web
from msgspec import structs

from headroom_stream.config import Settings
from headroom_stream.gateway.http import RefusedError
from headroom_stream.gateway.jobs import Done, Job, Setup
from headroom_stream.gateway.pool import Pool
from headroom_stream.gateway.recording import Recorder
from headroom_stream.gateway.tenants import Tenant, Tenants, check_exposure
from headroom_stream.results import RequestMetrics

CONNECT_S = 10.0
"""For a connection to a provider."""
RETRY_S = 1.0
"""After which one may come back that found the gateway overloaded."""


class Gateway:
    """Everything that handlers need. `now` gives the time, with a zone. Raises ConfigurationError and StorageError."""

    def __init__(
        self,
        settings: Settings,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self.settings = settings.gateway
        self.policy = settings.policy
        check_exposure(self.settings)
        self.tenants = Tenants(self.settings)
        self.now = now
        self.new_id = new_id
        self.started = now()
        self.recorder = Recorder(self.settings.store_url)
        self.pending_bytes = 0
        self.at_work = 0
        self._upstream: ClientSession | None = None
        self._pool: Pool | None = None

    @property
    def pool(self) -> Pool:
        """The workers. They belong to the loop that `start` ran in."""
        assert self._pool is not None, "the gateway is not started"
        return self._pool

    @property
    def upstream(self) -> ClientSession:
        """Connections to providers."""
        assert self._upstream is not None, "the gateway is not started"
        return self._upstream

    async def start(self) -> None:
        """Start the workers. Raises LocalPartError."""
        processes = os.cpu_count() or 1 if self.settings.processes is None else self.settings.processes
        share = self.settings.cache_bytes // max(1, processes) // len(self.tenants)
        setup = Setup(policy=self.policy, cache_bytes=max(1, share))
        self._pool = Pool(setup, processes=processes, timeout_s=self.settings.timeout_s)
        timeout = ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=self.settings.upstream_timeout_s)
        self._upstream = ClientSession(
            connector=TCPConnector(limit=0),
            timeout=timeout,
            auto_decompress=False,
            cookie_jar=DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )
        await self.pool.start()

    async def stop(self) -> None:
        """Stop the workers, and save what is left of metrics."""
        if self._pool is not None:
            await self._pool.stop()
        if self._upstream is not None:
            await self._upstream.close()
        await asyncio.to_thread(self.recorder.close)

    @contextlib.asynccontextmanager
    async def body(self, request: web.Request) -> AsyncIterator[bytes]:
        """The body of a request, counted as at work meanwhile. Raises RefusedError."""
        most = self.settings.body_bytes
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise RefusedError(415, "unsupported_media_type", "send the body as it is, without Content-Encoding")
        size = most if request.content_length is None else request.content_length
        if size > most:
            raise RefusedError(413, "request_too_large", f"the body has {size} bytes; at most {most} are taken")
        if self.pending_bytes and self.pending_bytes + size > self.settings.pending_bytes:
            raise RefusedError(503, "overloaded", "too many requests are at work; come back soon", retry_after=RETRY_S)
        self.pending_bytes += size
        try:
            body = await self._read(request)
            self.pending_bytes -= size - len(body)
            size = len(body)
            yield body
        finally:
            self.pending_bytes -= size

    async def _read(self, request: web.Request) -> bytes:
        try:
            async with asyncio.timeout(self.settings.read_timeout_s):
                return await request.read()
        except web.HTTPRequestEntityTooLarge as error:
            most = self.settings.body_bytes
            raise RefusedError(413, "request_too_large", f"the body has more than {most} bytes") from error
        except TimeoutError as error:
            raise RefusedError(408, "request_timeout", "the body did not come in time") from error

    async def do(self, job: Job, tenant: Tenant, *, of: str | None = None) -> tuple[Done, float]:
        """What comes of a job, and the milliseconds that it took. `of` names what the job goes on with, such as a session.

        Raises TimeoutError, ProcessDiedError.
        """
        began = time.perf_counter()
        key = None if of is None else f"{tenant.name}\0{of}".encode(errors="surrogatepass")
        job = structs.replace(job, tenant=tenant.name, learnt=tenant.learnt.changes)
        async with asyncio.timeout(self.settings.timeout_s):
            done = await self.pool.do(job, of=key)
        tenant.originals.add([row for row, _ in done.originals], {row.ref: after for row, after in done.originals})
        tenant.learnt.decided(done.decisions)
        tenant.learnt.taught(done.taught)
        return done, 1000 * (time.perf_counter() - began)

    def record(self, tenant: Tenant, row: RequestMetrics, *, overhead_ms: float, total_ms: float) -> None:
        """Count a call and keep its row."""
        tenant.counts.add(row, overhead_ms=overhead_ms, total_ms=total_ms)
        self.recorder.add(row)
