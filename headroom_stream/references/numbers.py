"""Lines under numbers, as `cat -n`, `grep -n` and viewers of files print them, and the same lines under other numbers."""

from __future__ import annotations

import re
from itertools import accumulate

from msgspec import Struct

_NUMBER = re.compile(r" *+[1-9][0-9]{0,6}+ ?[:|→\t-]")
_AROUND = " :|→\t-"
_ANY = re.compile("\n" + _NUMBER.pattern)


class Numbers(Struct, frozen=True, array_like=True):
    """Numbers that rise by one from line to line, and how they are written."""

    first: int
    width: int
    """That numbers are padded to with blanks on the left."""
    mark: str
    """What stands after a number."""


class Lines(Struct):
    """The lines of a text, and what they say apart from their numbers."""

    lines: list[str]
    bare: list[str]
    """`lines` itself where none has a number."""
    _starts: list[int] = []
    """Once they were asked for."""

    def start(self, at: int) -> int:
        """Where a line begins in the text, or a next one would."""
        if not self._starts:
            self._starts = [0, *accumulate(len(line) + 1 for line in self.lines)]
        return self._starts[at]

    def number(self, at: int) -> int:
        """Of a line; 0: it has none."""
        before = self.lines[at].removesuffix(self.bare[at])
        return int(before.strip(_AROUND)) if before else 0

    def written(self, at: int) -> Numbers:
        """How the numbers from a line on are written, which has one."""
        before = self.lines[at].removesuffix(self.bare[at])
        digits = before.rstrip(_AROUND)
        return Numbers(int(digits), len(digits) if digits[0] == " " else 0, before[len(digits) :])


def split(text: str) -> Lines:
    """The lines of a text."""
    lines = text.split("\n")
    # Looked for once in the whole text: most have no numbers, and a look at each line would cost more than all the rest.
    if not _ANY.search(text):
        return Lines(lines, lines)
    return Lines(lines, [_bare(line) for line in lines])


def _bare(line: str) -> str:
    match = _NUMBER.match(line)
    return line if match is None else line[match.end() :]


def numbered(bare: str, numbers: Numbers, number: int) -> str:
    """A line with its number."""
    return f"{number:>{numbers.width}}{numbers.mark}{bare}"


def renumbered(text: str, numbers: Numbers) -> str:
    """Lines under other numbers than they have."""
    lines = text.split("\n")
    return "\n".join(numbered(_bare(line), numbers, n) for n, line in enumerate(lines, numbers.first))
