"""The context that a policy sends, followed from call to call: what stood before is not read again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from headroom_stream.evaluation.bill import Tokens
from headroom_stream.evaluation.phrases import Shown
from headroom_stream.evaluation.pieces import Piece, Text, Texts, read

Message = Mapping[str, Any]


class Sent(Struct, frozen=True):
    """What a call sends."""

    tokens: Tokens
    tool_tokens: int
    rewritten: bool
    """A piece that the call before sent is another one now, or gone."""


class Context:
    """The latest context, in pieces."""

    def __init__(self, texts: Texts) -> None:
        self.texts: list[Text] = []
        """Of its pieces in order."""
        self.present: set[Text] = set()
        """The same, to be looked up."""
        self.outputs: dict[str, Text] = {}
        """Of its tool outputs, by the call that each answers."""
        self.phrases = Shown()
        self._reader = texts
        self._messages: list[Message] = []
        self._pieces: list[Piece] = []
        self._starts = [0]
        """Pieces before each message and at the end."""
        self._sums = [(0, 0)]
        """Tokens before each piece and at the end, and those of tool outputs."""
        self._calls: set[str] = set()

    @property
    def valid(self) -> bool:
        """Whether every tool result has its call, and every call its result."""
        return self._calls == self.outputs.keys()

    def advance(self, messages: Sequence[Message]) -> Sent:
        """Take the context of the next call."""
        kept = _in_common(self._messages, messages)
        begin = self._starts[kept]
        gone = self.texts[begin:]
        self._cut(kept, begin)
        for index, message in enumerate(messages[kept:], kept):
            for piece in read(msgspec.json.encode(message), index, self._reader):
                self._append(piece)
            self._starts.append(len(self._pieces))
        self._messages += messages[kept:]
        cached, changed = _still_there(gone, self.texts[begin:])
        sent, tool_tokens = self._sums[-1]
        return Sent(Tokens(sent=sent, cached=self._sums[begin][0] + cached), tool_tokens, changed)

    def _cut(self, kept: int, begin: int) -> None:
        if kept == len(self._messages):
            return
        pieces = self._pieces[:begin]
        del self._messages[kept:], self._starts[kept + 1 :]
        self._pieces, self.texts, self._sums = [], [], [(0, 0)]
        self.present.clear()
        self.outputs.clear()
        self.phrases = Shown()
        self._calls.clear()
        for piece in pieces:
            self._append(piece)

    def _append(self, piece: Piece) -> None:
        tokens, tool_tokens = self._sums[-1]
        count = piece.text.tokens
        self._sums.append((tokens + count, tool_tokens + (count if piece.role == "tool" else 0)))
        self._pieces.append(piece)
        self.texts.append(piece.text)
        self.present.add(piece.text)
        self.phrases.append(piece.text)
        self._calls.update(piece.call_keys)
        if piece.role == "tool":
            self.outputs[piece.answers] = piece.text


def _in_common(before: list[Message], now: Sequence[Message]) -> int:
    """How many messages at the start are equal. An appended context, the usual one, is compared without a loop of ours."""
    if list(now[: len(before)]) == before:
        return len(before)
    return next((i for i, (a, b) in enumerate(zip(before, now, strict=False)) if a != b), min(len(before), len(now)))


def _still_there(before: Sequence[Text], now: Sequence[Text]) -> tuple[int, bool]:
    """Tokens at the start of `now` that a provider's cache has from `before`, and whether any of `before` was changed."""
    cached = 0
    for old, new in zip(before, now, strict=False):
        if old is not new:
            return cached + old.tokens_of_common_start(new), True
        cached += old.tokens
    return cached, len(now) < len(before)
