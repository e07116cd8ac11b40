"""A text that holds one large JSON value among words: an API's answer under a line that introduces it."""

from __future__ import annotations

import json
import re

import msgspec

_START = re.compile(r"[\[{](?=[\s\"\[{\]}0-9-])(?:(?<![^\n].)|(?<=:.)|(?<=: .))")
_NAME = re.compile(r"[\w ]{1,40}: ?")
"""A value may begin at the start of a line, or after a name on it."""
_LONGEST_NAME = 42
_TRIES = 4
"""Places that are tried: each costs a reading of the text from there."""
_SHARE = 0.5
"""Of the text, the least that the value has to be."""

_decode = json.JSONDecoder().raw_decode


def json_within(text: str) -> tuple[int, int] | None:
    """Where in `text` the JSON object or list begins and ends that makes up most of it; None if there is none, or if it is all."""
    if _is_whole(text):
        return None
    tried = 0
    for start in _START.finditer(text, 0, int((1 - _SHARE) * len(text)) + 2):
        at = start.start()
        if not _begins(text, at):
            continue
        if tried >= _TRIES or len(text) - at < _SHARE * len(text):
            return None
        tried += 1
        try:
            _, end = _decode(text, at)
        except (ValueError, RecursionError):  # words in brackets, or a value that was cut
            continue
        if end - at >= _SHARE * len(text):
            return (at, end) if at or text[end:].strip() else None
    return None


def _is_whole(text: str) -> bool:
    """Whether all of `text` is one JSON value, as most texts are that begin like one; read by the faster of two parsers."""
    if text[:1] not in ("{", "[") or text[-1:] not in ("}", "]"):
        return False
    try:
        msgspec.json.decode(text)
    except (ValueError, RecursionError):  # also of values that the other one takes, such as NaN
        return False
    return True


def _begins(text: str, at: int) -> bool:
    """Whether nothing or a name stands before this place on its line."""
    line = text.rfind("\n", max(0, at - _LONGEST_NAME - 1), at) + 1
    if not line and at > _LONGEST_NAME:
        return False
    return line == at or _NAME.fullmatch(text, line, at) is not None
