"""What a caller may say of one call: the `headroom_*` arguments. They never reach the provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from headroom_stream.errors import ConfigurationError
from headroom_stream.results import HeadroomMode, Mode

PREFIX = "headroom_"


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The arguments, without their prefix; None: as the client has it."""

    mode: Mode | None = None
    query: str | None = None
    """What the agent looks for; what it names is kept. Without it, the user's last message says."""
    keep_turns: Annotated[int, Meta(ge=1)] | None = None
    """Rounds at the end that stay as long as the budget can hold them."""
    tool_profiles: dict[str, dict[str, Any]] | None = None
    """By a tool's name or a pattern of names: `{"bash": {"skip_compression": True}}`, and all else that a `ToolProfile` has."""
    cache_prefix_tokens: Annotated[int, Meta(ge=0)] | None = None
    """Tokens at the start of the messages that stay as they came, because the provider has them in its cache."""
    output_buffer_tokens: Annotated[int, Meta(ge=0)] | None = None
    """Kept free for the answer: messages may have the model's limit less this."""
    session: str | None = None
    """None: the session that the messages go on with."""


def split(arguments: Mapping[str, Any]) -> tuple[Options, dict[str, Any]]:
    """The options among the arguments of a call, and the other arguments. Raises ConfigurationError."""
    own = {name.removeprefix(PREFIX): value for name, value in arguments.items() if name.startswith(PREFIX)}
    if isinstance(own.get("mode"), HeadroomMode):
        own["mode"] = str(own["mode"])
    try:
        options = msgspec.convert(own, Options)
    except msgspec.ValidationError as error:
        known = ", ".join(PREFIX + name for name in Options.__struct_fields__)
        raise ConfigurationError(f"headroom arguments: {error}; there are {known}") from error
    return options, {name: value for name, value in arguments.items() if not name.startswith(PREFIX)}
