"""Rewrites of history: what a full history shows as changed, and what the token budget forces out.

Segments that stand are never overwritten: what a rewrite keeps in part gets new numbers, and the head, written last, says which
segments stand in which order. A worker that dies in between leaves the old head with the old segments.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
from msgspec import Raw, Struct, structs

from headroom_stream.config import Policy
from headroom_stream.events import OriginalMetric
from headroom_stream.messages import digest, user_message, view
from headroom_stream.session.intake import answer
from headroom_stream.session.resolve import resolved
from headroom_stream.session.state import Head, OpenCall, Segment, Stored, chain
from headroom_stream.tokens import PER_CONTEXT, Tokenizer, count_message
from headroom_stream.transforms.outputs import reference
from headroom_stream.transforms.window import cut, opening

MAX_SPANS = 16
"""Ranges of segments that a head lists. A session rewritten more often has its messages gathered into one segment, to keep heads small."""

MARKER_TOKENS = 48
"""Room for the marker, whose own size shows only when it is known what goes: with two seven-digit numbers it takes 37."""
ORIGINAL_BYTES = 4 * 1024 * 1024
"""Of messages in one original: as text in JSON they may take twice as much, and a record has to hold them."""


def spans(segments: Iterable[Segment]) -> tuple[tuple[int, int], ...]:
    """The numbers of segments in order, as ranges."""
    out: list[tuple[int, int]] = []
    for segment in segments:
        if out and out[-1][1] + 1 == segment.n:
            out[-1] = (out[-1][0], segment.n)
        else:
            out.append((segment.n, segment.n))
    return tuple(out)


def appended(ranges: tuple[tuple[int, int], ...], n: int) -> tuple[tuple[int, int], ...]:
    """The ranges with one more segment at their end."""
    if ranges and ranges[-1][1] + 1 == n:
        return (*ranges[:-1], (ranges[-1][0], n))
    return (*ranges, (n, n))


def difference(before: Iterable[Segment], after: Iterable[Segment]) -> tuple[tuple[Segment, ...], tuple[int, ...]]:
    """Segments to write, and numbers of segments to delete."""
    old, new = {s.n for s in before}, {s.n: s for s in after}
    return tuple(s for n, s in new.items() if n not in old), tuple(sorted(old - new.keys()))


def gathered(head: Head, segments: tuple[Segment, ...]) -> tuple[Head, tuple[Segment, ...]]:
    """The segments, or one with all their messages where they lie in too many ranges; and the head that lists them."""
    ranges = spans(segments)
    if len(ranges) > MAX_SPANS:
        segments = (Segment(head.next_segment, tuple(m for s in segments for m in s.messages)),)
        head, ranges = structs.replace(head, next_segment=head.next_segment + 1), spans(segments)
    return structs.replace(head, segments=ranges), segments


class Standing(Struct, frozen=True):
    """How much of a session a full history confirms."""

    known: int
    """Messages of the history that the session has already."""
    segments: tuple[Segment, ...]
    """Those that stand."""
    changed: bool


def compare(head: Head, segments: tuple[Segment, ...], history: Sequence[Raw]) -> Standing:
    """Find what is new in a full history: all past what came before, if that is unchanged, else all past the last segment that is.

    What a window dropped can't be compared any more; then the session starts over from the history given.
    """
    digests = [digest(raw) for raw in history[: head.received]]
    if len(digests) == head.received and chain("", (d.encode() for d in digests)) == head.received_hash:
        return Standing(head.received, segments, changed=False)
    if head.dropped:
        return Standing(0, (), changed=True)
    known, kept = 0, 0
    for segment in segments:
        own = [m.digest for m in segment.messages]
        if digests[known : known + len(own)] != own:
            break
        known, kept = known + len(own), kept + 1
    return Standing(known, segments[:kept], changed=True)


def rewound(head: Head, kept: tuple[Segment, ...]) -> Head:
    """The head as if the session had ended with `kept`. Epoch, turn and counters go on."""
    messages = [m for s in kept for m in s.messages]
    open_calls: tuple[OpenCall, ...] = ()
    for i, message in enumerate(messages):
        _, open_calls = answer(open_calls, view(message.body), i)
    after = sum(m.after for m in messages)
    before = sum(m.before for m in messages)
    standing = min(head.standing, len(messages))
    return structs.replace(
        head,
        shaped=head.shaped and bool(kept),
        received=len(messages),
        received_hash=chain("", (m.digest.encode() for m in messages)),
        tokens_before=before,
        tokens_after=after,
        bytes=sum(len(bytes(m.body)) for m in messages),
        prefix_hash=chain("", (bytes(m.body) for m in messages)),
        open_calls=open_calls,
        outputs=next((m.output - 1 + len(view(m.body).outputs) for m in reversed(messages) if m.output), 0),
        dropped=0,
        standing=standing,
        standing_before=sum(m.before for m in messages[:standing]),
        standing_after=sum(m.after for m in messages[:standing]),
    )


class Fitted(Struct, frozen=True):
    """A session whose oldest rounds were left out."""

    head: Head
    segments: tuple[Segment, ...]
    originals: tuple[OriginalMetric, ...]


def fit_window(
    head: Head, segments: tuple[Segment, ...], policy: Policy, tokenizer: Tokenizer, *, session_id: str, time: datetime
) -> Fitted | None:
    """Leave out the oldest rounds where the context exceeds its budget. None: it fits, or nothing can go.

    What stays and refers to what goes is written out again, so that a second cut may follow the first.
    """
    fitted: Fitted | None = None
    originals: tuple[OriginalMetric, ...] = ()
    while (step := _fit_once(head, segments, policy, tokenizer, session_id=session_id, time=time)) is not None:
        head, segments, originals = step.head, step.segments, (*originals, *step.originals)
        fitted = structs.replace(step, originals=originals)
    return fitted


def _fit_once(
    head: Head, segments: tuple[Segment, ...], policy: Policy, tokenizer: Tokenizer, *, session_id: str, time: datetime
) -> Fitted | None:
    """One cut.

    A marker stands in their place and says what is missing. A marker of an earlier rewrite goes with them, into the original that the
    new one names, so that one marker stands and everything can be found from it. The user's latest message stays, wherever it is.
    """
    config = policy.window
    if config.max_tokens is None or PER_CONTEXT + head.tokens_after <= config.max_tokens:
        return None
    messages = [m for s in segments for m in s.messages]
    asked = max((i for i, m in enumerate(messages) if m.role == "user" and m.digest), default=0)
    reserve = MARKER_TOKENS + (messages[asked].after if asked >= opening(messages) else 0)
    dropped = cut(messages, PER_CONTEXT + head.tokens_after, config, reserve=reserve, frozen=policy.frozen_messages)
    if dropped is None:
        return None
    first, end = dropped
    # With the question that it stands before: else each cut would leave a marker and a question behind, until nothing else fits.
    first = next((i for i in range(min(first, policy.frozen_messages), first) if not messages[i].digest), first)
    question = (messages[asked],) if first <= asked < end else ()
    gone = [m for i, m in enumerate(messages) if first <= i < end and i != asked]
    originals = _originals(gone, head.tenant, session_id, time)
    refs = tuple(o.ref for o in originals)
    count = head.dropped + sum(bool(m.digest) for m in gone)
    text = f"[{count} earlier messages left out to fit {config.max_tokens} tokens, original {' '.join(refs)}]"
    body = user_message(text, head.provider or "openai")
    cost = count_message(view(body), tokenizer)
    marker = Stored(body=body, role="user", before=0, after=cost, refs=refs, kinds=("window",))
    number, kept = _without(segments, first, end, (marker, *question), head.next_segment)
    number, kept = resolved(kept, gone, tokenizer, number)
    now = [m for s in kept for m in s.messages]
    standing = min(head.standing, first)
    head = structs.replace(
        head,
        next_segment=number,
        tokens_after=sum(m.after for m in now),
        bytes=sum(len(bytes(m.body)) for m in now),
        prefix_hash=chain("", (bytes(m.body) for m in now)),
        dropped=count,
        standing=standing,
        standing_after=sum(m.after for m in now[:standing]),
    )
    return Fitted(head, kept, originals)


def _without(
    segments: tuple[Segment, ...], first: int, end: int, instead: tuple[Stored, ...], number: int
) -> tuple[int, tuple[Segment, ...]]:
    """The segments with `instead` in place of the messages from `first` to `end`, and the next free number.

    Segments that lose nothing stand as they are; what is left of the others gets numbers from `number` on.
    """
    kept: list[Segment] = []
    index, placed = 0, False
    for segment in segments:
        stop = index + len(segment.messages)
        if not placed and stop > first:
            kept.append(Segment(number, (*segment.messages[: first - index], *instead)))
            number, placed = number + 1, True
        if stop <= first or index >= end:
            kept.append(segment)
        elif stop > end:
            kept.append(Segment(number, segment.messages[end - index :]))
            number += 1
        index = stop
    return number, tuple(kept)


def _originals(gone: Sequence[Stored], tenant: str, session_id: str, time: datetime) -> tuple[OriginalMetric, ...]:
    """The messages as JSON lists, of a size that fits a record."""
    parts: list[list[Stored]] = [[]]
    size = 0
    for message in gone:
        size += len(bytes(message.body))
        if parts[-1] and size > ORIGINAL_BYTES:
            parts.append([])
            size = len(bytes(message.body))
        parts[-1].append(message)
    out = []
    for part in parts:
        content = msgspec.json.encode([m.body for m in part]).decode()
        ref = reference(tenant, session_id, content)
        tokens = sum(m.after for m in part)
        out.append(
            OriginalMetric(
                ref=ref, session_id=session_id, event_time=time, content=content, tenant=tenant, kind="window", tokens=tokens
            )
        )
    return tuple(out)
