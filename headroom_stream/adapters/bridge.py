"""What the adapters have in common: a call of the engine, and the way back from chat messages to the objects that they stand for."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import structs

from headroom_stream.engine import Call, Compressor
from headroom_stream.errors import ConfigurationError, RejectedEventError
from headroom_stream.in_process import shared

T = TypeVar("T")
R = TypeVar("R")
Message = dict[str, Any]

log = logging.getLogger(__name__)


class Sent(msgspec.Struct, Generic[T], frozen=True):
    """A message to send."""

    origin: T | None
    """What it stands for; None: a note of the engine, as of rounds that a budget left out."""
    message: Message


class Bridge:
    """Compresses conversations of a framework. `options` are those of every call (`model`, `query`, `max_tokens`, `keep_turns`, …).

    Sessions and originals are those of `headroom_stream.compress` unless `compressor` has others. Messages that can't be compressed
    go as they came: that is logged, and counted in `fallbacks`.
    """

    def __init__(self, compressor: Compressor | None = None, **options: Any) -> None:
        unknown = options.keys() - set(Call.__struct_fields__)
        if unknown:
            raise ConfigurationError(f"no option {', '.join(sorted(unknown))}; there are {', '.join(Call.__struct_fields__)}")
        self._compressor = compressor
        self._call = Call(**options)
        self._call.changes()
        self.fallbacks = 0

    @property
    def compressor(self) -> Compressor:
        """The engine; that of `compress` is made when it is first needed."""
        return self._compressor or shared()

    def send(self, read: Callable[[], tuple[Sequence[T], Sequence[Message]]], **known: Any) -> list[Sent[T]] | None:
        """What to send of a conversation; None: all as it came.

        `read` gives what it consists of, and the chat messages that these stand for, one each. `known` says what is known of this call
        alone, such as its session; where a value is empty, the options hold. Raises ConfigurationError for options that make no sense.
        """

        def compressed() -> list[Sent[T]]:
            origins, messages = read()
            return paired(origins, messages, self._turn(messages, known))

        return self._tried(compressed)

    def compress(self, messages: Sequence[Any], **known: Any) -> list[Any] | None:
        """The same for chat messages themselves."""
        return self._tried(lambda: self._turn(messages, known))

    def _turn(self, messages: Sequence[Any], known: dict[str, Any]) -> list[Any]:
        call = structs.replace(self._call, **{name: value for name, value in known.items() if value})
        return self.compressor.turn(messages, call).result.messages

    def _tried(self, work: Callable[[], R]) -> R | None:
        try:
            return work()
        except ConfigurationError:
            raise
        except Exception as error:  # whatever it was, the call itself is worth more than what compression saves
            if isinstance(error, RejectedEventError) and error.stage == "policy":
                raise ConfigurationError(error.message) from error
            log.warning("messages go as they came: %s: %s", type(error).__name__, error)
            self.fallbacks += 1
            return None


def paired(origins: Sequence[T], before: Sequence[Message], after: Sequence[Message]) -> list[Sent[T]]:
    """The messages `after` with what they stand for.

    A tool message is found by the call that it answers, others by what they say, since only tool messages change. From the end, since
    what is left out of a conversation is its beginning.
    """
    places: dict[bytes | tuple[str, str], list[int]] = {}
    for at, message in enumerate(before):
        places.setdefault(_key(message), []).append(at)
    out: list[Sent[T]] = []
    for message in reversed(after):
        found = places.get(_key(message))
        out.append(Sent(origins[found.pop()] if found else None, message))
    out.reverse()
    return out


def _key(message: Message) -> bytes | tuple[str, str]:
    role = message.get("role")
    if role in ("tool", "function"):
        return role, str(message.get("tool_call_id") or message.get("name"))
    return msgspec.json.encode(message)


def without_marks(content: Any) -> Any:
    """Content for the engine: a text, or blocks without cache marks, which it takes out of what it sends and would not find again."""
    if not isinstance(content, list):
        return content
    return [{k: v for k, v in block.items() if k != "cache_control"} if isinstance(block, Mapping) else block for block in content]


def with_texts_of(old: Any, new: Any) -> Any:
    """The content `old` of a tool output with the texts of `new`, which was compressed from it. All else in it stays."""
    if isinstance(old, str) or not isinstance(old, list):
        return new
    return [
        {**block, "text": other["text"]} if isinstance(block, Mapping) and isinstance(other, Mapping) and "text" in other else block
        for block, other in zip(old, new, strict=True)
    ]
