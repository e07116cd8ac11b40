"""Facts that an agent used when its context did not hold them any more: where each came from, and where it was used."""

from __future__ import annotations

import re

from msgspec import Struct

from headroom_stream.evaluation.atoms import place, unescaped
from headroom_stream.evaluation.facts import Use
from headroom_stream.evaluation.reading import Reading

BESIDE = 60
"""Characters shown on either side."""


class Excerpt(Struct, frozen=True):
    """A fact amid its line."""

    message: int
    before: str
    fact: str
    after: str


class Lost(Struct, frozen=True, kw_only=True):
    """A fact that was used and not there."""

    family: str
    policy: str
    conversation: str
    kind: str
    """Of value: url, email, path, date, num, ident or leaf."""
    tool: str
    content: str
    """What the policy took the output for."""
    source: Excerpt
    used: Excerpt


def describe(reading: Reading, use: Use, *, policy: str, content: str) -> Lost:
    """Describe it."""
    source, used = reading.pieces[use.source], reading.pieces[use.at]
    return Lost(
        family=reading.conversation.family,
        policy=policy,
        conversation=reading.conversation.id,
        kind=use.kind,
        tool=reading.tools[use.source],
        content=content,
        source=_excerpt(source.message, unescaped(source.content), use),
        used=_excerpt(used.message, used.said, use),
    )


def _excerpt(message: int, text: str, use: Use) -> Excerpt:
    written = use.atom
    if use.kind == "num" and "." not in written and place(written, text) < 0:
        written = f"{int(use.atom):,}"
    # As part of a longer name only where it stands nowhere by itself.
    standing = re.search(rf"(?<![\w-]){re.escape(written)}(?![\w-])", text)
    at = standing.start() if standing else text.find(written)
    if at < 0:
        return Excerpt(message, "", _line(use.atom), "")
    end = at + len(written)
    return Excerpt(message, _line(text[max(0, at - BESIDE) : at]), _line(written), _line(text[end : end + BESIDE]))


def _line(text: str) -> str:
    """On one line, in characters that can be written anywhere: an escape may have stood for half a character."""
    return " ".join(text.encode(errors="replace").decode().split(" ")).replace("\n", " ⏎ ").replace("\t", " ").replace("\r", " ")
