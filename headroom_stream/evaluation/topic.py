"""The conversations on the turns topic."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from headroom_stream.client import TopicReader
from headroom_stream.config import KafkaSettings
from headroom_stream.evaluation.conversation import Conversation, from_turns
from headroom_stream.events import TurnEvent, decode_turn


async def from_topic(
    kafka: KafkaSettings, *, limit: int | None = None, seen: Callable[[], object] = lambda: None
) -> list[Conversation]:
    """The sessions that are on the topic now, at most `limit`, in the order in which they began; `seen` is called after each record.

    Their family is their tenant, else the topic's name. Records that no worker would fold are passed over. Raises TransportError.
    """
    sessions: dict[str, list[TurnEvent]] = {}
    begun: dict[str, int] = {}
    async with TopicReader(kafka=kafka, topic=kafka.turns, from_beginning=True) as reader:
        async for record in reader.so_far():
            seen()
            if record.value is None:
                # The session was erased, its content with it.
                sessions.pop((record.key or b"").decode(errors="replace"), None)
                continue
            event = _event(record.value)
            if event is not None:
                sessions.setdefault(event.session_id, []).append(event)
                begun.setdefault(event.session_id, record.timestamp)
    # Not as they were read: the partitions take turns as it happens.
    order = sorted(sessions, key=lambda session_id: (begun[session_id], session_id))
    return [
        conversation
        for session_id in order[:limit]
        for conversation in from_turns(session_id, sessions[session_id][0].tenant or kafka.turns, _once(sessions[session_id]))
    ]


def _event(value: bytes) -> TurnEvent | None:
    try:
        return decode_turn(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # The worker refused it too: it is among the dead letters, not in the session.
        return None


def _once(events: list[TurnEvent]) -> list[TurnEvent]:
    """Without repeated and late events, which the worker doesn't fold either."""
    ids: set[str] = set()
    turn = 0
    kept = []
    for event in events:
        repeated = event.event_id is not None and event.event_id in ids
        late = event.turn is not None and event.turn <= turn
        if not repeated and not late:
            kept.append(event)
            turn = turn + 1 if event.turn is None else event.turn
        ids.add(event.event_id or "")
    return kept
