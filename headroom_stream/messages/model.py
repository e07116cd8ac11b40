"""What the engine sees of a message."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from headroom_stream.errors import RejectedEventError
from headroom_stream.events import Provider
from headroom_stream.messages.identity import digest_of

Role = Literal["system", "user", "assistant", "tool"]
Path = tuple[str | int, ...]
"""Where a value lies in a message: keys and indexes from the outside in."""

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "model": "assistant",
    "tool": "tool",
    "function": "tool",
}


class Call(Struct, frozen=True):
    """A tool call that the client has to answer."""

    key: str
    """The call's id; for shapes without ids, the name."""
    name: str
    arguments: str


class Output(Struct, frozen=True):
    """Text of a tool output, and where it lies in the message."""

    key: str
    """Of the call that it answers."""
    tool: str
    """Name of the tool if the message says it, else empty."""
    text: str
    path: Path


class View(Struct, frozen=True, kw_only=True):
    """What the engine sees of a message."""

    role: Role
    calls: tuple[Call, ...] = ()
    answers: tuple[str, ...] = ()
    """Keys of the calls that its tool results answer."""
    outputs: tuple[Output, ...] = ()
    texts: tuple[str, ...] = ()
    """Other text that the model reads."""
    named: tuple[str, ...] = ()
    """Speaker names, which cost tokens in the OpenAI shape."""
    opaque: int = 0
    """Parts whose tokens can't be counted here: images, documents, provider-specific blocks."""
    hints: frozenset[Provider] = frozenset()
    """Providers whose shape this message can only be."""
    cache_control: bool = False
    """Carries Anthropic cache breakpoints of its own."""
    digest: str = ""
    """Equal for messages that are equal as JSON, cache breakpoints aside."""

    @property
    def text(self) -> str:
        """All of its text, for people and for relevance."""
        return "\n".join((*self.texts, *(o.text for o in self.outputs)))


def reject(what: str, index: int) -> RejectedEventError:
    """The error for a message that no provider would take."""
    return RejectedEventError("messages", f"message {index}: {what}", {"message": index})


def role_of(name: Any) -> Role | None:
    """The role that a provider's name for it means."""
    return _ROLES.get(name) if isinstance(name, str) else None


class Reading:
    """What has been seen of a message so far."""

    def __init__(self, raw: bytes = b"") -> None:
        self.raw = raw
        self.calls: list[Call] = []
        self.answers: list[str] = []
        self.outputs: list[Output] = []
        self.texts: list[str] = []
        self.named: list[str] = []
        self.opaque = 0
        self.hints: set[Provider] = set()

    def view(self, role: Role, message: dict[str, Any]) -> View:
        """All of it, once the message is read."""
        digest, marked = digest_of(message)
        return View(
            role=role,
            calls=tuple(self.calls),
            answers=tuple(self.answers),
            outputs=tuple(self.outputs),
            texts=tuple(self.texts),
            named=tuple(self.named),
            opaque=self.opaque,
            hints=frozenset(self.hints),
            cache_control=marked,
            digest=digest,
        )
