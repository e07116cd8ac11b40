"""Conversations to be measured, from transcript files or from the turns on a topic."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Raw, Struct

from headroom_stream.events import TurnEvent
from headroom_stream.importers import Format, anthropic, detect_file, openai
from headroom_stream.importers import read as read_sessions
from headroom_stream.importers.conversation import conversations as read_conversations
from headroom_stream.importers.conversation import head
from headroom_stream.importers.session import SessionIds, content_id
from headroom_stream.importers.source import Document, documents
from headroom_stream.messages import digest

ROLES = {"openai": openai.ROLES, "anthropic": anthropic.ROLES}


class Conversation(Struct, frozen=True, kw_only=True):
    """All messages of a session in order, as they came."""

    id: str
    family: str
    """Conversations of one family are added up."""
    messages: list[Raw]
    model: str = ""
    unanswered: bool = False
    """The last call of the model is known without its answer: it is on the bill, and nothing tells which facts it used."""


class _Row(Struct):
    set: str = ""


_row = msgspec.json.Decoder(_Row)


def from_file(
    path: str | Path,
    *,
    format: Format | Literal["auto"] = "auto",  # noqa: A002 - the flag's name
    limit: int | None = None,
    family: str = "",
) -> Iterator[Conversation]:
    """The conversations of a file, at most `limit` of them. Their family is their own `set`, else `family`, else the file's name.

    Raises ImportFormatError, which names file and line.
    """
    path = Path(path)
    chosen = detect_file(path).format if format == "auto" else format
    family = family or path.name.split(".")[0] or path.name
    if chosen in ("openai", "anthropic"):
        found = _whole(documents(path), family, ROLES[chosen])
    else:
        # Turn events and the logs' reader give the messages up to the last call, not its answer.
        found = (
            made for session in read_sessions(path, format=chosen) for made in from_turns(session.session_id, family, session.turns)
        )
    return islice(found, limit)


def _whole(source: Iterable[Document], family: str, roles: frozenset[str]) -> Iterator[Conversation]:
    ids = SessionIds()
    for document in source:
        own = _own_set(document)
        for one in read_conversations(document):
            for index, message in enumerate(one.messages):
                role = head(document, index, message).role
                if role not in roles:
                    raise document.wrong(
                        f"a role of {', '.join(sorted(roles))} at messages[{index}]", f"got {role!r}. See --format"
                    )
            name = "" if one.id is None else str(one.id)
            name = ids.unique(name or content_id(one.messages))
            yield Conversation(id=name, family=own or family, messages=one.messages, model=one.model or "")


def _own_set(document: Document) -> str:
    try:
        return _row.decode(document.data).set
    except msgspec.ValidationError:
        # A list of messages or conversations, or a field of that name which means something else.
        return ""


def from_turns(session_id: str, family: str, turns: Iterable[TurnEvent]) -> Iterator[Conversation]:
    """The conversation that turn events make: one, and another each time a full history doesn't go on from what was there."""
    count = 0
    messages: list[Raw] = []
    model = ""

    def made() -> Conversation:
        name = session_id if count == 1 else f"{session_id}#{count}"
        return Conversation(id=name, family=family, messages=messages, model=model, unanswered=True)

    for turn in turns:
        model = model or turn.model
        if turn.history is not None and [digest(m) for m in turn.history[: len(messages)]] != [digest(m) for m in messages]:
            if messages:
                count += 1
                yield made()
            messages = []
        messages = messages + turn.history[len(messages) :] if turn.history is not None else messages + (turn.messages or [])
    if messages:
        count += 1
        yield made()
