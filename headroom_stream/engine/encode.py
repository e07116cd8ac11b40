"""Messages as programs hold them, as JSON: dictionaries, and the objects of provider SDKs that they are put together from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw

from headroom_stream.errors import ValidationError


def encoded(messages: Sequence[Any]) -> list[Raw]:
    """Each message as JSON. Answers of an SDK stand as what was set in them. Raises ValidationError for what is no message."""
    if isinstance(messages, str | bytes) or not isinstance(messages, Sequence):
        raise ValidationError(f"messages have to be a list, not {type(messages).__name__}")
    out = []
    for number, message in enumerate(messages):
        try:
            out.append(Raw(_encode(message)))
        except (TypeError, ValueError, RecursionError) as error:
            raise ValidationError(f"message {number} is no JSON object: {error}", {"message": number}) from error
    return out


def _dumped(value: Any) -> Any:
    """A pydantic object of an SDK as what it would send: the fields that are set, under their names on the wire."""
    dump = getattr(value, "model_dump", None)
    if dump is None:
        raise TypeError(f"{type(value).__name__} is not JSON")
    return dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)


_encode = msgspec.json.Encoder(enc_hook=_dumped).encode
