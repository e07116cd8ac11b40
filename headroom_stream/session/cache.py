"""Decoded sessions kept at hand, up to a number of bytes."""

from __future__ import annotations

from collections import OrderedDict

from headroom_stream.session.state import Session

INDEX_BYTES = 10
"""Memory that a character of an output takes in the index of what a session was shown: measured, 3 to 10."""
VALUE_BYTES = 250
"""Memory that a value takes whose use is watched for: measured, 140 to 250, and as much again for sessions of a few values."""


class SessionCache:
    """The sessions used last. When they outgrow `max_bytes`, those used longest ago go; one always stays."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._sessions: OrderedDict[str, tuple[Session, int]] = OrderedDict()
        """Each with its size when it was put here."""
        self.bytes = 0
        """That they take, estimated."""

    def __len__(self) -> int:
        return len(self._sessions)

    def __contains__(self, session_id: str) -> bool:
        return session_id in self._sessions

    def get(self, session_id: str) -> Session | None:
        """The session, if it is here; it then counts as used."""
        found = self._sessions.get(session_id)
        if found is None:
            return None
        self._sessions.move_to_end(session_id)
        return found[0]

    def put(self, session_id: str, session: Session) -> None:
        """Keep a session in the place of what was kept under its id."""
        self.drop(session_id)
        size = session.head.bytes + INDEX_BYTES * session.memory.chars + VALUE_BYTES * session.memory.values
        self._sessions[session_id] = (session, size)
        self.bytes += size
        while self.bytes > self._max_bytes and len(self._sessions) > 1:
            _, (_, evicted) = self._sessions.popitem(last=False)
            self.bytes -= evicted

    def drop(self, session_id: str) -> None:
        """Forget a session; nothing happens where there is none."""
        _, size = self._sessions.pop(session_id, (None, 0))
        self.bytes -= size

    def clear(self) -> None:
        """Forget all."""
        self._sessions.clear()
        self.bytes = 0
