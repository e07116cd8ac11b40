"""Values that tell where a text got something from: identifiers, numbers, paths and addresses, never common words."""

from __future__ import annotations

import re
from collections.abc import Iterator

MAX_VALUE = 200
"""Characters of a value. Nothing longer is quoted whole."""

_RUN = re.compile(r"[\w.@:/#+-]{1,2000}")
_EDGES = ".:/#+-"
"""What a value neither begins nor ends with: a sentence ends, a list goes on."""
_CAMEL = re.compile(r"[a-z][A-Z]")
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_WORD = re.compile(r"[^\W_]+")
_LIKE_WORDS = 8
"""`and/or` and `e.g` are shorter than this, file names and hosts without a digit mostly are not."""


def values(text: str) -> Iterator[str]:
    """The telling values of a text, in order, with repeats."""
    for match in _RUN.finditer(text):
        value = match[0].strip(_EDGES)
        if telling(value):
            yield value


def telling(value: str) -> bool:
    """Whether a value hardly occurs by chance: it has three digits or more, or digits among letters, or parts like a name in code."""
    if len(value) < 3 or len(value) > MAX_VALUE:
        return False
    if value.isalpha():
        return len(value) >= 4 and not value.islower() and _CAMEL.search(value) is not None
    if _NUMBER.fullmatch(value):
        return sum(map(str.isdigit, value)) >= 3
    if any(map(str.isdigit, value)):
        return len(value) >= 4
    if "_" in value or "@" in value or _CAMEL.search(value):
        return len(value) >= 4
    return len(value) >= _LIKE_WORDS and ("/" in value or "." in value or ":" in value)


def phrase(text: str) -> str:
    """A text of two to eight words in lower case, such as a name or a title; empty for others."""
    if len(text) > MAX_VALUE:
        return ""
    words = _WORD.findall(text)
    return " ".join(words).lower() if 2 <= len(words) <= 8 and sum(map(len, words)) >= 8 else ""


def words_of(text: str) -> list[str]:
    """The words of a text in lower case, for phrases to be found among."""
    return _WORD.findall(text.lower())
