"""Messages as programs hold them, on their way into a turn and out of a context."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from headroom_stream.engine.encode import encoded
from headroom_stream.errors import ValidationError
from headroom_stream.events import ContextBatch, TurnEvent


def turn_event(
    session_id: str, messages: Sequence[Any] | None = None, *, history: Sequence[Any] | None = None, **fields: Any
) -> TurnEvent:
    """A turn of dictionaries or of an SDK's objects: what is new since the last one, or the whole `history`.

    `fields` are those of a TurnEvent, such as `model`, `query` and `policy`. Raises ValidationError for what is no message or no field.
    """
    unknown = fields.keys() - set(TurnEvent.__struct_fields__)
    if unknown:
        raise ValidationError(f"a turn has no {', '.join(sorted(unknown))}")
    return TurnEvent(
        session_id=session_id,
        messages=None if messages is None else encoded(messages),
        history=None if history is None else encoded(history),
        **fields,
    )


def messages_of(context: ContextBatch) -> list[Any]:
    """The messages of a context as dictionaries, to send to a model."""
    return [msgspec.json.decode(message) for message in context.messages]
