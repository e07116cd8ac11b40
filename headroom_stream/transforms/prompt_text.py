"""The texts of a system message, and the stretches of them that nothing may alter: code and JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence

from headroom_stream.messages import Path
from headroom_stream.transforms.result import Message

_FENCE = re.compile(r"^[ ]{0,3}(?P<fence>`{3,10}|~{3,10})[^\n]*$", re.MULTILINE)
_INLINE = re.compile(r"`[^`\n]{1,500}`|\{[^{}\n]{0,500}\"[^{}\n]{0,500}\}")
"""Code in a line, and an object in a line: a form to fill in or an example."""
_JSON_START = re.compile(r"^[ \t]{0,20}(?=[{\[])", re.MULTILINE)
_MAX_JSON_TRIES = 40
"""Lines that begin like JSON and are none cost a look each; prompts have a few."""
_MAX_JSON_CHARS = 200_000
_TRAILING = re.compile(r"(?<![ \t\r])[ \t\r]++(?=\n)")
_BLANK_LINES = re.compile(r"\n{3,}")

Span = tuple[int, int]


def texts_of(message: Message) -> Iterator[tuple[Path, str]]:
    """The texts of a message of any shape, and where they lie."""
    content = message.get("content")
    if isinstance(content, str):
        yield ("content",), content
    for field in ("content", "parts"):
        blocks = message.get(field)
        for i, block in enumerate(blocks if isinstance(blocks, list) else ()):
            if isinstance(block, dict) and isinstance(block.get("text"), str):
                yield (field, i, "text"), block["text"]


def fixed_spans(text: str) -> list[Span]:
    """Where code and JSON lie in a text, in order, without overlaps. A fence that is never closed reaches to the end."""
    spans = _fences(text)
    spans += outside(spans, _json_blocks(text, spans))
    spans.sort()
    spans += outside(spans, [match.span() for match in _INLINE.finditer(text)])
    return sorted(spans)


def _fences(text: str) -> list[Span]:
    out: list[Span] = []
    opened: tuple[int, str] | None = None
    for match in _FENCE.finditer(text):
        fence = match["fence"]
        if opened is None:
            opened = (match.start(), fence)
        elif fence[0] == opened[1][0] and len(fence) >= len(opened[1]) and match[0].strip() == fence:
            out.append((opened[0], match.end()))
            opened = None
    if opened is not None:
        out.append((opened[0], len(text)))
    return out


def _json_blocks(text: str, fences: list[Span]) -> Iterator[Span]:
    """Values that begin a line and are an object or a list."""
    decode = json.JSONDecoder().raw_decode
    reach = tries = 0
    fence = 0
    for match in _JSON_START.finditer(text):
        start = match.end()
        while fence < len(fences) and fences[fence][1] <= start:
            fence += 1
        inside = fence < len(fences) and fences[fence][0] <= start
        if start < reach or inside:
            continue
        if tries >= _MAX_JSON_TRIES:
            return
        tries += 1
        try:
            value, length = decode(text[start : start + _MAX_JSON_CHARS])
        except (ValueError, RecursionError):  # no JSON
            continue
        if value:
            reach = start + length
            yield start, reach


def outside(taken: Sequence[Span], spans: Iterable[Span]) -> list[Span]:
    """Those of `spans` that overlap neither `taken` nor an earlier one of them. Both are in order."""
    out: list[Span] = []
    at = reach = 0
    for start, end in spans:
        while at < len(taken) and taken[at][1] <= start:
            at += 1
        if start >= reach and (at == len(taken) or end <= taken[at][0]):
            out.append((start, end))
            reach = end
    return out


def tidied(text: str) -> str:
    """`text` without blanks that end lines and with at most one blank line in a row; code and JSON as they are."""
    parts: list[str] = []
    at = 0
    for start, end in [*fixed_spans(text), (len(text), len(text))]:
        parts += [_BLANK_LINES.sub("\n\n", _TRAILING.sub("", text[at:start])), text[start:end]]
        at = end
    return "".join(parts)
