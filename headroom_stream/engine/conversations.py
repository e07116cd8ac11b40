"""Finds which session a list of messages goes on with, and what is new in it."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Raw, Struct, field

from headroom_stream.waste import Waste

MAX_CONVERSATIONS = 10_000


class Conversation(Struct):
    """A session as its caller sees it. Hold `lock` while a turn of it is under way."""

    session_id: str
    seen: list[bytes] = field(default_factory=list)
    """Hashes of the messages that came."""
    sent: list[Any] = field(default_factory=list)
    """The context that was sent last."""
    prefix_hash: str = ""
    """Of that context."""
    transforms: tuple[str, ...] = ()
    """What was done to messages of that context."""
    waste: Waste | None = None
    """Counted over the messages that came."""
    usage: dict[str, Any] | None = None
    """What the provider reported for the last call, until the next turn has said it on."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    end: tuple[str, bytes] | None = None
    """Under which it is found by those who name no session."""

    def known(self, hashes: Sequence[bytes]) -> int | None:
        """How many of the messages came before; None where what came before is not their beginning."""
        count = len(self.seen)
        return count if list(hashes[:count]) == self.seen else None


class Conversations:
    """The conversations of this process, those used last."""

    def __init__(self, most: int = MAX_CONVERSATIONS) -> None:
        self._most = most
        self._by_session: OrderedDict[str, Conversation] = OrderedDict()
        self._ends: dict[tuple[str, bytes], Conversation] = {}
        self._lock = threading.Lock()

    def find(self, hashes: Sequence[bytes], *, session: str | None, tenant: str = "") -> Conversation:
        """The conversation that messages with these hashes belong to.

        With a `session`, its. Else the one whose messages are the longest beginning of these, so that a program that appends to its
        history stays in its session; and a new one where there is none.
        """
        with self._lock:
            found = self._longest(hashes, tenant) if session is None else self._by_session.get(session) or self._add(session)
            self._by_session.move_to_end(found.session_id)
            return found

    def get(self, session: str) -> Conversation | None:
        """The conversation of a session, if it is known."""
        with self._lock:
            return self._by_session.get(session)

    def advanced(self, conversation: Conversation, hashes: Sequence[bytes], *, tenant: str = "") -> None:
        """Note that the conversation has these messages now."""
        with self._lock:
            if conversation.end is not None and self._ends.get(conversation.end) is conversation:
                del self._ends[conversation.end]
            count = conversation.known(hashes)
            link = conversation.end[1] if count and conversation.end is not None else b""
            conversation.seen = list(hashes)
            conversation.end = (tenant, _chained(link, hashes[count if link else 0 :]))
            if conversation.session_id in self._by_session:
                self._ends[conversation.end] = conversation

    def forget(self, session: str) -> None:
        """Drop what is known of a session."""
        with self._lock:
            found = self._by_session.pop(session, None)
            if found is not None and found.end is not None:
                self._ends.pop(found.end, None)

    def keep(self, known: Callable[[str], bool]) -> None:
        """Drop the sessions that are not `known`, unless a turn of theirs is under way."""
        with self._lock:
            gone = [name for name, one in self._by_session.items() if not one.lock.locked() and not known(name)]
        for name in gone:
            self.forget(name)

    def _longest(self, hashes: Sequence[bytes], tenant: str) -> Conversation:
        link = b""
        best: Conversation | None = None
        for one in hashes:
            link = _link(link, one)
            best = self._ends.get((tenant, link), best)
        if best is not None:
            return best
        name = f"auto-{hashlib.blake2b(tenant.encode() + link, digest_size=8).hexdigest()}"
        number = 1
        while f"{name}-{number}" in self._by_session:
            number += 1
        return self._add(f"{name}-{number}")

    def _add(self, session: str) -> Conversation:
        made = self._by_session[session] = Conversation(session)
        while len(self._by_session) > self._most:
            _, gone = self._by_session.popitem(last=False)
            if gone.end is not None and self._ends.get(gone.end) is gone:
                del self._ends[gone.end]
        return made


def hashes_of(raws: Sequence[Raw]) -> list[bytes]:
    """A hash of each message."""
    return [hashlib.blake2b(bytes(raw), digest_size=16).digest() for raw in raws]


def _link(before: bytes, one: bytes) -> bytes:
    return hashlib.blake2b(before + one, digest_size=16).digest()


def _chained(link: bytes, hashes: Sequence[bytes]) -> bytes:
    """The link of a chain that goes on after `link`."""
    for one in hashes:
        link = _link(link, one)
    return link
