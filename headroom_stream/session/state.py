"""State of a session: a small head, and segments of messages that are only ever appended within an epoch.

A turn writes the head and one new segment, so that the changelog grows with what is new and never with the session. Segments hold the
messages as they are sent, as JSON bytes; a context is put together by joining them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

import msgspec
from msgspec import Raw, Struct, field

from headroom_stream.errors import StateError
from headroom_stream.events import Provider
from headroom_stream.messages import Role, view
from headroom_stream.pricing.usage import Usage
from headroom_stream.references import Mark, Referring
from headroom_stream.session.memory import Memory, Sent

STATE_VERSION = 1
RECENT_EVENTS = 64
"""Ids remembered to find duplicates. A producer's retries lie next to each other; this many covers any batch in flight."""
QUESTION_CHARS = 2_000
"""Of the latest user text, kept to steer what lossy steps keep. The head is rewritten at every turn and has to stay small."""


class Position(Struct, frozen=True):
    """Where a record lies."""

    topic: str
    partition: int
    offset: int


class OpenCall(Struct, frozen=True, array_like=True):
    """A tool call that has not been answered yet."""

    key: str
    name: str


class Pointing(Struct, frozen=True, array_like=True):
    """A tool output of a message that points at earlier ones."""

    slot: int
    marks: tuple[Mark, ...]
    repeats: str
    """Digest of its text before references were put into it, in hex."""


class Stored(Struct, frozen=True, omit_defaults=True):
    """A message as it is sent."""

    body: Raw
    role: Role
    before: int
    """Tokens as it came."""
    after: int
    """Tokens as it is sent."""
    digest: str = ""
    """Of the message as it came; empty for a marker of ours."""
    refs: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    """Of the contents that were compressed in it."""
    output: int = 0
    """Number of its first tool output among those of the session, from 1; 0: it has none."""
    pointing: tuple[Pointing, ...] = ()
    compact: tuple[int, ...] = ()
    """Slots of outputs that are written in the notation of `content.records`. Others may look like it, and must not be read as such: what
    a few characters of it stand for may be of any size."""


class Segment(Struct, frozen=True, omit_defaults=True):
    """The messages that one event added."""

    n: int
    messages: tuple[Stored, ...]
    v: int = STATE_VERSION


class Head(Struct, frozen=True, omit_defaults=True):
    """What a turn needs to know of the session besides its messages. Bounded."""

    at: Position
    """Of the last event applied: one at or below it was delivered and is skipped."""
    v: int = STATE_VERSION
    closed: bool = False
    """All that is left of a session that was closed or erased, until no replay can bring its events again."""
    tenant: str = ""
    model: str = ""
    provider: Provider | None = None
    shaped: bool = False
    """Whether the provider is known, from the event's word or a message's shape; else it is a guess that a later message may change."""
    turn: int = 0
    epoch: int = 0
    recent: tuple[str, ...] = ()
    segments: tuple[tuple[int, int], ...] = ()
    """Numbers of the segments that stand, as ranges, in the order of their messages."""
    next_segment: int = 1
    """No number is used twice: a head never points at a segment of a later rewrite."""
    received: int = 0
    """Messages that came, in all."""
    received_hash: str = ""
    """Chained over the digests of the messages that came: finds what is new in a full history."""
    tokens_before: int = 0
    """Of all messages that came."""
    tokens_after: int = 0
    """Of the messages that are sent."""
    bytes: int = 0
    prefix_hash: str = ""
    """Chained over the bytes of the messages that are sent."""
    open_calls: tuple[OpenCall, ...] = ()
    question: str = ""
    outputs: int = 0
    """Tool outputs that came, in all."""
    dropped: int = 0
    """Messages that the window left out, in all."""
    sent_hash: str = ""
    """`prefix_hash` of the last context that was emitted; empty: none was."""
    standing: int = 0
    """Messages of that context that still stand at its start."""
    standing_before: int = 0
    """Their tokens as they came, with those the window dropped."""
    standing_after: int = 0
    """Their tokens as they are sent."""
    usage: Usage | None = None
    last_event_time: datetime | None = None

    @property
    def sent(self) -> int:
        """Messages of a context: those that came and were not dropped, and the marker for those that were."""
        return self.received - self.dropped + bool(self.dropped)


class Session(Struct, frozen=True):
    """Head and segments together: the whole state of a session."""

    head: Head
    segments: tuple[Segment, ...] = ()
    memory: Memory = field(default_factory=Memory)

    def messages(self) -> Iterator[Stored]:
        """The messages as they are sent, in order."""
        for segment in self.segments:
            yield from segment.messages

    def since(self, index: int) -> list[Stored]:
        """The messages from `index` on. Takes as long as there are such messages, not as the session is long."""
        wanted = self.head.sent - index
        tail: list[Stored] = []
        for segment in reversed(self.segments):
            if len(tail) >= wanted:
                break
            tail[:0] = segment.messages
        return tail[max(0, len(tail) - wanted) :]


def outputs(segments: Iterable[Segment]) -> Iterator[Sent]:
    """The tool outputs of a session, as they are sent."""
    for message in (m for s in segments for m in s.messages if m.output):
        pointing = {p.slot: p for p in message.pointing}
        for slot, output in enumerate(view(message.body).outputs):
            own = pointing.get(slot)
            marks, repeats = (own.marks, bytes.fromhex(own.repeats)) if own else ((), None)
            yield message.output + slot, Referring(output.text, marks), repeats


_SUFFIX = len("/0000000000")


def head_key(session_id: str) -> bytes:
    """Table key of a session's head."""
    return segment_key(session_id, 0)


def segment_key(session_id: str, n: int) -> bytes:
    """Table key of the n-th segment, n from 1; all keys of a session lie together and sort by n."""
    return f"{session_id}/{n:010d}".encode()


def session_of(key: bytes) -> str:
    """The session that a table key belongs to."""
    return key[:-_SUFFIX].decode()


def is_head_key(key: bytes) -> bool:
    """Whether a table key is that of a head."""
    return key[-_SUFFIX:] == b"/0000000000"


_encode = msgspec.json.Encoder().encode
_decode_head = msgspec.json.Decoder(Head).decode
_decode_segment = msgspec.json.Decoder(Segment).decode


def encode_state(value: Head | Segment) -> bytes:
    """As kept in the table and its changelog."""
    return _encode(value)


def decode_head(data: bytes) -> Head:
    """Raises StateError for a state that this version can't read."""
    try:
        head = _decode_head(data)
    except msgspec.DecodeError as error:
        raise StateError(f"the head of a session can't be read: {error}") from error
    if head.v > STATE_VERSION:
        raise StateError("state of a newer version", {"found": head.v, "known": STATE_VERSION})
    return head


def decode_segment(data: bytes) -> Segment:
    """Raises StateError for a state that this version can't read."""
    try:
        return _decode_segment(data)
    except msgspec.DecodeError as error:
        raise StateError(f"a segment of a session can't be read: {error}") from error


def load_session(session_id: str, get: Callable[[bytes], bytes | None]) -> Session | None:
    """The session as the table has it; None where it has none. `get` gives the value of a table key."""
    data = get(head_key(session_id))
    if data is None:
        return None
    head = decode_head(data)
    segments = []
    for first, last in head.segments:
        for n in range(first, last + 1):
            piece = get(segment_key(session_id, n))
            if piece is None:
                raise StateError("a segment of a session is missing", {"segment": n})
            segments.append(decode_segment(piece))
    return Session(head, tuple(segments))


def chain(start: str, links: Iterable[bytes]) -> str:
    """Hash of a sequence, link by link: going on from the hash of its start gives the hash of the whole."""
    current = start
    for link in links:
        current = hashlib.blake2b(current.encode() + b"\0" + link, digest_size=16).hexdigest()
    return current
