"""A conversation as the turns of an agent: one event for each call of the model."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from msgspec import Raw, Struct

from headroom_stream.events import Provider, TurnEvent

MAX_ID = 256
"""Characters of a session id, as the wire has it."""


class Session(Struct, frozen=True, kw_only=True):
    """A conversation that can be published: its turns in order."""

    session_id: str
    provider: Provider | None
    """Shape of the messages; None: turn events that don't say."""
    model: str = ""
    turns: list[TurnEvent]


class Said(Struct, frozen=True, kw_only=True):
    """A message with what a turn needs to know of it."""

    body: Raw
    assistant: bool
    time: datetime | None = None
    model: str = ""


def session_of(session_id: str, provider: Provider, messages: Sequence[Said], model: str = "") -> Session:
    """Split a conversation into turns.

    Each assistant message but one that opens the conversation was a call of the model. Its turn carries the messages since the call
    before, the agent's own last message first. What follows the last assistant message was never sent, so no turn has it.
    """
    turns: list[TurnEvent] = []
    last = 0
    for at, said in enumerate(messages):
        if not said.assistant or not at:
            continue
        new = messages[last:at]
        turns.append(
            TurnEvent(
                session_id=session_id,
                event_id=str(len(turns) + 1),
                turn=len(turns) + 1,
                provider=provider,
                model=said.model or model,
                messages=[m.body for m in new],
                # The call was made when the last of its messages was there; the answer came later.
                event_time=next((m.time for m in reversed(new) if m.time), None),
            )
        )
        last = at
    return Session(session_id=session_id, provider=provider, model=model or (turns[0].model if turns else ""), turns=turns)


def content_id(messages: Sequence[Raw]) -> str:
    """An id for a conversation without one: equal for equal bytes."""
    digest = hashlib.blake2b(digest_size=12)
    for message in messages:
        digest.update(message)
        digest.update(b"\n")
    return digest.hexdigest()


class SessionIds:
    """Keeps the ids of one file apart: a second conversation under the same id becomes `id#2`, or it would seem a late turn."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def unique(self, session_id: str) -> str:
        """The id itself the first time, numbered after that; a hash where it is too long for the wire."""
        if len(session_id) > MAX_ID - 8:
            session_id = hashlib.blake2b(session_id.encode(), digest_size=12).hexdigest()
        count = self._seen[session_id] = self._seen.get(session_id, 0) + 1
        return session_id if count == 1 else f"{session_id}#{count}"
