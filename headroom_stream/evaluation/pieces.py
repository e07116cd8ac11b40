"""A conversation as the measures read it: who says what, one piece for each tool output and one for the rest of a message.

In OpenAI's shape a piece is a message. An Anthropic message may carry several tool outputs beside what the user says: each is a piece.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from msgspec import Raw, Struct

from headroom_stream.evaluation.atoms import parsed, strings, unescaped
from headroom_stream.evaluation.words import Phrase, phrases_among, words
from headroom_stream.messages import Role, View, view
from headroom_stream.tokens import OPAQUE, Tokenizer


class Text:
    """The text of a piece, read once whatever contexts it stands in. Two pieces of the same text share one, so `is` compares them."""

    def __init__(self, flat: str, opaque: int, texts: Texts) -> None:
        self.flat = flat
        self._opaque = opaque
        self._texts = texts

    @cached_property
    def tokens(self) -> int:
        """What it costs, parts that can't be counted at a flat rate."""
        return self._texts.tokenizer.count(self.flat) + OPAQUE * self._opaque

    def tokens_of_common_start(self, other: Text) -> int:
        """Tokens of the characters with which both begin."""
        low, high = 0, min(len(self.flat), len(other.flat))
        while low < high:
            middle = (low + high + 1) // 2
            if self.flat[low:middle] == other.flat[low:middle]:
                low = middle
            else:
                high = middle - 1
        return self._texts.tokenizer.count(self.flat[:low])

    @cached_property
    def plain(self) -> str:
        """Unescaped."""
        return unescaped(self.flat)

    @cached_property
    def phrases(self) -> tuple[frozenset[Phrase], tuple[str, ...]]:
        """Those of its phrases that are looked for; and its first and last words, of which phrases across two pieces are made."""
        found = words(self.plain)
        edges = found if len(found) <= 6 else [*found[:3], "", *found[-3:]]
        return frozenset(phrases_among(found, self._texts.wanted)), tuple(edges)


class Texts:
    """The texts of one conversation and of every context made of it."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.wanted: frozenset[Phrase] = frozenset()
        """Phrases that an agent takes over: only these are kept of each text."""
        self._known: dict[tuple[str, int], Text] = {}

    def of(self, flat: str, opaque: int = 0) -> Text:
        """The one Text of this text."""
        found = self._known.get((flat, opaque))
        if found is None:
            found = self._known[flat, opaque] = Text(flat, opaque, self)
        return found


class Piece(Struct, frozen=True, kw_only=True):
    """A tool output, or what else a message says."""

    role: Role
    message: int
    """Index of its message."""
    content: str
    calls: str = ""
    """Names and arguments of the calls it makes, one a line."""
    call_keys: tuple[str, ...] = ()
    call_names: tuple[str, ...] = ()
    answers: str = ""
    """Of a tool output: key of the call."""
    tool: str = ""
    slots: tuple[int, ...] = ()
    """Of a tool output: which of the message's output texts it is made of."""
    text: Text
    """Role, content and calls together: what the provider sees of it, near enough to compare and to count."""

    @property
    def said(self) -> str:
        """Content and calls, unescaped."""
        return unescaped(f"{self.content}\n{self.calls}")

    def values(self) -> tuple[list[str], list[str]] | None:
        """Strings and keys of a tool output that is JSON; None where it is none."""
        value: Any = parsed(self.content)
        return None if value is None else strings(value)


def read(raw: Raw | bytes, index: int, texts: Texts) -> list[Piece]:
    """The pieces of a message. Raises RejectedEventError when no provider would take it."""
    seen = view(raw, index)
    pieces = list(_outputs(seen, index, texts))
    if seen.role != "tool":
        content = "\n".join(seen.texts)
        calls = "\n".join(f"{call.name} {call.arguments}" for call in seen.calls)
        text = texts.of(f"{seen.role}\0{content}\0{calls}", seen.opaque)
        pieces.append(
            Piece(
                role=seen.role,
                message=index,
                content=content,
                calls=calls,
                call_keys=tuple(call.key for call in seen.calls),
                call_names=tuple(call.name for call in seen.calls),
                text=text,
            )
        )
    return pieces


def _outputs(seen: View, index: int, texts: Texts) -> Iterable[Piece]:
    parts: dict[str, list[int]] = {key: [] for key in seen.answers}
    for slot, output in enumerate(seen.outputs):
        parts[output.key].append(slot)
    # A tool message bears the parts that can't be counted itself; beside a user's words they are counted with these.
    opaque = seen.opaque if seen.role == "tool" else 0
    for key, slots in parts.items():
        content = "\n".join(seen.outputs[slot].text for slot in slots)
        yield Piece(
            role="tool",
            message=index,
            content=content,
            answers=key,
            tool=next((seen.outputs[slot].tool for slot in slots), ""),
            slots=tuple(slots),
            text=texts.of(f"tool\0{content}\0", opaque),
        )
        opaque = 0
