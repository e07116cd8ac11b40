"""Takes the messages of an event into a session: compressed, counted, and with the token budget kept."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from msgspec import Raw, Struct, structs

from headroom_stream.config import Policy, WindowConfig
from headroom_stream.errors import RejectedEventError
from headroom_stream.events import OriginalMetric, Provider, TurnEvent
from headroom_stream.learning import Learning, UsageStats
from headroom_stream.messages import View, detect_provider, view
from headroom_stream.pricing.usage import normalise_usage
from headroom_stream.references import Shown
from headroom_stream.session.given import Given
from headroom_stream.session.intake import Arrival, Intake, said
from headroom_stream.session.memory import Memory
from headroom_stream.session.rewrite import fit_window
from headroom_stream.session.state import QUESTION_CHARS, RECENT_EVENTS, Head, Segment, chain, outputs
from headroom_stream.session.use import learnt_from
from headroom_stream.tokens import PER_CONTEXT

TIGHTER = (8_000, 4_000, 2_000, 1_000, 500, 250, 120, 60)
"""Tokens that new outputs are cut to, one after the other, where what must stay exceeds the budget: an answer that is short is worth more
than a call that the provider refuses."""


class New(Struct, frozen=True):
    """What an event adds, and what it adds to."""

    raws: Sequence[Raw]
    views: Sequence[View]
    base: Head
    segments: tuple[Segment, ...]


class Taken(Struct, frozen=True):
    """A session with an event's messages in it, its budget kept as far as it can be."""

    arrival: Arrival
    head: Head
    segments: tuple[Segment, ...]
    memory: Memory
    originals: tuple[OriginalMetric, ...]
    known: UsageStats
    """What was learnt of the use of outputs before."""
    cut: bool
    """Whether old rounds were left out."""

    def over(self, window: WindowConfig) -> bool:
        """Whether what must stay exceeds the budget."""
        return window.max_tokens is not None and PER_CONTEXT + self.head.tokens_after > window.max_tokens


def take(new: New, given: Given, memory: Memory) -> Taken:
    """The session with what is new. Raises RejectedEventError where a provider would refuse the conversation.

    Where the new messages exceed the token budget by themselves, their tool outputs are cut until it is kept, if the policy lets them.
    """
    policy = given.policy
    taken = _take(new, given, policy, memory)
    if policy.lossy and any(one.outputs for one in new.views):
        for tokens in TIGHTER:
            if not taken.over(policy.window):
                break
            if policy.output_tokens is None or policy.output_tokens > tokens:
                # The index that the try before extended is of no use any more: it is built from the segments again.
                taken = _take(new, given, structs.replace(policy, output_tokens=tokens), Memory())
    return taken


def _take(new: New, given: Given, policy: Policy, memory: Memory) -> Taken:
    event, base, segments = given.event, new.base, new.segments
    question = _question(new.views, base.question)
    intake = Intake(
        session_id=event.session_id,
        tenant=event.tenant or base.tenant,
        time=given.time,
        query=event.query or question,
        intent=_intent(segments) if any(one.outputs for one in new.views) else "",
        policy=policy,
        tokenizer=given.tokenizer,
        frozen=max(0, policy.frozen_messages - base.received),
    )
    shown, learning = _recalled(memory, new.views, segments, policy)
    arrival = intake.receive(new.raws, new.views, base.open_calls, outputs=base.outputs, shown=shown, learning=learning)
    head = _advanced(base, given, arrival, question, _provider(event, new.views, base))
    if arrival.stored:
        segments = (*segments, Segment(head.next_segment, arrival.stored))
        head = structs.replace(head, next_segment=head.next_segment + 1)
    fitted = fit_window(head, segments, policy, given.tokenizer, session_id=event.session_id, time=given.time)
    originals = arrival.originals
    if fitted is not None:
        head, segments, originals = fitted.head, fitted.segments, (*originals, *fitted.originals)
    known = learning.stats if learning else UsageStats()
    return Taken(arrival, head, segments, Memory(shown, arrival.learning), originals, known, fitted is not None)


def _recalled(
    memory: Memory, views: Sequence[View], segments: tuple[Segment, ...], policy: Policy
) -> tuple[Shown | None, Learning | None]:
    """What can be pointed at and what was learnt, as far as new messages extend it; else what the memory holds, for the next turn."""
    shown, learning = None, memory.learning
    if not any(one.outputs for one in views):
        shown = memory.handed_over()
    elif policy.references.enabled:
        shown = memory.recall(partial(outputs, segments), policy.references.max_chars)
    if any(one.outputs or one.role == "assistant" for one in views):
        learning = memory.learnt(partial(learnt_from, segments)) if policy.learning.enabled else None
    return shown, learning


def _question(views: Sequence[View], before: str) -> str:
    """What the agent was asked last."""
    asked = [text for one in views if one.role == "user" for text in one.texts]
    return asked[-1][:QUESTION_CHARS] if asked else before


def _intent(segments: Sequence[Segment]) -> str:
    """What the agent said last. Its calls stand right before the results that wait for them, so that a look at the end suffices."""
    for segment in reversed(segments[-2:]):
        for message in reversed(segment.messages):
            if message.role == "assistant":
                return said(view(message.body))
    return ""


def _provider(event: TurnEvent, views: Sequence[View], base: Head) -> tuple[Provider, bool]:
    """The event's word, else the shape of the messages, else what the session had, else the model's name, else OpenAI's.

    And whether that is known or only guessed: once known it stays, since no provider takes a conversation of two shapes.
    """
    known = {p for p in (event.provider, detect_provider(views), base.provider if base.shaped else None) if p}
    if len(known) > 1:
        raise RejectedEventError("messages", f"messages of more than one provider's shape: {', '.join(sorted(known))}")
    if known:
        return known.pop(), True
    return base.provider or detect_provider(views, event.model) or "openai", False


def _advanced(base: Head, given: Given, arrival: Arrival, question: str, provider: tuple[Provider, bool]) -> Head:
    event = given.event
    bodies = [bytes(m.body) for m in arrival.stored]
    return structs.replace(
        base,
        at=given.at,
        tenant=event.tenant or base.tenant,
        model=event.model or base.model,
        provider=provider[0],
        shaped=provider[1],
        turn=base.turn + 1 if event.turn is None else event.turn,
        recent=recent(base, given),
        received=base.received + len(arrival.stored),
        received_hash=chain(base.received_hash, (m.digest.encode() for m in arrival.stored)),
        tokens_before=base.tokens_before + sum(m.before for m in arrival.stored),
        tokens_after=base.tokens_after + sum(m.after for m in arrival.stored),
        bytes=base.bytes + sum(map(len, bodies)),
        prefix_hash=chain(base.prefix_hash, bodies),
        open_calls=arrival.open_calls,
        outputs=arrival.outputs,
        question=question,
        usage=normalise_usage(event.usage) if event.usage else base.usage,
        last_event_time=given.time,
    )


def recent(head: Head, given: Given) -> tuple[str, ...]:
    """The ids of the latest events, this one at their end."""
    # A repeated id moves to the end: counted again, a storm of one event's repeats would push all others out.
    others = [known for known in head.recent if known != given.event_id]
    return (*others[-(RECENT_EVENTS - 1) :], given.event_id)
