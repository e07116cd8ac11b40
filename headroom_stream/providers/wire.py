"""Messages and tools as JSON, whether they came as plain data or as objects of a provider's SDK."""

from __future__ import annotations

from typing import Any

import msgspec

from headroom_stream.errors import ValidationError


def to_json(value: Any) -> bytes:
    """`value` as JSON; SDK objects anywhere in it by their own `model_dump`. Raises ValidationError for what has no JSON."""
    try:
        return msgspec.json.encode(value, enc_hook=_dumped)
    except (TypeError, ValueError, OverflowError, msgspec.MsgspecError, RecursionError) as error:
        raise ValidationError(f"a message holds what is no JSON: {error}") from error


def to_plain(value: Any) -> Any:
    """`value` with everything in it as dicts, lists and scalars."""
    return msgspec.json.decode(to_json(value))


def _dumped(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    if dump is None:
        raise TypeError(f"{type(value).__name__} is neither plain data nor an object of a provider's SDK")
    return dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)
