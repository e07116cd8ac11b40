"""What many lines begin or end with, written once above them: errors that tell the same of each file, rows whose last cells are equal.

    name,text,YES,None,''          [… = ,YES,None,'']
    id,int,NO,None,''              name,text…
    age,int,YES,None,''     as     id,int,NO,None,''
                                   age,int…

The sign stands for the words that the nearest such line above it gives: before a line that it begins, after one that it ends. Below
`[{}… = before{}after]` a line that it ends has the words on both sides. Other lines are as they were. A text that has the sign already
is left alone, and so are code and whatever else is laid out by indentation.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from msgspec import Struct

from headroom_stream.config.cuts import EndsConfig
from headroom_stream.content import Compressed, Hints
from headroom_stream.content.code import looks_like_code
from headroom_stream.content.factoring import common_beginning, guess_tokens

_SIGN = "…"
_HOLE = "{}"

_EDGE = r"(?<![0-9])[ ,]|[\t=;|]"
_BEGINNING = re.compile(rf"(?s:.*)(?:{_EDGE}|[\"'(\[{{])")
"""Up to the last place where a beginning may end: no word, number, path or time of day is torn."""
_END = re.compile(rf"(?s:.*)(?:{_EDGE}|[\"')\]}}])")
"""The same for an end, read backwards."""
_ADDRESS = re.compile(r"://\S*\Z")
_WORD = re.compile(r"\w")
_STEPS = 4
"""Places tried one after the other, from where words look torn to where they do not."""
_LEAST_LINES = 4
_LEAST_LENGTH = 16
"""Characters of a line, on average. Shorter ones share hardly more than the sign costs, and there may be a million of them."""
_LEAST_SHARED = 8
"""Characters that two lines share at least, to be looked at."""
_LEAST_GAIN = 3
"""Tokens that must leave every line before a reader is asked to put one together from two places."""
_LEAST_SAVED = 12
_WORTH = 0.9
"""The most that may be left of a text."""
_GAP = 3
"""Other lines in a row, after which a reader does not have the words at hand any more."""
_HEADER = 6
"""Tokens of the line above, its words aside."""
_INDENTED = 0.4
"""Of the lines: from here on they are a document in which places have a meaning, such as assembly code or YAML."""
_PAIRS = 24
"""Lines that are compared with the two after them, whatever the length of a text."""
_LONGEST = 300
"""Characters of a beginning or an end."""
_TRIED = 6
"""Pairs of a beginning and an end that are looked for in all lines."""
_FAMILIES = 8
"""Kinds of lines in one text, at most: for each, the lines that are left are gone through again."""
_SAMPLE = 10
"""Lines at the start of a text and in its middle, of which as many as make a family begin or end alike, or several pairs of them."""
_WINDOW = 2_000
"""Characters in which they stand."""


class _Family(Struct, frozen=True):
    """Lines with a beginning, an end or both in common."""

    before: str
    after: str
    places: Sequence[int]
    saved: int
    """Tokens."""


def compress(text: str, hints: Hints, config: EndsConfig) -> Compressed | None:  # noqa: ARG001  # every compressor has this signature
    """`text` with beginnings and ends said once, or None if its lines share none that are worth it."""
    if not config.enabled or not _may_share(text) or _SIGN in text or "\r" in text:
        return None
    lines = text.split("\n")
    families = list(_families(lines))
    if not families or looks_like_code(text):
        return None
    for family in families:
        before, after = family.before, family.after
        head = f"[{_HOLE}{_SIGN} = {before}{_HOLE}{after}]" if before and after else f"[{_SIGN} = {before}{after}]"
        cut = slice(len(before), -len(after) or None)
        for at in family.places:
            rest = lines[at][cut]
            lines[at] = rest + _SIGN if after else _SIGN + rest
        first = family.places[0]
        lines[first] = f"{head}\n{lines[first]}"
    out = "\n".join(lines)
    return Compressed(text=out, kind="ends", lossless=True) if len(out) <= _WORTH * len(text) else None


def shortened(text: str) -> frozenset[int]:
    """The numbers of the lines, from 0, that say something only below the line with their words."""
    if f"{_SIGN} = " not in text:
        return frozenset()
    out: set[int] = set()
    given = False
    for at, line in enumerate(text.split("\n")):
        given = given or line.startswith((f"[{_SIGN} = ", f"[{_HOLE}{_SIGN} = "))
        if given and (line.startswith(_SIGN) or line.endswith(_SIGN)):
            out.add(at)
    return frozenset(out)


def _may_share(text: str) -> bool:
    """Whether lines near each other begin or end alike. Most texts end here."""
    count = text.count("\n")
    if count < _LEAST_LINES - 1 or count * _LEAST_LENGTH > len(text):
        return False
    if text.count("\n ") + text.count("\n\t") > _INDENTED * count:
        return False
    middle = len(text) // 2
    return _alike(text[:_WINDOW].split("\n", _SAMPLE)) or _alike(text[middle : middle + _WINDOW].split("\n", _SAMPLE)[1:])


def _alike(lines: list[str]) -> bool:
    sample = [line for line in lines[:_SAMPLE] if len(line) >= _LEAST_SHARED]
    most = len(sample) - _LEAST_LINES + 1
    return most > 0 and (
        len({line[-_LEAST_SHARED:] for line in sample}) <= most or len({line[:_LEAST_SHARED] for line in sample}) <= most
    )


def _families(lines: list[str]) -> Iterator[_Family]:
    """The kinds of lines, each in a stretch of its own: the sign means what the nearest line above says."""
    todo = [range(len(lines))]
    for _ in range(_FAMILIES):
        if not todo:
            return
        stretch = todo.pop()
        family = _best(lines, stretch) if len(stretch) >= _LEAST_LINES else None
        if family is not None:
            yield family
            todo += [range(family.places[-1] + 1, stretch.stop), range(stretch.start, family.places[0])]


def _best(lines: list[str], stretch: range) -> _Family | None:
    """The family that saves most."""
    found: Counter[tuple[str, str]] = Counter()
    for pair, count in _pairs(lines, stretch).items():
        for before, after in _shared(*pair):
            found[before, after] += count
    best = None
    for before, after in sorted(found, key=lambda words: (-found[words] * len("".join(words)), words))[:_TRIED]:
        gain = guess_tokens(before) + guess_tokens(after) - 1
        if gain < _LEAST_GAIN:
            continue
        least = len(before) + len(after)
        places = [at for at in stretch if lines[at].startswith(before) and lines[at].endswith(after) and len(lines[at]) >= least]
        near = max(_near(places), key=len, default=())
        saved = len(near) * gain - gain - _HEADER
        if len(near) >= _LEAST_LINES and saved >= max(_LEAST_SAVED, best.saved + 1 if best else 0):
            best = _Family(before, after, near, saved)
    return best


def _pairs(lines: list[str], stretch: range) -> Counter[tuple[str, str]]:
    """What lines have in common with those after them, at the beginning and, read backwards, at the end."""
    found: Counter[tuple[str, str]] = Counter()
    for at in stretch[: -1 : max(1, len(stretch) // _PAIRS)]:
        one = lines[at]
        start, stop = one[:_LEAST_SHARED], one[-_LEAST_SHARED:]
        for other in lines[at + 1 : min(at + 3, stretch.stop)]:
            begin, end = other.startswith(start), other.endswith(stop)
            if len(one) >= _LEAST_SHARED and (begin or end):
                before = common_beginning([one[:_LONGEST], other[:_LONGEST]]) if begin else ""
                after = common_beginning([one[: -_LONGEST - 1 : -1], other[: -_LONGEST - 1 : -1]]) if end else ""
                found[before, after[: min(len(one), len(other)) - len(before)]] += 1
    return found


def _shared(before: str, after: str) -> Iterator[tuple[str, str]]:
    """What may be said once of what two lines share: on one side, and on both. On one side alone, half a pair of quotes looks torn."""
    if words := _cut(before, _BEGINNING, torn=False):
        yield words, ""
    if words := _cut(after, _END, torn=False):
        yield "", words[::-1]
    if before and after:
        both = _cut(before, _BEGINNING, torn=True), _cut(after, _END, torn=True)[::-1]
        if all(both) and not _torn("".join(both)):
            yield both


def _cut(words: str, edge: re.Pattern[str], *, torn: bool) -> str:
    """`words` up to a place where they may end; empty if there is none."""
    for _ in range(_STEPS):
        place = edge.match(words)
        words = place.group() if place else ""
        if len(words) < _LEAST_SHARED or not _WORD.search(words):
            return ""
        if (torn or not _torn(words)) and _HOLE not in words and not _ADDRESS.search(words):
            return words
        words = words[:-1]
    return ""


def _torn(words: str) -> bool:
    """Whether they have half a pair of quotes or brackets."""
    return any(words.count(mark) % 2 for mark in "\"'") or any(
        words.count(pair[0]) != words.count(pair[1]) for pair in ("()", "[]", "{}")
    )


def _near(places: list[int]) -> Iterator[list[int]]:
    """Places in parts, where too many lines lie between."""
    start = 0
    for at in range(1, len(places) + 1):
        if at == len(places) or places[at] - places[at - 1] > _GAP + 1:
            yield places[start:at]
            start = at
