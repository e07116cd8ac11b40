"""Long lists of lines that all hold a word of the call: what `grep` found in one text, in a dump of strings, in a list of processes.

Shown are the first lines of each form in which the word stands, so that `flag{…}` is seen among hundreds of `flags`; what went wrong;
and what the question names. Lines by number are code, and names without blanks are looked up one by one: both stay as they are.
"""

from __future__ import annotations

import re
from collections import Counter

from headroom_stream.config.cuts import HitsConfig
from headroom_stream.content import Compressed, Hints
from headroom_stream.content.log_lines import matters
from headroom_stream.content.named import Named

_SEARCH = re.compile(r"\b(?:[efz]?grep|rg|ag|ack|findstr|select-string|search|find|filter|match)", re.IGNORECASE)
"""In the name of a tool or in a call: what another program prints is data, though each line may say what it is."""
_WORD = re.compile(r"\w{3,40}")
_TOKEN = re.compile(r"[\w-]++[({\[<=:/]?")
_SAMPLE = 200
"""Lines that words of the call are looked for in; few words stand in all of them."""
_NUMBERED = re.compile(r"\s*[0-9]+[:\t-]")
_HOLD = 0.95
"""Of the lines, those with the word: the command itself may say something, and the last line may be cut."""
_SENTENCES = 0.8
"""Of the lines, those with a blank: others are names."""
_WORTH = 0.75


def compress(text: str, hints: Hints, config: HitsConfig) -> Compressed | None:
    """`text` with some hits of each form, or None if it is no such list or would not shrink by a quarter."""
    if not config.enabled or text.count("\n") < config.min_lines or _NUMBERED.match(text):
        return None
    if not _SEARCH.search(hints.tool) and not _SEARCH.search(hints.intent):
        return None
    lines = text.split("\n")
    word = _looked_for(lines, hints.intent)
    if word is None or sum(" " in line for line in lines) < _SENTENCES * len(lines):
        return None
    count = Counter(one for line in lines for one in _forms(line, word))
    shown: Counter[str] = Counter()
    stays = Named(hints.query, hints.intent).lines(lines)
    for at, line in enumerate(lines):
        each = _forms(line, word)
        shown.update(each)
        if not each or matters(line) or any(shown[one] <= config.same_form for one in each):
            stays.add(at)
        if any(count[one] == 1 for one in each):
            # What stands beside it comes from the same place and tells what it is.
            stays.update(range(max(0, at - 1), min(at + 2, len(lines))))
    left_out = len(lines) - len(stays)
    short = "\n".join([lines[at] for at in sorted(stays)])
    if len(short) > _WORTH * len(text):
        return None
    return Compressed(text=short, kind="hits", lossless=False, removed=f"{left_out} more lines with {word}")


def _forms(line: str, word: str) -> set[str]:
    """What the word is part of, with a bracket or a sign of assignment that follows."""
    return {token for token in _TOKEN.findall(line.lower()) if word in token}


def _looked_for(lines: list[str], intent: str) -> str | None:
    """The longest word of the call that nearly all lines hold, in any case and within other words as well."""
    start = lines[:_SAMPLE]
    least = _HOLD * len(start)
    # A word that so few lines do not hold is in one of the first.
    first = "\n".join(start[: int(len(start) - least) + 2]).lower()
    words = [word for word in set(_WORD.findall(intent.lower())) if word in first]
    if words:
        start = [line.lower() for line in start]
        words = [word for word in words if sum(word in line for line in start) >= least]
    word = max(words, key=lambda word: (len(word), word), default=None)
    return word if word is not None and sum(word in line.lower() for line in lines) >= _HOLD * len(lines) else None
