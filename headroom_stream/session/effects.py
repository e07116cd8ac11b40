"""What an event causes, as values: the shells carry it out."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from headroom_stream.errors import RejectedEventError
from headroom_stream.events import ContextBatch, DeadMetric, Metric
from headroom_stream.session.state import Head, Position, Segment, Session

MAX_ERROR_CHARS = 400
"""Messages quote what they refuse, which may be as long as the event; a header beside that event must not outgrow a record."""


class Dead(Struct, frozen=True):
    """Why an event was refused."""

    stage: str
    error: str


class Effects(Struct, frozen=True, kw_only=True):
    """What to send and what to write. Segments are written before the head, and removed after it."""

    context: ContextBatch | None = None
    metrics: tuple[Metric, ...] = ()
    dead: Dead | None = None
    head: Head | None = None
    """To write; None: as it was."""
    segments: tuple[Segment, ...] = ()
    """To write."""
    removed: tuple[int, ...] = ()
    """Numbers of segments to delete."""


class Folded(Struct, frozen=True):
    """The next state of the session, None when it has none, and the effects."""

    session: Session | None
    effects: Effects


def refusal(error: RejectedEventError, at: Position, time: datetime, *, session_id: str = "", tenant: str = "") -> Effects:
    """The effects of refusing an event: a dead letter, and a row that counts it."""
    text = str(error)
    if len(text) > MAX_ERROR_CHARS:
        text = text[: MAX_ERROR_CHARS - 1] + "…"
    metric = DeadMetric(
        topic=at.topic,
        partition=at.partition,
        offset=at.offset,
        event_time=time,
        stage=error.stage,
        error=text,
        session_id=session_id,
        tenant=tenant,
    )
    return Effects(dead=Dead(error.stage, text), metrics=(metric,))


def wiped(session: Session, at: Position) -> Folded:
    """A session whose content is gone.

    Its position stays for a while: without it, events from before the end that are read again after a crash would be folded on nothing.
    All segment numbers that it ever used go, not only those that stand: a worker that died amid a rewrite leaves some that no head names.
    """
    head = Head(at=at, closed=True, next_segment=session.head.next_segment)
    return Folded(Session(head), Effects(head=head, removed=tuple(range(1, head.next_segment))))
