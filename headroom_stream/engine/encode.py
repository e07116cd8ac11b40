"""Messages as programs hold them, as JSON: dictionaries, and the objects of provider SDKs that they are put together from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Raw

from headroom_stream.errors import ValidationError
from headroom_stream.providers.wire import to_json


def encoded(messages: Sequence[Any]) -> list[Raw]:
    """Each message as JSON. Answers of an SDK stand as what was set in them. Raises ValidationError for what is no message."""
    if isinstance(messages, str | bytes) or not isinstance(messages, Sequence):
        raise ValidationError(f"messages have to be a list, not {type(messages).__name__}")
    return [Raw(to_json(message)) for message in messages]
