"""Whether a text is source code or a listing that an agent edits by: there every blank and every line number counts."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import islice, pairwise
from math import ceil

_SAMPLE_LINES = 400
"""Looked at from the start, and as many from the end: what a text is shows early, and the work stays bounded."""

_NUMBERED = re.compile(r"[ \t]*([0-9]+)(?:[\t:|→-]|  )")
_BEGINS_WITH_NUMBER = re.compile(r"\n[ \t]*+[0-9]")
_HOLDS_PLACE = re.compile(r"[:-][0-9]++[:-]")
"""What most lines of such a listing have, the one or the other: looked for all over a text, before any line is."""
_NAMED_NUMBER = re.compile(r"[\w./+@-]*[A-Za-z_/][\w./+@-]*[:-]([0-9]+)[:-]")
_MARKS = (
    r"(?:@@ -[0-9]+(?:,[0-9]+)? \+[0-9]+|diff --git |--- [^\n]+\n\+\+\+ )",
    r"(?i:```|#!/|<\?xml|<!DOCTYPE)",
)
"""What lines of a patch begin with, and of a document in a language."""
_STATEMENT = re.compile(
    r"""[ \t]*+(?:
      (?:async\ )?def\ \w+\( | class\ \w+\s*[:({] | (?:from\ [\w.]+\ )?import\ [\w.{*"'] | @\w[\w.]*(?:\(|$)
    | (?:if|elif|while|for|with|except|else|try|finally|switch|catch|do)\b.*[:{]\s*(?:\#.*|//.*)?$
    | (?:return|yield|raise|assert|await|throw|del|break|continue|pass)\b[^.]*;?$
    | (?:public|private|protected|static|export|const|let|var|func|fn|pub|impl|struct|enum|package|using|namespace|type)\ \S
    | \#\s*(?:include|define|ifdef|ifndef|endif|pragma)\b
    | </?(?!(?:returncode|output|stdout|stderr|result)\b)[a-zA-Z][\w:-]*(?:\s[^<>]*)?/?>\s*$
    | \*?+[\w.\[\]'"]++\s*+[-+*/|&:]?+=\s*+\S | [\w.]++\([^()]*+\)\s*+[;{]?$
    | [\])}]+[;,]?\s*$ | (?:SELECT|INSERT|CREATE|UPDATE)\ .*
    )""",
    re.VERBOSE,
)
_ENDS = (";", "{")
_BLOCK = re.compile(r".*\)\s*(?:->\s*\S+)?:\s*$")
_STATEMENTS_SHARE = 0.2
_NUMBERED_SHARE = 0.6


def line_begins(pattern: str) -> Callable[[str], bool]:
    """Whether a line of a text begins with `pattern`. A search for `^` would try each character; for a line break it runs to the next."""
    first, below = (re.compile(begin + pattern, re.MULTILINE) for begin in ("", "\n"))
    return lambda text: first.match(text) is not None or below.search(text) is not None


_is_diff, _is_fenced = map(line_begins, _MARKS)


def sample(text: str) -> list[str]:
    """The lines that decide what a text is: the first and the last few hundred."""
    if text.count("\n") < 2 * _SAMPLE_LINES:
        return text.split("\n")
    return text.split("\n", _SAMPLE_LINES)[:-1] + text.rsplit("\n", _SAMPLE_LINES)[1:]


def looks_numbered(lines: list[str]) -> bool:
    """A listing by line number (`cat -n`, `nl`, `grep -n`): most lines start with a number, and the numbers rise."""
    return _rise([line for line in lines if line.strip()])


def _rise(filled: list[str]) -> bool:
    found: list[re.Match[str]] = []
    for at, line in enumerate(filled):
        match = _NUMBERED.match(line) or _NAMED_NUMBER.match(line, 0, 300)
        if match is not None:
            found.append(match)
        elif len(found) + len(filled) - at - 1 < _NUMBERED_SHARE * len(filled):
            return False  # most texts are none, and end here
    if len(found) < 2:
        return False
    # One number may fall where the next file or the tail of the sample begins. Clock times and process ids repeat or jump.
    numbers = [int(match.group(1)[:18]) for match in found]
    return sum(a < b for a, b in pairwise(numbers)) >= 0.9 * (len(numbers) - 1) - (len(numbers) > 4)


def looks_like_diff(text: str) -> bool:
    """A patch: white space in it is part of what it changes."""
    return _is_diff(text)


def looks_like_code(text: str) -> bool:
    """Source code, markup, a patch or a numbered listing, by evidence; prose, logs and tables of a shell are not.

    When in doubt the answer is yes: code taken for prose would lose blanks that an edit must match.
    """
    if _is_diff(text) or _is_fenced(text):
        return True
    lines = sample(text)
    filled = [line for line in lines if line.strip()]
    by_number = bool(filled) and _NUMBERED.match(filled[0]) is not None
    if by_number and _rise(filled):
        return True
    enough = max(1, ceil(_STATEMENTS_SHARE * len(filled)))
    if sum(1 for _ in islice(filter(_is_statement, filled), enough)) == enough:
        return True
    return not by_number and (len(lines) >= 2 * _SAMPLE_LINES or _may_be_numbered(text, len(filled))) and _rise(filled)


def _may_be_numbered(text: str, filled: int) -> bool:
    """Whether enough lines may have a number, of so many that are filled."""
    missing = ceil(_NUMBERED_SHARE * filled) - 1 - len(_BEGINS_WITH_NUMBER.findall(text))
    return missing <= 0 or sum(1 for _ in islice(_HOLDS_PLACE.finditer(text), missing)) == missing


def _is_statement(line: str) -> bool:
    line = line[:300]
    end = line.rstrip()[-1:]
    return end in _ENDS or _STATEMENT.match(line) is not None or (end == ":" and _BLOCK.match(line) is not None)
