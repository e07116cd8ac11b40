"""Numbered code, stack traces and patches: shorter, with every line and every number in its place."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.config.cuts import DiffsConfig, TracesConfig
from headroom_stream.config.policy import NumberedConfig
from headroom_stream.content import Hints, diffs, numbered, traces


def test_blanks_before_line_numbers_go_and_the_code_stays() -> None:
    text = "     9\tdef f():\n    10\t    return 1\n   100\t\n"
    out = numbered.compress(text, Hints(), NumberedConfig())
    assert out is not None and out.lossless
    assert out.text == "9\tdef f():\n10\t    return 1\n100\t\n"


@given(
    st.lists(st.text(st.characters(codec="ascii", exclude_characters="\n\r"), max_size=20), min_size=2, max_size=30),
    st.integers(1, 120_000),
)
def test_numbered_code_can_be_read_back(code: list[str], first: int) -> None:
    text = "\n".join(f"{n:6}\t{line}" for n, line in enumerate(code, first))
    out = numbered.compress(text, Hints(), NumberedConfig())
    if out is not None:
        assert "\n".join(f"{line.partition(chr(9))[0]:>6}\t{line.partition(chr(9))[2]}" for line in out.text.split("\n")) == text


def test_other_widths_and_other_texts_are_left_alone() -> None:
    for text in ("  1\ta\n  2\tb\n", "plain\ntext\n", "     1\ta\nmuch\nelse\nhere\nand\nthere\n", "\t\n\t\n"):
        assert numbered.compress(text, Hints(), NumberedConfig()) is None


TRACE = """Traceback (most recent call last):
  File "/app/main.py", line 12, in run
    go(1)
  File "<string>", line 3
    x ===
ValueError: no
"""


def test_frames_of_a_trace_are_short_and_whole() -> None:
    out = traces.compress(TRACE, Hints(), TracesConfig())
    assert out is not None and out.lossless
    assert (
        out.text
        == "Traceback (most recent call last):\n  /app/main.py:12 in run\n    go(1)\n  <string>:3\n    x ===\nValueError: no\n"
    )


def test_a_trace_in_code_is_code() -> None:
    text = 'def f():\n    """\n    Traceback (most recent call last):\n      File "a.py", line 1, in f\n    """\n'
    assert traces.compress(text, Hints(), TracesConfig()) is None


DIFF = """diff --git a/src/a.py b/src/a.py
index 9493de137d..a58a8cefed 100644
--- a/src/a.py
+++ b/src/a.py
@@ -1,3 +1,3 @@
 def f():
-    return 1
+    return 2
diff --git a/new.py b/new.py
new file mode 100644
index 0000000000..a58a8cefed
--- /dev/null
+++ b/new.py
@@ -0,0 +1 @@
+x = 1
"""


def test_only_lines_that_repeat_a_path_leave_a_patch() -> None:
    out = diffs.compress(DIFF, Hints(), DiffsConfig())
    assert out is not None and out.lossless
    assert out.text == "".join(line for line in DIFF.splitlines(keepends=True) if not line.startswith("diff --git"))


def test_a_patch_that_renames_or_has_no_hunks_stays() -> None:
    text = "diff --git a/x b/x\nold mode 100644\nnew mode 100755\nindex 123456789..223456789\nBinary files a/x and b/x differ\n"
    text += "diff --git a/x b/y\nindex 123456789..223456789\n--- a/x\n+++ b/y\n@@ -1 +1 @@\n-a\n+b\n"
    assert diffs.compress(text, Hints(), DiffsConfig()) is None


def test_long_texts_take_no_more_than_their_length() -> None:
    """Without linear patterns these take minutes; the test's time limit is the judge."""
    for unit in (
        "diff --git a/x b/x\nindex ",
        ' File "',
        '  File "a", line 1, in \n',
        "Traceback (most recent call last):\n",
        "     1\t",
        " ",
    ):
        text = "Traceback (most recent call last):\n" + unit * (400_000 // len(unit))
        diffs.compress(text, Hints(), DiffsConfig())
        traces.compress(text, Hints(), TracesConfig())
        numbered.compress(text, Hints(), NumberedConfig())
