"""Counting tokens. Loading a tokenizer reads files, so that is `tokenizers`; this is the arithmetic and the protocol."""

from __future__ import annotations

from typing import Protocol

from headroom_stream.messages import View

PER_CONTEXT = 3
"""OpenAI primes each answer with three tokens."""
PER_MESSAGE = 3
PER_CALL = 10
PER_RESULT = 2
PER_NAME = 1
OPAQUE = 765
"""Stands for a part that can't be counted: what OpenAI bills for an image of 1024x1024. Such counts are never called exact."""


class Tokenizer(Protocol):
    """Counts the tokens of a text. Deterministic, and never slow to start once it exists."""

    @property
    def name(self) -> str:
        """Of the encoding, such as `o200k_base`."""

    def count(self, text: str) -> int:
        """Tokens of `text`."""

    def count_within(self, text: str, whole: str, tokens: int) -> int:
        """The same as `count`, faster where `text` is a part of `whole`, which has `tokens`."""

    def exact_for(self, model: str) -> bool:
        """Whether `model` is billed by this very encoding."""


def count_frame(view: View, tokenizer: Tokenizer) -> int:
    """Tokens of a message without the texts of its tool outputs."""
    count = tokenizer.count
    total = PER_MESSAGE + count(view.role)
    for text in view.texts:
        total += count(text)
    for name in view.named:
        total += count(name) + PER_NAME
    for call in view.calls:
        total += count(call.name) + count(call.arguments) + count(call.key) + PER_CALL
    for key in view.answers:
        total += count(key) + PER_RESULT
    return total + OPAQUE * view.opaque


def count_message(view: View, tokenizer: Tokenizer) -> int:
    """Tokens of one message by OpenAI's rule, taken for all shapes.

    3 a message, its role, its texts; name + 1; a call: name + arguments + id + 10; a result: id + 2; 765 an opaque part.
    """
    return count_frame(view, tokenizer) + sum(tokenizer.count(o.text) for o in view.outputs)
