"""Messages as clients have them, with what the engine sees of them, their tokens and the units that can't be parted."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import msgspec
from msgspec import Raw, Struct

from headroom_stream.errors import ValidationError
from headroom_stream.events import Provider
from headroom_stream.messages import Path, View, detect_provider, view, with_texts
from headroom_stream.tokens import PER_CONTEXT, Tokenizer, count_message
from headroom_stream.transforms.result import Message
from headroom_stream.transforms.window import rounds


class Read(Struct, frozen=True):
    """A message, read once."""

    message: Message
    raw: Raw
    view: View
    tokens: int

    @property
    def role(self) -> str:
        """Who speaks."""
        return self.view.role

    @property
    def after(self) -> int:
        """Its tokens, under the name that the window uses."""
        return self.tokens


class Conversation:
    """The messages of one call."""

    def __init__(self, reads: Sequence[Read]) -> None:
        self.reads = list(reads)

    @property
    def messages(self) -> list[Message]:
        """As the client has them."""
        return [r.message for r in self.reads]

    @property
    def total(self) -> int:
        """Tokens of the whole context."""
        return PER_CONTEXT + sum(r.tokens for r in self.reads)

    @property
    def provider(self) -> Provider:
        """Whose shape markers have to take."""
        return detect_provider([r.view for r in self.reads]) or "openai"

    @property
    def leading_system(self) -> int:
        """How many system messages stand at the start."""
        return next((i for i, r in enumerate(self.reads) if r.role != "system"), len(self.reads))

    def tools(self) -> list[tuple[str, ...]]:
        """Names of the tools whose outputs each message holds, output by output; empty names where no call tells."""
        names: dict[str, str] = {}
        out: list[tuple[str, ...]] = []
        for read in self.reads:
            out.append(tuple(names.get(o.key) or o.tool for o in read.view.outputs))
            names.update((c.key, c.name) for c in read.view.calls)
        return out

    def latest_question(self) -> int | None:
        """Place of the last message that the user wrote. Markers of ours are not the user's."""
        for i in range(len(self.reads) - 1, -1, -1):
            read = self.reads[i]
            if read.role == "user" and (read.view.texts or read.view.opaque) and not is_ours(read.view):
                return i
        return None

    def sought(self) -> str:
        """What the agent looks for: the user's last message, and what the assistant last said and called."""
        asked = self.latest_question()
        spoke = next((i for i in range(len(self.reads) - 1, -1, -1) if self.reads[i].role == "assistant"), None)
        seen = [self.reads[i].view for i in (asked, spoke) if i is not None]
        return "\n".join(text for one in seen for text in (*one.texts, *(c.arguments for c in one.calls)))

    def units(self) -> list[range]:
        """Places of the rounds: an assistant message and all up to the next; rounds are one where a result answers across them."""
        starts = rounds(self.reads)
        waiting: dict[str, deque[int]] = {}
        closed_at = [0] * len(self.reads)
        for i, read in enumerate(self.reads):
            for key in read.view.answers:
                if waiting.get(key):
                    closed_at[waiting[key].popleft()] = i
            for call in read.view.calls:
                waiting.setdefault(call.key, deque()).append(i)
        out: list[range] = []
        reach = -1
        for start, stop in pairwise([*starts, len(self.reads)]):
            out.append(range(out.pop().start if start <= reach else start, stop))
            reach = max(reach, *closed_at[start:stop])
        return out


MARKER = re.compile(
    r"\[([0-9]{1,9}) earlier messages left out to fit [0-9]{1,12} tokens[^\n\[\]]{0,400}, original [ 0-9a-f]{1,4000}\]"
)
"""The whole text of a message that stands for others. A later call has to tell it from the user's messages."""
VALUES = "Values for the placeholders of the system prompt:"
"""Begins the message that `CacheAligner` puts at the end."""


def is_ours(seen: View) -> bool:
    """Whether a message is a marker or a list of values of ours."""
    if seen.role != "user" or len(seen.texts) != 1:
        return False
    text = seen.texts[0]
    return text.startswith(VALUES) or MARKER.fullmatch(text) is not None


def read_messages(messages: Sequence[Message], tokenizer: Tokenizer) -> Conversation:
    """Read and count messages. Raises ValidationError for what no provider would take."""
    return Conversation([read_message(m, tokenizer, i) for i, m in enumerate(messages)])


def read_message(message: Message, tokenizer: Tokenizer, index: int = 0) -> Read:
    """Read and count one message. `index` names it in errors."""
    try:
        raw = Raw(msgspec.json.encode(message))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValidationError(f"message {index} can't be written as JSON: {error}; give plain dicts", {"message": index}) from error
    seen = view(raw, index)
    return Read(message, raw, seen, count_message(seen, tokenizer))


def rewritten(read: Read, texts: dict[Path, str], tokenizer: Tokenizer) -> Read:
    """The message with texts of it replaced; the message that came stays as it is."""
    message: dict[str, Any] = msgspec.json.decode(with_texts(read.raw, texts))
    return read_message(message, tokenizer)
