"""What a process does with jobs. It holds sessions and is used by one thread."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
from msgspec import structs

from headroom_stream.engine import Compressor, Originals, Sessions
from headroom_stream.errors import ConfigurationError, HeadroomError, RejectedEventError, ValidationError
from headroom_stream.events import OriginalMetric, UsageMetric
from headroom_stream.gateway import compressing, forwarding
from headroom_stream.gateway.answers import FoundPassage, Used
from headroom_stream.gateway.counting import Work
from headroom_stream.gateway.jobs import Done, Job, Memory, Setup, refused
from headroom_stream.gateway.prompts import Prompts
from headroom_stream.gateway.requests import UsageRequest
from headroom_stream.retrieval import passages
from headroom_stream.tokenizers import load_tokenizer

log = logging.getLogger(__name__)

MAX_PASSAGES = 2_000
"""Tokens of the passages that a search within an original brings back."""
TIDY_JOBS, TIDY_BYTES = 64, 4 * 2**20
"""Of a tenant, after which what is known of sessions that are gone is let go: each holds the context that was sent, so that after jobs
alone it could be 64 times the largest body."""


class Tenant:
    """One tenant's sessions in this process."""

    def __init__(self, setup: Setup, now: Callable[[], datetime]) -> None:
        # An answer is always whole, whatever the workers of the stream send.
        policy = structs.replace(setup.policy, emit="full")
        sessions = Sessions(policy, max_bytes=setup.cache_bytes, now=now)
        # Originals go to the server's process, which outlives this one.
        self.compressor = Compressor(sessions, originals=Originals(max_bytes=0))
        self.prompts = Prompts(sessions.tokenizer)
        self._jobs = self._bytes = 0

    def did(self, job: Job) -> None:
        """A job is done: from time to time what nobody needs any more goes."""
        self._jobs, self._bytes = self._jobs + 1, self._bytes + len(job.body)
        if self._jobs >= TIDY_JOBS or self._bytes >= TIDY_BYTES:
            self._jobs = self._bytes = 0
            self.compressor.tidy()


class Desk:
    """Does jobs. `now` gives the time of turns."""

    def __init__(self, setup: Setup, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._setup = setup
        self._now = now
        self._tenants: dict[str, Tenant] = {}
        load_tokenizer().count("The first text takes a while.")

    def do(self, job: Job) -> Done:
        """What comes of a job. Errors are answers too: whatever a request holds, the next one is served."""
        tenant = self._tenants.get(job.tenant)
        if tenant is None:
            tenant = self._tenants[job.tenant] = Tenant(self._setup, self._now)
        began = time.perf_counter()
        try:
            done = self._do(job, tenant)
        except (msgspec.ValidationError, ConfigurationError, ValidationError) as error:
            done = refused(job, 400, "invalid_request", _said(error))
        except (msgspec.DecodeError, UnicodeError) as error:
            done = refused(job, 400, "invalid_request", f"the body is not JSON: {error}")
        except RecursionError:
            done = refused(job, 400, "invalid_request", "the body is nested too deeply")
        except Exception as error:  # a fault of ours must not take down the sessions of others
            log.exception("a %s job failed", job.kind)
            done = refused(job, 500, "internal_error", f"{type(error).__name__} while compressing; the log says more")
        tenant.did(job)
        if done.row is not None:
            done = structs.replace(done, row=structs.replace(done.row, latency_ms=1000 * (time.perf_counter() - began)))
        return structs.replace(done, memory=self.memory)

    @property
    def memory(self) -> Memory:
        """What this process holds."""
        all_sessions = [tenant.compressor.sessions for tenant in self._tenants.values()]
        return Memory(sessions=sum(s.count for s in all_sessions), bytes=sum(s.bytes for s in all_sessions))

    def _do(self, job: Job, tenant: Tenant) -> Done:
        match job.kind:
            case "compress":
                return _done(job, *compressing.compress(job, tenant.compressor, tenant.prompts, self._now()))
            case "openai" | "anthropic":
                return _done(job, *forwarding.prepare(job, job.kind, tenant.compressor, tenant.prompts, self._now()))
            case "usage":
                return _usage(job, tenant.compressor)
            case "passages":
                return _passages(job, tenant.compressor)
            case "clear":
                tenant.compressor.sessions.forget()
                tenant.compressor.tidy()
                tenant.prompts.clear()
        return Done(id=job.id)


def _done(job: Job, body: bytes, work: Work) -> Done:
    metrics = work.prepared.reply.metrics if work.prepared is not None else ()
    after = {row.ref: row.tokens_after for row in work.decisions if row.ref}
    return Done(
        id=job.id,
        body=body,
        row=work.row,
        decisions=work.decisions,
        originals=[(row, after.get(row.ref, 0)) for row in metrics if isinstance(row, OriginalMetric)],
        # Sessions that stay as they were learn nothing: the same would be taught again.
        taught=[row for row in metrics if isinstance(row, UsageMetric)] if work.row.mode != "simulate" else [],
        simulated=work.row.mode == "simulate",
    )


def _usage(job: Job, compressor: Compressor) -> Done:
    request = msgspec.json.decode(job.body, type=UsageRequest)
    known = compressor.sessions.knows(request.session_id)
    if known:
        compressor.report(request.session_id, request.usage)
    answer = Used(request.session_id, compressor.sessions.standing(request.session_id), known)
    return Done(id=job.id, body=msgspec.json.encode(answer))


def _passages(job: Job, compressor: Compressor) -> Done:
    found = passages(job.body.decode(), job.query, max_tokens=MAX_PASSAGES, count=compressor.sessions.tokenizer.count)
    results = [FoundPassage(one.text, one.start_line, one.end_line, one.score) for one in found]
    return Done(id=job.id, body=msgspec.json.encode(results))


def _said(error: Exception) -> str:
    if isinstance(error, RejectedEventError) and error.stage == "policy":
        return error.message
    return error.message if isinstance(error, HeadroomError) else str(error)
