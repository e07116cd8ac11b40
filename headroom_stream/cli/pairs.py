"""A session's messages before and after, side by side: which became which, and what changed in the text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any

from msgspec import Raw, Struct
from rich.text import Text

from headroom_stream.cli.streams import look, role_of, text_of
from headroom_stream.messages import digest
from headroom_stream.tokens import Tokenizer, count_message

WORDS = 2_000
"""Texts with more words are compared line by line: comparing words takes time with the square of their number."""

_WORD = re.compile(r"\s+|\w+|[^\w\s]")


class Pair(Struct, frozen=True, kw_only=True):
    """A message as the agent had it and as the context has it; one of them is None where it was dropped or put in."""

    before: Raw | None
    after: Raw | None
    tokens_before: int | None = None
    tokens_after: int | None = None

    @property
    def role(self) -> str:
        """Who speaks."""
        message = self.before if self.before is not None else self.after
        return role_of(message) if message is not None else "?"

    @property
    def changed(self) -> bool:
        """Whether the context has another message here than the agent had. Cache marks and white space of the JSON don't count."""
        return self.before is None or self.after is None or digest(self.before) != digest(self.after)


def pair(before: Sequence[Raw], after: Sequence[Raw], tokenizer: Tokenizer | None = None) -> list[Pair]:
    """Match the messages in order. Tool outputs match by the calls they answer, since their text is what changes."""
    keys_before, keys_after = [_key(m) for m in before], [_key(m) for m in after]
    made: list[Pair] = []

    def add(old: Raw | None, new: Raw | None) -> None:
        made.append(Pair(before=old, after=new, tokens_before=_tokens(old, tokenizer), tokens_after=_tokens(new, tokenizer)))

    # autojunk would pass over messages that are often said, such as "ok".
    for what, a, b, c, d in SequenceMatcher(None, keys_before, keys_after, autojunk=False).get_opcodes():
        if what == "equal":
            for old, new in zip(before[a:b], after[c:d], strict=True):
                add(old, new)
        else:
            for old in before[a:b]:
                add(old, None)
            for new in after[c:d]:
                add(None, new)
    return made


def _key(message: Raw) -> tuple[Any, ...]:
    seen = look(message)
    if seen is not None and seen.answers:
        return ("results", *seen.answers)
    return ("message", digest(message) or bytes(message))


def _tokens(message: Raw | None, tokenizer: Tokenizer | None) -> int | None:
    seen = look(message) if message is not None else None
    return count_message(seen, tokenizer) if seen is not None and tokenizer is not None else None


def marked(pair_: Pair) -> tuple[Text, Text]:
    """The texts of both sides; what only the first has is red, what only the second has is green."""
    old = text_of(pair_.before) if pair_.before is not None else ""
    new = text_of(pair_.after) if pair_.after is not None else ""
    left, right = _WORD.findall(old), _WORD.findall(new)
    if len(left) > WORDS or len(right) > WORDS:
        left, right = old.splitlines(keepends=True), new.splitlines(keepends=True)
    before, after = Text(), Text()
    for what, a, b, c, d in SequenceMatcher(None, left, right).get_opcodes():
        before.append("".join(left[a:b]), style="" if what == "equal" else "red")
        after.append("".join(right[c:d]), style="" if what == "equal" else "green")
    return before, after
