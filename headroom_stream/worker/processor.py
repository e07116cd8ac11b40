"""Folds the records of a partition: bytes in, bytes out. No broker, no clock, no Faust.

The processor reads stored state through a function, keeps decoded sessions at hand, and says in a `Batch` what is to be sent and
written. Whoever runs it carries that out in the order that `checkpoint` fixes.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec
from msgspec import Struct, field, structs

from headroom_stream.config import Settings
from headroom_stream.errors import HeadroomError, RejectedEventError
from headroom_stream.events import DeadLetter, EraseMetric, TurnEvent, decode_turn, encode
from headroom_stream.pricing.cost import NO_PRICES, PriceTable
from headroom_stream.session.cache import SessionCache
from headroom_stream.session.effects import Effects, Folded, refusal, wiped
from headroom_stream.session.fold import fold
from headroom_stream.session.state import (
    Head,
    Position,
    Session,
    decode_head,
    encode_state,
    head_key,
    load_session,
    segment_key,
    session_of,
)
from headroom_stream.tokens import Tokenizer

CLOSED_MARK = b'"closed":true'

log = logging.getLogger(__name__)

LAST_TIMESTAMP = 7_258_118_399_000
"""The last second of the year 2199. A producer that counts microseconds writes later ones, which no calendar or column has."""

Headers = tuple[tuple[str, bytes], ...]


class Record(Struct, frozen=True, kw_only=True):
    """A record of the turns topic."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    """Milliseconds since the epoch."""
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class Outgoing(Struct, frozen=True, kw_only=True):
    """A record to send."""

    topic: str
    key: bytes | None
    value: bytes | None
    timestamp: int
    headers: Headers = ()


class Batch(Struct):
    """What a run of records of one partition causes."""

    outgoing: list[Outgoing] = field(default_factory=list)
    writes: dict[bytes, bytes | None] = field(default_factory=dict)
    """State to write, in this order; None deletes."""
    bytes: int = 0
    """Of all that goes out: what bounds a batch."""
    folded: int = 0
    skipped: int = 0
    """Records that had been delivered before."""
    dead: int = 0


Read = Callable[[bytes], bytes | None]


class Processor:
    """Folds records, one at a time, in the order of their partition.

    `read` gives the stored bytes of a table key. Sessions are cached up to `settings.worker.cache_bytes`; call `forget` when partitions
    move, since another worker may have written in between.
    """

    def __init__(self, settings: Settings, tokenizer: Tokenizer, prices: PriceTable = NO_PRICES) -> None:
        self._settings = settings
        self._tokenizer = tokenizer
        self._prices = prices
        self._sessions = SessionCache(settings.worker.cache_bytes)
        self._closed: dict[str, Head] = {}

    def forget(self) -> None:
        """Drop all that is known of sessions."""
        self._sessions.clear()
        self._closed.clear()

    def adopt(self, key: bytes, value: bytes) -> None:
        """Take note of a stored head: one of a closed session has to be removed some day."""
        # Within a JSON string the quotes would be escaped: most heads are told apart without being decoded.
        if CLOSED_MARK in value:
            self._closed[session_of(key)] = decode_head(value)

    def expired(self, partition: int, committed: int) -> Batch:
        """What to delete of closed sessions whose events can't be read again, since the group has committed offsets behind them."""
        batch = Batch()
        over = [s for s, head in self._closed.items() if head.at.partition == partition and head.at.offset < committed]
        for session_id in over:
            head = self._closed.pop(session_id)
            self._remember(session_id, None)
            # Once more: a worker that died while it deleted them has left some.
            for n in range(1, head.next_segment):
                batch.writes[segment_key(session_id, n)] = None
            batch.writes[head_key(session_id)] = None
        return batch

    def process(self, records: Sequence[Record], read: Read) -> Batch:
        """Fold all of `records` into one batch."""
        batch = Batch()
        for record in records:
            self.apply(record, batch, read)
        return batch

    def apply(self, record: Record, batch: Batch, read: Read) -> None:
        """Fold one record; its effects are added to `batch`, whose writes count as stored already."""
        at = Position(record.topic, record.partition, record.offset)
        time = datetime.fromtimestamp(min(max(record.timestamp, 0), LAST_TIMESTAMP) / 1000, UTC)
        try:
            event = self._decode(record)
        except RejectedEventError as error:
            self._send(record, refusal(error, at, time), batch, session_id="")
            return
        session_id = event.session_id if isinstance(event, TurnEvent) else event
        session = self._load(session_id, batch, read)
        if session is not None and _applied(session.head.at, at):
            batch.skipped += 1
            return
        if isinstance(event, TurnEvent):
            folded = self._fold(session, event, at, time)
        else:
            erased = EraseMetric(session_id=session_id, event_time=time)
            folded = wiped(session, at) if session else Folded(None, Effects())
            folded = structs.replace(folded, effects=structs.replace(folded.effects, metrics=(erased,)))
        batch.folded += 1
        self._write(session_id, folded.effects, batch)
        self._send(record, folded.effects, batch, session_id=session_id)
        self._remember(session_id, folded.session)

    def _decode(self, record: Record) -> TurnEvent | str:
        """The event of a record, or the id of the session that a null value erases."""
        if record.value is None:
            if record.key is None:
                raise RejectedEventError("schema", "a null value without a key names no session")
            return _text(record.key)
        limit = self._settings.policy.limits.event_bytes
        if len(record.value) > limit:
            raise RejectedEventError("size", f"an event of {len(record.value)} bytes, {limit} are allowed")
        try:
            event = decode_turn(record.value)
        except msgspec.ValidationError as error:
            raise RejectedEventError("schema", str(error)) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise RejectedEventError("decode", f"not JSON that can be read: {error}") from error
        if record.key is None or _text(record.key) != event.session_id:
            # Another key is another partition: two workers would hold the session, each with half of its turns.
            raise RejectedEventError("schema", "the record's key is not the event's session_id")
        if event.traceparent is None:
            # Kafka allows a header without a value, whatever the type says.
            found = {k: v for k, v in record.headers if k in ("traceparent", "tracestate") and v is not None}
            if "traceparent" in found:
                state = found.get("tracestate")
                event = structs.replace(event, traceparent=_text(found["traceparent"]), tracestate=_text(state) if state else None)
        return event

    def _fold(self, session: Session | None, event: TurnEvent, at: Position, time: datetime) -> Folded:
        try:
            return fold(session, event, self._settings.policy, at=at, time=time, tokenizer=self._tokenizer, prices=self._prices)
        except HeadroomError:
            raise
        except Exception as error:  # noqa: BLE001 - the fold is pure: it would fail for this event after every restart, and all behind it would wait
            # Where, not what: an exception's own text may quote a message.
            trace = "".join(traceback.format_tb(error.__traceback__))
            log.error("%s in the fold of %s/%d at %d\n%s", type(error).__name__, at.topic, at.partition, at.offset, trace)  # noqa: TRY400
            rejected = RejectedEventError("fault", f"{type(error).__name__} in the fold")
            return Folded(session, refusal(rejected, at, time, session_id=event.session_id, tenant=event.tenant))

    def _load(self, session_id: str, batch: Batch, read: Read) -> Session | None:
        cached = self._sessions.get(session_id)
        if cached is not None:
            return cached

        def get(key: bytes) -> bytes | None:
            return batch.writes[key] if key in batch.writes else read(key)

        return load_session(session_id, get)

    def _remember(self, session_id: str, session: Session | None) -> None:
        self._sessions.drop(session_id)
        self._closed.pop(session_id, None)
        if session is None:
            return
        if session.head.closed:
            self._closed[session_id] = session.head
        self._sessions.put(session_id, session)

    def _write(self, session_id: str, effects: Effects, batch: Batch) -> None:
        """Segments, then the head, then what it no longer names: a reader at any point sees a whole session."""
        writes: list[tuple[bytes, bytes | None]] = [(segment_key(session_id, s.n), encode_state(s)) for s in effects.segments]
        if effects.head is not None:
            writes.append((head_key(session_id), encode_state(effects.head)))
        writes += [(segment_key(session_id, n), None) for n in effects.removed]
        for key, value in writes:
            # Taken out first, so that the last write of a key stands behind the segments it needs.
            batch.writes.pop(key, None)
            batch.writes[key] = value
            batch.bytes += len(value or b"")

    def _send(self, record: Record, effects: Effects, batch: Batch, *, session_id: str) -> None:
        kafka = self._settings.kafka
        key = session_id.encode() or record.key
        if effects.context is not None:
            context = effects.context
            headers: Headers = (("traceparent", context.traceparent.encode()),) if context.traceparent else ()
            self._out(batch, kafka.contexts, key, encode(context), record.timestamp, headers)
        for metric in effects.metrics:
            self._out(batch, kafka.metrics, key, encode(metric), record.timestamp)
        if effects.dead is not None:
            batch.dead += 1
            letter = DeadLetter(
                topic=record.topic,
                partition=record.partition,
                offset=record.offset,
                timestamp=record.timestamp,
                stage=effects.dead.stage,
                error=effects.dead.error,
                attempt=_attempt(record.headers),
            )
            self._out(batch, kafka.dead, record.key, record.value, record.timestamp, (*record.headers, *letter.to_headers()))

    def _out(self, batch: Batch, topic: str, key: bytes | None, value: bytes | None, timestamp: int, headers: Headers = ()) -> None:
        batch.outgoing.append(Outgoing(topic=topic, key=key, value=value, timestamp=timestamp, headers=headers))
        batch.bytes += len(value or b"")


def _applied(last: Position, at: Position) -> bool:
    return (last.topic, last.partition) == (at.topic, at.partition) and at.offset <= last.offset


def _text(data: bytes) -> str:
    return data.decode(errors="replace")


def _attempt(headers: Headers) -> int:
    """One more than the attempt that a replayed dead letter carries."""
    before = next((v for k, v in reversed(headers) if k == "headroom.attempt"), None) or b"0"
    # Anyone can write headers: Python refuses to read numbers of thousands of digits.
    return int(before) + 1 if before.isdigit() and len(before) < 10 else 1
