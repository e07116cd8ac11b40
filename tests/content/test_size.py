"""Work grows with the size of a text, whatever it holds: counted in calls of functions, which are the same on every machine.

What goes on within one call of C, such as a search by a regular expression, is measured in `benchmarks/throughput.py --sweep`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headroom_stream.config import Policy
from headroom_stream.content import Hints
from headroom_stream.content.detect import compress_text
from headroom_stream.references import Referring, Shown, refer

HINTS = Hints(tool="fetch", query="Why did order-4711 fail at src/app.py:42?", intent="look for `retries` in the log of node7")
TIMES = 6
SLACK = 1.7
"""Of what grows as the size does, the most it may grow beyond: short texts are left alone by some kinds. The square would be `TIMES`."""
LEAST = 400
"""Lines of the smaller text, so that samples of the beginning and of the end do not hide how the rest grows."""


def calls(work: Callable[[], object]) -> int:
    """Calls of functions while `work` runs, of Python and of C."""
    count = 0

    def note(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def grows_like_its_size(text: Callable[[int], str], size: int) -> None:
    small, large = text(size), text(TIMES * size)
    few, many = calls(lambda: compress_text(small, HINTS, Policy())), calls(lambda: compress_text(large, HINTS, Policy()))
    assert many <= SLACK * TIMES * few + 1_000, f"{few} calls for {len(small)} characters, {many} for {len(large)}"


WORD = st.sampled_from(
    ["alpha", "order-4711", "node7", "src/app.py", "404", "-", "a=1", "[x]", "(y)", "INFO", "ERROR", "é", '"q"', "…"]
)
BEGINNING = st.sampled_from(
    [
        "", " ", "\t", "    ", "2026-03-01T10:00:00Z ", "host app[312]: ", "src/app.py:42:", "-rw-r--r-- 1 a b 3 ", "./src/a:", "| ",
        "+---", "[12] link ", "\t[3] generic", "tests/a.py::t PASSED", "Downloading ", '  File "a", line 3, in b', "+", "@@ -1 +1 @@",
        "diff --git a/x b/x", "<div>", "<", "{", "[", "}", "]", "def f():", "return x;", "   12\t", "$ ", "#",
    ]
)  # fmt: skip
END = st.sampled_from(["", " ", ".", ";", "{", "\r", "\x1b[0m", ":", "|", " 50%", "\\", '"'])
LINE = st.builds("{}{}{}".format, BEGINNING, st.lists(WORD, max_size=6).map(" ".join), END)


@settings(max_examples=40)
@given(st.lists(LINE, min_size=1, max_size=12), st.booleans())
def test_of_lines(lines: list[str], numbered: bool) -> None:
    """Lines that repeat, as they are or each with a number of its own."""

    def text(count: int) -> str:
        return "\n".join(f"{lines[n % len(lines)]}{n if numbered else ''}" for n in range(count))

    grows_like_its_size(text, LEAST)


KINDS = {
    "log": "2026-03-01T10:00:{m:02} INFO worker-{d} handled request {n} in {m} ms",
    "log with traces": "2026-03-01 10:00:{m:02} ERROR worker failed at {n}\n  at run (app.py:{n})\nCaused by: KeyError {d}",
    "trace": 'Traceback (most recent call last):\n  File "/app/a{d}.py", line {n}, in run\n    run({m})\nValueError: {n}',
    "code by number": "{n:6}\talpha = beta({d})",
    "hits": "src/a{d}/b.py:{n}:    alpha = beta({m})",
    "ls": "./src/a{n}:\nalpha{d}.py\nbeta{m}.py\nREADME.md\n",
    "ls -l": "-rw-r--r-- 1 root root {n} Mar  1 10:{m:02} a{n}.py",
    "paths": "./src/a{d}/b{m}/c{n}.py",
    "tests": "tests/a{d}.py::test_{n} PASSED   [ {m}%]\n==== {n} passed in 0.1s ====",
    "installation": "Requirement already satisfied: a{d} in /usr/lib ({n}.0)",
    "progress": "Downloading {m}%",
    "tree": "RootWebArea 'Shop'\n\t[{n}] link 'alpha {d}'\n\t\tStaticText 'alpha'\n\t[{n}] generic",
    "page": "<!doctype html><div class=a{n}><a href='/{d}'>alpha {m}</a></div>",
    "separated": "{n},alpha{d},beta,{m}",
    "grid": "+-----+-----+\n| {n} | alpha {d} |",
    "complaints": "ls: cannot access 'a{n}': No such file or directory\nalpha {d}",
    "prose": "Alpha speaks to beta about order {n} on the day of its arrival. Beta has no answer for {d} of them, and says so.",
    "terminal": "\x1b[32malpha\x1b[0m {m}%\r\x1b[K{n} done\b\b  ",
    "blob": "AbC0{n}/x+" * 40,
}


@pytest.mark.parametrize("kind", KINDS)
def test_of_a_kind(kind: str) -> None:
    grows_like_its_size(lambda count: "\n".join(KINDS[kind].format(n=n, m=n % 60, d=n % 7) for n in range(count)), LEAST)


SCALAR = st.one_of(
    st.none(), st.booleans(), st.integers(-999, 10**9), st.floats(allow_nan=False, allow_infinity=False), WORD, st.text(max_size=90)
)
VALUE = st.recursive(SCALAR, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORD, inner, max_size=4), max_leaves=12)


@settings(max_examples=40)
@given(st.lists(VALUE, min_size=1, max_size=5), st.sampled_from(["list", "object", "within", "by line", "printed", "cut off"]))
def test_of_values(values: list[Any], form: str) -> None:
    """JSON lists and objects, JSON in JSON, JSON by line, Python literals, and JSON that was cut off."""

    def text(count: int) -> str:
        many = [values[n % len(values)] for n in range(count)]
        numbered = {f"k{n}": one for n, one in enumerate(many)}
        return {
            "list": lambda: json.dumps(many),
            "object": lambda: json.dumps(numbered, indent=1),
            "within": lambda: json.dumps({"body": json.dumps(many), "ok": True}),
            "by line": lambda: "\n".join(json.dumps({"n": n, "value": one}) for n, one in enumerate(many)),
            "printed": lambda: repr(numbered),
            "cut off": lambda: json.dumps(many)[:-2] + "...",
        }[form]()

    grows_like_its_size(text, LEAST // 4)


@pytest.mark.parametrize(
    "piece", ["[", "{", "[]", '{"a":', "(", "<a ", "<a b='", "'", '"', "\\", "\x1b[", "\b", "\r", "a", " ", "…", "1:", "a."]
)
def test_of_one_thing_over_and_over(piece: str) -> None:
    grows_like_its_size(lambda size: piece * size, 3_000)


@settings(max_examples=30)
@given(st.lists(LINE, min_size=1, max_size=12))
def test_of_what_was_shown_before(lines: list[str]) -> None:
    """Looking up a text in an index that has grown with it."""

    def steps(count: int) -> int:
        shown = Shown(max_chars=10_000_000)
        # Numbers of one length: lines of few characters are not looked up, and with plain ones only the later lines would be.
        text = "\n".join(f"{lines[n % len(lines)]} {n:06}" for n in range(count))
        again = "\n".join(f"{lines[n % len(lines)]} {n:06}" if n % 5 else "other" for n in range(count))

        def work() -> None:
            shown.add(1, Referring(text))
            refer(again, shown, Policy().references)

        return calls(work)

    assert steps(TIMES * LEAST) <= SLACK * TIMES * steps(LEAST)
