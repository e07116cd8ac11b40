"""The ceiling: each tool output cut, when it arrives, to the facts that the agent will use. Nobody can know them then.

What it saves bounds what any policy can save without losing a value. It keeps values, not sentences, so phrases suffer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from headroom_stream.errors import RejectedEventError
from headroom_stream.evaluation.atoms import unescaped
from headroom_stream.evaluation.baseline import EachOutput
from headroom_stream.evaluation.conversation import Conversation
from headroom_stream.evaluation.reading import Reading
from headroom_stream.tokens import Tokenizer

MARGIN = 90
"""Characters that stay on either side of a fact: somewhat more than what its surroundings are measured by."""


class Knowledge:
    """Of each tool output: the values in it that some agent used later."""

    def __init__(self) -> None:
        self._used: dict[bytes, dict[str, None]] = {}

    def cut(self, text: str) -> str:
        """The output without all that nobody used."""
        plain = unescaped(text)
        spans = []
        for atom in self._used.get(_name(text), ()):
            at = plain.find(atom)
            if at >= 0:
                spans.append((max(0, at - MARGIN), at + len(atom) + MARGIN))
        kept: list[str] = []
        end = 0
        for first, last in sorted(spans):
            kept.append(plain[max(first, end) : last])
            end = max(end, last)
        return "".join(kept)

    def learn(self, reading: Reading) -> None:
        """Take in what happened in a conversation."""
        for uses in reading.uses.values():
            for use in uses:
                self._used.setdefault(_name(reading.pieces[use.source].content), {})[use.atom] = None


def learn(conversations: Iterable[Conversation], tokenizer: Tokenizer) -> Knowledge:
    """What happened in all of them. Those that can't be read teach nothing."""
    known = Knowledge()
    for conversation in conversations:
        try:
            known.learn(Reading(conversation, tokenizer))
        except RejectedEventError:
            # Measuring the same conversation tells of it.
            continue
    return known


def _name(text: str) -> bytes:
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest()


class Hindsight(EachOutput):
    """A session under that knowledge."""

    def __init__(self, known: Knowledge) -> None:
        super().__init__(known.cut)
