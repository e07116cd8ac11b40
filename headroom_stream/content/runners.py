"""What test runners print: failures whole, with their traces; of what passed, how much.

Known are pytest, unittest and Django, Go, Cargo, Jest and others that write a line for each test that passes. Left out are those
lines, lines of set-up, and warnings that repeat. The summary stays, and what the query names.
"""

from __future__ import annotations

import re
from functools import lru_cache

from headroom_stream.config.policy import TestsConfig
from headroom_stream.content import Compressed, Hints
from headroom_stream.content.code import line_begins
from headroom_stream.content.named import Named

_is_summary = line_begins(
    r"""(?x:
      =+\ test\ (?:session|process)\ starts\ =+
    | =+\ [^\n]{0,200}\b(?:passed|failed|errors?|warnings?)\b[^\n]{0,100}\ in\ [0-9.]+s[^\n]{0,40}=
    | Ran\ [0-9]+\ tests?\ in\ [0-9.]+s | test\ result:\ (?:ok|FAILED)\. | ---\ (?:PASS|FAIL):\ \S | (?:ok|FAIL)\ +\t\S+\t
    | Tests:\ +[^\n]{0,100}\btotal$ | Test\ Suites:\ | \ ++[0-9]+\ passing\ \( | 1\.\.[0-9]+$ | [0-9]+%\ tests\ passed,
    | Tests\ run:\ [0-9]+,
    )"""
)
"""A line that only a test runner prints: of a summary or of a session's start."""
_SIGNS = (
    "====", "\nRan ", "test result: ", "--- PASS", "--- FAIL", "ok  \t", "FAIL\t", "Tests: ", "Test Suites: ", " passing (",
    "\n1..", "tests passed,", "Tests run: ",
)  # fmt: skip
"""What must stand in the text besides, be it elsewhere."""
_PASSED = (
    (
        (" PASSED", " XPASS", " SKIPPED", " XFAIL"),
        r"\S.{0,400}?\ (?:PASSED|XPASS|SKIPPED|XFAIL)(?:\ \([^()]{0,200}\))?\ *(?:\[\ *[0-9]{1,3}%\])?",  # pytest -v
    ),
    (
        (" ... ",),
        r"\S.{0,400}?\ \.\.\.\ (?:ok|skipped\b.{0,200}|ignored)",  # unittest -v, cargo
    ),
    (
        ("%]",),
        r"\S{1,300}\.\w{1,8}\ [.sx]{1,300}\ *\[\ *[0-9]{1,3}%\]",  # pytest, by file
    ),
    (
        ("",),
        r"""
      PASSED\ \S.{0,400} | test_\S{1,200}\ (?:ok|s|f)                                                # pytest -rA, sympy
    | \ *(?:---\ PASS:\ |===\ (?:RUN|PAUSE|CONT|NAME)\ ).{0,400}                                     # go
    | \ *[✓✔√]\ .{0,400}                                                                           # jest, mocha
    | \ *ok\ [0-9]{1,6}\b.{0,400}                                                                   # TAP
    | PASS(?:\ |:\ ).{0,400}                                                                        # jest, automake
    | \ *[0-9]{1,6}/[0-9]{1,6}\ Test\ +\#[0-9]{1,6}:\ .{0,300}\ Passed\ .{0,40}                       # ctest
    | \ *Start\ +[0-9]{1,6}:\ .{0,300}
    | [.sx]{10,300}\ *(?:\[\ *[0-9]{1,3}%\])?
    """,
    ),
)
"""What a line has that tells of a test that passed, and the line. Where a text has none of the signs, its lines need not be tried."""
_SET_UP = re.compile(
    r"(?:cachedir|plugins|libraries|base tempdir|configfile|metadata|benchmark|hypothesis profile)\b.{0,600}"
    r"|(?:Creating|Cloning|Destroying) test database for alias .{0,200}|collecting \.\.\. .{0,100}"
)
_WARNINGS = re.compile(r"=+ warnings summary(?: \([^()]{0,100}\))? =+")
_PASSES = re.compile(r"=+ PASSES =+")
"""The section in which `pytest -rA` shows what tests printed that passed."""
_RULER = re.compile(r"(?:=+ .{0,300} =+|-- Docs: .{0,300})")
_WORTH = 0.85
"""The most that may be left of a text. Set-up and passes are not asked for again, so little gains are worth their marker."""


def compress(text: str, hints: Hints, config: TestsConfig) -> Compressed | None:
    """`text` without the lines of passed tests and of set-up, or None if it comes from no test runner or gains too little."""
    if not config.enabled or len(text) < config.min_characters or not is_run(text):
        return None
    lines = text.split("\n")
    left_out = _passed(text, lines) | _printed_by_passes(lines) | _repeated_warnings(lines)
    if len(text) - sum(len(lines[at]) + 1 for at in left_out) > _WORTH * len(text):
        return None
    left_out -= Named(hints.query).lines(lines)
    short = "\n".join([line for at, line in enumerate(lines) if at not in left_out])
    if not left_out or len(short) > _WORTH * len(text):
        return None
    return Compressed(
        text=short, kind="tests", lossless=False, removed=f"{len(left_out)} lines of passes, set-up and repeated warnings"
    )


def is_run(text: str) -> bool:
    """Whether a test runner printed this."""
    return _is_summary(text) and any(sign in text for sign in _SIGNS)


def _passed(text: str, lines: list[str]) -> set[int]:
    """The places of lines that tell of a test that passed, or of set-up."""
    tells = _telling(tuple(any(sign in text for sign in signs) for signs, _ in _PASSED)).fullmatch
    return {at for at, line in enumerate(lines) if line and (tells(line) or _SET_UP.fullmatch(line))}


@lru_cache(maxsize=16)
def _telling(may_be: tuple[bool, ...]) -> re.Pattern[str]:
    """One pattern of those forms of a passed test that a text may have."""
    return re.compile("|".join([form for use, (_, form) in zip(may_be, _PASSED, strict=True) if use]), re.VERBOSE)


def _printed_by_passes(lines: list[str]) -> set[int]:
    """The places of the lines under the ruler PASSES, up to the next ruler."""
    out: set[int] = set()
    within = False
    for at, line in enumerate(lines):
        if line.startswith("===") and _RULER.fullmatch(line):
            within = _PASSES.fullmatch(line) is not None
        elif within:
            out.add(at)
    return out


def _repeated_warnings(lines: list[str]) -> set[int]:
    """The places in pytest's summary of warnings of those whose message was shown, and of the lines that only say where."""
    out: set[int] = set()
    seen: set[str] = set()
    within = repeats = False
    for at, line in enumerate(lines):
        if not within or _RULER.fullmatch(line):
            within = _WARNINGS.fullmatch(line) is not None
            repeats = False
        elif not line.startswith("  "):
            # Where it came up: a path, or the name of a test. The warning under it says the place again.
            repeats = False
            out.add(at)
        elif not line.startswith("   ") and ": " in line:
            message = line.partition(": ")[2]
            repeats = message in seen
            seen.add(message)
            if repeats:
                out.add(at)
        elif repeats:
            out.add(at)
    return out
