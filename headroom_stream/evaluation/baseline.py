"""Policies that treat each tool output by itself, when it arrives: hindsight, and the plainest thing that one can do."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from headroom_stream.messages import Path, view, with_texts

_BLANK_LINES = re.compile(r"\n(?:[^\S\n]*+\n)++")
_BLANKS = re.compile(r"[ \t]++")


def minified(text: str) -> str:
    """JSON without white space; of any other text runs of blanks as one, and no blank lines."""
    try:
        return msgspec.json.format(text, indent=-1)
    except msgspec.DecodeError:
        return _BLANKS.sub(" ", _BLANK_LINES.sub("\n", text))


class EachOutput:
    """A session in which one function changes the text of every tool output, and nothing else changes."""

    def __init__(self, change: Callable[[str], str]) -> None:
        self._change = change
        self._messages: list[Mapping[str, Any]] = []

    def turn(self, new: Sequence[Mapping[str, Any]], /) -> list[Mapping[str, Any]]:
        """All messages so far, with their tool outputs changed."""
        self._messages += [self._changed(message) for message in new]
        return list(self._messages)

    def _changed(self, message: Mapping[str, Any]) -> Mapping[str, Any]:
        raw = msgspec.json.encode(message)
        outputs: dict[str, list[tuple[Path, str]]] = {}
        for output in view(raw).outputs:
            outputs.setdefault(output.key, []).append((output.path, output.text))
        if not outputs:
            return message
        texts: dict[Path, str] = {}
        for parts in outputs.values():
            texts.update({path: "" for path, _ in parts})
            texts[parts[0][0]] = self._change("\n".join(text for _, text in parts))
        changed: Mapping[str, Any] = msgspec.json.decode(with_texts(raw, texts))
        return changed
