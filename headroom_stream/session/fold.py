"""`fold(session, event, policy) -> (session', effects)`: the pure heart. Everything else carries out what it says.

No I/O, clock, environment or chance: time comes from the event, tokenizer and prices are values that are handed in. The same events
under the same policy give the same bytes, in any process.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import lru_cache

import msgspec
from msgspec import structs

from headroom_stream.config import LimitsConfig, Policy, override, policy_version
from headroom_stream.errors import ConfigurationError, RejectedEventError
from headroom_stream.events import SCHEMA_VERSION, ContextBatch, Outcome, Reference, TurnEvent
from headroom_stream.messages import view
from headroom_stream.pricing.cost import NO_PRICES, PriceTable
from headroom_stream.pricing.usage import normalise_usage
from headroom_stream.session.effects import Effects, Folded, refusal, wiped
from headroom_stream.session.given import Given
from headroom_stream.session.memory import Memory
from headroom_stream.session.rewrite import appended, compare, difference, gathered, rewound
from headroom_stream.session.rows import decision_rows, note_row, turn_row, usage_rows
from headroom_stream.session.state import Head, Position, Segment, Session
from headroom_stream.session.take import New, recent, take
from headroom_stream.tokens import PER_CONTEXT, Tokenizer

MAX_BREAKPOINTS = 4
"""Anthropic refuses a request with more."""
YEARS = range(1970, 2200)
"""What ClickHouse's DateTime64 can hold, with room at its end: a later time would be kept as another."""


def fold(
    session: Session | None,
    event: TurnEvent,
    policy: Policy,
    *,
    at: Position,
    time: datetime,
    tokenizer: Tokenizer,
    prices: PriceTable = NO_PRICES,
) -> Folded:
    """Apply one event to a session.

    `at` is where the record lies and `time` when it was written, for events that bring no id or time of their own. An event that
    can't be applied changes nothing and comes back as a dead letter. Events at or below the session's position must not be passed:
    they were applied.
    """
    when = event.event_time or time
    try:
        _check_event(event, when)
        if event.policy:
            policy = _override(policy, msgspec.json.encode(event.policy))
        version = policy_version(policy)
        event_id = event.event_id or f"{at.topic}-{at.partition}-{at.offset}"
        given = Given(
            event=event,
            event_id=event_id,
            output_id=output_id(event.session_id, event_id, version),
            policy=policy,
            policy_version=version,
            at=at,
            time=when,
            tokenizer=tokenizer,
            prices=prices,
        )
        return _apply(session, given)
    except ConfigurationError as error:
        rejected = RejectedEventError("policy", str(error))
    except RejectedEventError as error:
        rejected = error
    return Folded(session, refusal(rejected, at, when, session_id=event.session_id, tenant=event.tenant))


def _check_event(event: TurnEvent, time: datetime) -> None:
    if event.schema_version > SCHEMA_VERSION:
        raise RejectedEventError("schema", f"schema_version {event.schema_version} is not known here, {SCHEMA_VERSION} is")
    if time.year not in YEARS:
        raise RejectedEventError("schema", f"event_time is in the year {time.year}")
    if event.policy and "limits" in event.policy:
        raise RejectedEventError("policy", "a turn can't override the limits")


def output_id(session_id: str, event_id: str, version: str) -> str:
    """Name of what an event gives under a policy: 32 hex digits, the same in every delivery."""
    return hashlib.blake2b(f"{session_id}\0{event_id}\0{version}".encode(), digest_size=16).hexdigest()


@lru_cache(maxsize=256)
def _override(policy: Policy, changes: bytes) -> Policy:
    return override(policy, msgspec.json.decode(changes))


def _apply(session: Session | None, given: Given) -> Folded:
    event, head = given.event, _start(session, given)
    if given.event_id in head.recent:
        return _note(session, given, "duplicate")
    if event.turn is not None and event.turn <= head.turn:
        return _late(session, given)
    if event.messages is not None and event.history is not None:
        raise RejectedEventError("schema", "give either messages or history, not both")
    if event.messages is not None or event.history is not None:
        folded = _turn(session, given)
    elif event.close:
        folded = _note(session, given, "closed")
    elif event.usage:
        return _note(session, given, "usage")
    else:
        raise RejectedEventError("schema", "neither messages nor history, usage or close: nothing to apply")
    return _close(folded, given) if event.close else folded


def _start(session: Session | None, given: Given) -> Head:
    """The head to go on from. A session that was closed begins anew, with segment numbers that were never used."""
    if session is None:
        return Head(at=given.at)
    return Head(at=given.at, next_segment=session.head.next_segment) if session.head.closed else session.head


def _note(session: Session | None, given: Given, outcome: Outcome) -> Folded:
    """Count an event that leaves the messages alone."""
    row = note_row(_start(session, given), given, outcome)
    if session is None or session.head.closed:
        return Folded(session, Effects(metrics=(row,)))
    head = structs.replace(session.head, at=given.at, recent=recent(session.head, given))
    if outcome == "usage" and given.event.usage:
        head = structs.replace(head, usage=normalise_usage(given.event.usage))
    return Folded(structs.replace(session, head=head), Effects(head=head, metrics=(row,)))


def _late(session: Session | None, given: Given) -> Folded:
    head = _start(session, given)
    error = RejectedEventError("order", f"turn {given.event.turn} came after turn {head.turn}: late, or out of order")
    effects = refusal(error, given.at, given.time, session_id=given.event.session_id, tenant=given.event.tenant)
    return Folded(session, structs.replace(effects, metrics=(note_row(head, given, "late"), *effects.metrics)))


def _close(folded: Folded, given: Given) -> Folded:
    """The same, with the session's content gone."""
    if folded.effects.dead or folded.session is None or folded.session.head.closed:
        return folded
    gone = wiped(folded.session, given.at)
    return Folded(gone.session, structs.replace(gone.effects, context=folded.effects.context, metrics=folded.effects.metrics))


def _turn(session: Session | None, given: Given) -> Folded:
    event, policy = given.event, given.policy
    previous = _start(session, given)
    base, segments, raws, reason = previous, session.segments if session else (), event.messages, ""
    if raws is None:
        standing = compare(previous, segments, event.history or [])
        raws = (event.history or [])[standing.known :]
        if standing.changed:
            base, segments, reason = rewound(previous, standing.segments), standing.segments, "history changed"
    if not raws and not base.received:
        raise RejectedEventError("messages", "the first turn of a session needs messages")
    views = [view(raw, i) for i, raw in enumerate(raws)]
    memory = session.memory if session and not reason else Memory()
    taken = take(New(raws, views, base, segments), given, memory)
    arrival, head, segments, memory, originals = taken.arrival, taken.head, taken.segments, taken.memory, taken.originals
    if taken.cut:
        reason = reason or "budget"
    if reason:
        memory = Memory()
        head, segments = gathered(structs.replace(head, epoch=head.epoch + 1), segments)
    elif arrival.stored:
        head = structs.replace(head, segments=appended(head.segments, segments[-1].n))
    _check_limits(head, policy.limits)
    row = turn_row(previous, head, given, arrival, reason)
    taught = usage_rows(taken.known, arrival.learning.stats, head, given) if arrival.learning else ()
    metrics = (row, *decision_rows(head, given, arrival), *originals, *taught)
    context = None
    if not head.open_calls:
        # Of calls without results no provider makes a context: they wait for their results.
        context = _context(Session(head, segments), given)
        head = structs.replace(
            head,
            sent_hash=head.prefix_hash,
            standing=context.message_count,
            standing_before=head.tokens_before,
            standing_after=head.tokens_after,
        )
    written: tuple[Segment, ...] = segments[len(segments) - bool(arrival.stored) :]
    removed: tuple[int, ...] = ()
    if reason:
        written, removed = difference(session.segments if session else (), segments)
    effects = Effects(context=context, metrics=metrics, head=head, segments=written, removed=removed)
    return Folded(Session(head, segments, memory), effects)


def _check_limits(head: Head, limits: LimitsConfig) -> None:
    if head.received - head.dropped > limits.session_messages:
        raise RejectedEventError("limit", f"the session has more than {limits.session_messages} messages")
    if head.bytes > limits.session_bytes:
        raise RejectedEventError("limit", f"the session's messages exceed {limits.session_bytes} bytes")


def _context(session: Session, given: Given) -> ContextBatch:
    head, event, policy = session.head, given.event, given.policy
    new = session.since(head.standing)
    start = head.standing if policy.emit == "delta" else 0
    given_messages = new if start else list(session.messages())
    after = PER_CONTEXT + head.tokens_after
    return ContextBatch(
        output_id=given.output_id,
        session_id=event.session_id,
        event_id=given.event_id,
        tenant=head.tenant,
        model=head.model,
        provider=head.provider or "openai",
        turn=head.turn,
        epoch=head.epoch,
        messages=[m.body for m in given_messages],
        messages_from=start,
        message_count=head.sent,
        first_changed_index=head.standing,
        tokens_before=PER_CONTEXT + head.tokens_before,
        tokens_after=after,
        tokenizer=given.tokenizer.name,
        tokens_exact=given.tokenizer.exact_for(head.model),
        prefix_hash=head.prefix_hash,
        parent_hash=head.sent_hash,
        cache_breakpoints=_breakpoints(session),
        references=[
            Reference(ref=ref, message=i, kind=",".join(m.kinds), tokens=m.before)
            for i, m in enumerate(given_messages, start)
            for ref in m.refs
        ],
        transforms=sorted({k for m in new for k in m.kinds}),
        over_budget=policy.window.max_tokens is not None and after > policy.window.max_tokens,
        event_time=given.time,
        traceparent=event.traceparent,
        tracestate=event.tracestate,
    )


def _breakpoints(session: Session) -> list[int]:
    """After which messages a cache breakpoint pays: the instructions, the end of what was sent before, and the end of all."""
    head = session.head
    instructions = next((i for i, m in enumerate(session.messages()) if m.role != "system"), head.sent)
    return sorted({i - 1 for i in (instructions, head.standing, head.sent) if i})[-MAX_BREAKPOINTS:]
