"""Our own format: turn events as they travel, one a line. Events of one session that follow each other are one session."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

import msgspec

from headroom_stream.events import SCHEMA_VERSION, TurnEvent
from headroom_stream.importers.session import Session
from headroom_stream.importers.source import Document

_event = msgspec.json.Decoder(TurnEvent)


def sessions(documents: Iterable[Document]) -> Iterator[Session]:
    """Read them; events keep all their fields. Raises ImportFormatError."""
    for session_id, group in groupby(map(_read, documents), key=lambda event: event.session_id):
        turns = list(group)
        first = next((t for t in turns if t.provider), turns[0])
        model = next((t.model for t in turns if t.model), "")
        yield Session(session_id=session_id, provider=first.provider, model=model, turns=turns)


def _read(document: Document) -> TurnEvent:
    event = document.read(_event, "a turn event, an object with `session_id`")
    if event.schema_version > SCHEMA_VERSION:
        raise document.wrong(f"schema_version {SCHEMA_VERSION} or lower", f"got {event.schema_version}: upgrade this program")
    return event
