"""Plain words, and phrases of four of them in a row: what guards sentences and code, which carry no typed value."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

Phrase = tuple[str, str, str, str]

_WORD = re.compile(r"[^\W_]+")


def runs(text: str) -> list[str]:
    """The runs of letters and digits of a text."""
    return _WORD.findall(text)


def words(text: str) -> list[str]:
    """The same in lower case."""
    return [word.lower() for word in runs(text)]


def phrases(found: Sequence[str]) -> Iterator[Phrase]:
    """Each four words in a row."""
    return zip(found, found[1:], found[2:], found[3:], strict=False)


def phrases_among(found: Sequence[str], wanted: Collection[Phrase]) -> set[Phrase]:
    """Those phrases that are wanted."""
    return {phrase for phrase in phrases(found) if phrase in wanted} if wanted else set()
