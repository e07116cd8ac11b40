"""A conversation read once for all policies: its pieces, its calls, and what the agent took over from where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from headroom_stream.evaluation.conversation import Conversation
from headroom_stream.evaluation.facts import Use, uses
from headroom_stream.evaluation.phrases import taken_over
from headroom_stream.evaluation.pieces import Piece, Texts, read
from headroom_stream.evaluation.retention import Outputs
from headroom_stream.tokens import Tokenizer

FACTS_PER_OUTPUT = 20
"""First uses of one output weigh as this many at the most: no single output may decide a family."""


class Reading:
    """Raises RejectedEventError for a message that no provider would take."""

    def __init__(self, conversation: Conversation, tokenizer: Tokenizer) -> None:
        self.conversation = conversation
        self.texts = Texts(tokenizer)
        self.messages: list[Mapping[str, Any]] = [msgspec.json.decode(raw) for raw in conversation.messages]
        self.pieces: list[Piece] = []
        self.starts: list[int] = []
        """Index of each message's first piece."""
        for index, raw in enumerate(conversation.messages):
            self.starts.append(len(self.pieces))
            self.pieces += read(raw, index, self.texts)
        self.starts.append(len(self.pieces))
        self.outputs = Outputs(self.pieces)
        self.phrases = taken_over(self.pieces)
        self.texts.wanted = frozenset().union(*self.phrases.values())
        self.uses: dict[int, list[Use]] = {}
        self._first_uses: dict[int, int] = {}
        for use in uses(self.pieces):
            self.uses.setdefault(use.at, []).append(use)
            self._first_uses[use.source] = self._first_uses.get(use.source, 0) + use.first
        self.tools = _tools(self.pieces)
        """By piece: the name of the tool whose output it is."""

    def calls(self) -> list[int]:
        """Before which message the model was called, each time. A conversation that ends unanswered was called at its end."""
        found = sorted({piece.message for piece in self.pieces if piece.role == "assistant"} - {0})
        if self.conversation.unanswered and self.pieces and self._waits_for_the_model():
            found.append(len(self.messages))
        return found

    def _waits_for_the_model(self) -> bool:
        asked = {key for piece in self.pieces for key in piece.call_keys}
        answered = {piece.answers for piece in self.pieces if piece.role == "tool"}
        return self.pieces[-1].role != "assistant" and asked == answered

    def weight(self, source: int) -> float:
        """What a first use of the output counts."""
        return min(1.0, FACTS_PER_OUTPUT / self._first_uses[source])


def _tools(pieces: Sequence[Piece]) -> dict[int, str]:
    names: dict[str, str] = {}
    found: dict[int, str] = {}
    for at, piece in enumerate(pieces):
        names.update(zip(piece.call_keys, piece.call_names, strict=True))
        if piece.role == "tool":
            found[at] = piece.tool or names.get(piece.answers, "")
    return found
