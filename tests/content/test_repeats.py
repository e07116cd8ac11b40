"""Lines that stand twice in one output."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from headroom_stream.config import Policy
from headroom_stream.config.cuts import RepeatsConfig
from headroom_stream.content import Hints
from headroom_stream.content.detect import compress_text
from headroom_stream.content.repeats import compress, restore

FRAMES = "\n".join(
    f"  /usr/lib/python3/unittest/case.py:{line} in {name}\n    {name}()"
    for line, name in ((59, "outcome"), (592, "run"), (550, "call"))
)


def short(text: str, min_lines: int = 2) -> str | None:
    made = compress(text, Hints(), RepeatsConfig(min_lines=min_lines))
    return None if made is None else made.text


def failure(n: int) -> str:
    return f"FAIL: test_{n}\nTraceback (most recent call last):\n{FRAMES}\n  tests/test_app.py:{n} in test_{n}\nAssertionError: {n} != 0"


def test_frames_that_failures_share_are_written_once() -> None:
    text = "\n\n".join(map(failure, range(3)))
    out = short(text)
    assert out is not None
    assert out.count("case.py:59 in outcome") == 1
    assert out.count("Traceback (most recent call last):\n[6 lines as after the first such line]\n  tests/test_app.py:") == 2
    assert all(f"AssertionError: {n} != 0" in out for n in range(3))
    assert restore(out) == text


def test_a_line_that_repeats_at_once_is_counted() -> None:
    line = "Cloning test database for alias 'default'..."
    assert short("\n".join(["Found 3 tests.", *[line] * 8, "OK"])) == f"Found 3 tests.\n{line}\n[this line 7 more times]\nOK"


def test_a_block_that_repeats_at_once_is_counted() -> None:
    block = "GET /health of the first service\nGET /health of the second service"
    assert short("\n".join([block] * 5)) == f"{block}\n[these 2 lines 4 more times]"


def test_short_runs_are_written_again() -> None:
    assert short("a\nb\nc\nx\na\nb\nc\ny") is None
    pair = "a line that is long enough to pay for what is said in its place\n" * 2
    assert short("x\n" + pair + "y", min_lines=2) is None
    assert short("x\n" + pair * 2 + "y", min_lines=2) is not None
    assert short("x\n" + pair * 2 + "y", min_lines=4) is None


def test_a_text_with_such_a_mark_is_left_alone() -> None:
    line = "a line that is long enough to pay for what is said in its place"
    assert short("\n".join([line] * 9)) is not None
    for mark in ("[this line 2 more times]", "[3 lines as after the first such line]", "[these 2 lines 1 more time]"):
        assert short("\n".join([*[line] * 9, mark])) is None


def test_code_keeps_its_lines_and_what_a_run_prints_of_it_does_not() -> None:
    body = "        self.assertEqual(response.status_code, 200)\n        self.assertContains(response, 'welcome')\n"
    code = "".join(f"    def test_{n}(self):\n        response = self.client.get('/')\n{body}{body}" for n in range(4))
    assert compress_text(f"class Tests(TestCase):\n{code}", Hints(), Policy()) is None
    run = "\n".join(map(failure, range(6))) + "\nRan 6 tests in 0.1s\n\nFAILED (failures=6)"
    made = compress_text(run, Hints(), Policy())
    assert made is not None
    assert "[6 lines as after the first such line]" in made.text


LINES = st.sampled_from(
    ["", "x", *(f"{name} is one line among others that are as long" for name in "abc"), "[this line 2 more times]"]
)


@given(st.lists(LINES, max_size=60))
@example(["a line that is long enough to pay by itself"] * 30)
def test_the_text_follows_from_what_is_left(lines: list[str]) -> None:
    text = "\n".join(lines)
    out = short(text)
    assert out is None or (restore(out) == text and len(out) < len(text))


@given(st.lists(st.integers(0, 3), max_size=40), st.integers(1, 9))
def test_blocks_come_back_as_well(choice: list[int], size: int) -> None:
    blocks = ["\n".join(f"line {n} of block {block} of the whole" for n in range(size)) for block in range(4)]
    text = "\n".join(blocks[one] for one in choice)
    out = short(text)
    assert out is None or restore(out) == text
