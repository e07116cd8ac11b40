"""Values in a prompt that may differ at the next call: dates, times, ids and numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice

from msgspec import Struct

from headroom_stream.transforms.prompt_text import Span, outside

_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?"
    r"|Dec(?:ember)?)"
)
_DAY = r"(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?"
_TIME = (
    r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?(?:\ ?[AaPp][Mm]\b)?(?:\ ?(?:Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2})(?!\w))?"
)
_VALUE = re.compile(
    rf"""(?<![\w.-])(?:
      (?P<stamp>[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[T ]{_TIME})
    | (?P<date>(?:{_DAY},?\ (?:the\ )?)?(?:
          [0-9]{{4}}[-/.][0-9]{{1,2}}[-/.][0-9]{{1,2}} | [0-9]{{1,2}}[/.][0-9]{{1,2}}[/.][0-9]{{4}}
        | {_MONTH}\.?\ [0-9]{{1,2}}(?:st|nd|rd|th)?(?:,?\ [0-9]{{4}})? | [0-9]{{1,2}}(?:st|nd|rd|th)?\ {_MONTH}\.?(?:,?\ [0-9]{{4}})?
        )(?:,?\ (?:at\ )?{_TIME})?)
    | (?P<uuid>[0-9a-fA-F]{{8}}(?:-[0-9a-fA-F]{{4}}){{3}}-[0-9a-fA-F]{{12}})
    | (?P<time>{_TIME})
    | (?P<id>(?=[\w.-]{{0,80}}[0-9])(?=[\w.-]{{0,80}}[A-Za-z])[\w-]{{6,200}})
    | (?P<number>[0-9]{{1,30}}(?:[.,][0-9]{{1,30}}){{0,10}}%?)
    )(?!\w)""",
    re.VERBOSE,
)
_NOW = re.compile(
    r"\b(?:today|now|current(?:ly)?|as of|this session|local time|timestamp|generated|updated)\b|^\W{0,8}(?:date|time|datetime)\b",
    re.IGNORECASE,
)
_NEAR = 48
"""Characters before a date, in its line, in which a word says that it is the present one."""
MAX_VALUES = 2_000
"""Of one text. One with more is a table of data: values do not leave it, and looking for them all would take too long."""


_LONG_ID = 10
"""Characters of an id that look random; shorter ones are names of models and formats."""


class Found(Struct, frozen=True):
    """A value, and where it lies."""

    start: int
    end: int
    kind: str
    """`date`, `time`, `id` or `number`; `value` for patterns of the caller's."""
    sure: bool = False
    """Whether its surroundings or the caller say that it is another at every call."""
    suspect: bool = False
    """Whether its looks say so: a date, a time or a long id."""


def find(text: str, patterns: Sequence[re.Pattern[str]], fixed: Sequence[Span]) -> list[Found]:
    """The values of `text` outside the `fixed` spans, in order, without overlaps. Those of `patterns` go before others."""
    own = {span: Found(*span, "value", sure=True, suspect=True) for p in patterns for m in p.finditer(text) if (span := _span(m))}
    chosen = outside(fixed, sorted(own, key=lambda span: (span[0], -span[1])))
    ours = {match.span(): match for match in islice(_VALUE.finditer(text), MAX_VALUES + 1)}
    free = outside(sorted([*fixed, *chosen]), ours if len(ours) <= MAX_VALUES else ())
    found = [*(own[span] for span in chosen), *(_found(text, ours[span]) for span in free)]
    return sorted(found, key=lambda f: f.start)


def _span(match: re.Match[str]) -> Span | None:
    """Where a caller's pattern says that the value is; None if it is nowhere."""
    start, end = match.span(1) if match.re.groups and match[1] is not None else match.span()
    return (start, end) if end > start else None


def _found(text: str, match: re.Match[str]) -> Found:
    kind = match.lastgroup or "number"
    start, end = match.span()
    if kind in ("date", "time", "stamp"):
        line = text.rfind("\n", max(0, start - _NEAR), start)
        before = text[max(0, start - _NEAR) if line < 0 else line + 1 : start]
        return Found(
            start, end, "time" if kind == "time" else "date", sure=kind == "stamp" or bool(_NOW.search(before)), suspect=True
        )
    if kind == "uuid":
        return Found(start, end, "id", suspect=True)
    random = kind == "id" and end - start >= _LONG_ID and sum(map(str.isdigit, match[0])) >= 3
    return Found(start, end, kind, suspect=random)
