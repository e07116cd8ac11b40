"""A text that holds one large JSON value among words: an API's answer under a line that introduces it."""

from __future__ import annotations

import json
import re

_START = re.compile(r"^(?:[\w ]{1,40}: ?)?(?=[\[{][\s\"\[{\]}0-9-])", re.MULTILINE)
"""Where a value may begin: at the start of a line, or after a name on it."""
_TRIES = 4
"""Places that are tried: each costs a reading of the text from there."""
_SHARE = 0.5
"""Of the text, the least that the value has to be."""

_decode = json.JSONDecoder().raw_decode


def json_within(text: str) -> tuple[int, int] | None:
    """Where in `text` the JSON object or list begins and ends that makes up most of it; None if there is none, or if it is all."""
    for tried, start in enumerate(_START.finditer(text)):
        at = start.end()
        if tried >= _TRIES or len(text) - at < _SHARE * len(text):
            return None
        try:
            _, end = _decode(text, at)
        except (ValueError, RecursionError):  # words in brackets, or a value that was cut
            continue
        if end - at >= _SHARE * len(text) and (at or text[end:].strip()):
            return at, end
    return None
