"""Terminal noise: what goes, and that nothing visible does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.config import NoiseConfig
from headroom_stream.content import Hints
from headroom_stream.content.code import looks_like_code
from headroom_stream.content.noise import compress, shown


def clean(text: str) -> str:
    out = compress(text, Hints(), NoiseConfig())
    return text if out is None else out.text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("\x1b[1;31mError\x1b[0m: no", "Error: no"),
        ("\x1b]0;title\x07$ ls", "$ ls"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("10%\r50%\r100%\ndone", "100%\ndone"),
        ("Downloading 100%\rDone\x1b[K\n", "Done\n"),
        ("long state\x1b[2K\rshort\n", "short\n"),
        ("abc\b\bX", "aXc"),
        ("one\r\ntwo\r\n", "one\ntwo\n"),
        ("words here   \n\n\n\n\n\nmore words\t\n", "words here\n\n\nmore words\n"),
    ],
)
def test_what_a_terminal_does_not_show_goes(text: str, left: str) -> None:
    assert clean(text) == left


def test_white_space_of_code_stays() -> None:
    code = "def f(x):   \n    return x  \n\n\n\n\ndef g():\n    pass\n"
    assert clean(code) == code
    assert clean(code.replace("\n", "\r\n")) == code.replace("\n", "\r\n")
    assert clean("\x1b[32m" + code + "\x1b[0m") == code


def test_the_meter_of_a_transfer_goes() -> None:
    meter = (
        "  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n"
        "                                 Dload  Upload   Total   Spent    Left  Speed\n\n"
        "  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0\n"
        "100   293  100   293    0     0  12993      0 --:--:-- --:--:-- --:--:-- 15421\n"
    )
    assert clean(meter + "the answer\n") == "the answer\n"


plain = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"], include_characters="\n\t "), max_size=60)
escapes = st.sampled_from(["\x1b[0m", "\x1b[1;38;5;196m", "\x1b]0;t\x07", "\x1b[?25l", "\x1b(B", "\x07", "\x1b[12;3H"])


@given(plain)
def test_visible_characters_of_plain_text_all_stay_in_order(text: str) -> None:
    assert clean(text).split() == text.split()


@given(st.lists(st.tuples(plain, escapes)))
def test_escapes_leave_the_text_around_them(parts: list[tuple[str, str]]) -> None:
    assert shown("".join(text + escape for text, escape in parts)) == "".join(text for text, _ in parts)


@given(st.text("ab \n\r\b\x1b[]0;mK\x07\x00", max_size=80))
def test_any_text_is_answered_and_a_second_pass_finds_no_more_escapes_to_act_on(text: str) -> None:
    out = compress(text, Hints(), NoiseConfig())
    assert out is None or len(out.text) < len(text)
    assert compress(text, Hints(), NoiseConfig()) == out


@pytest.mark.parametrize("unit", ["\x1b", "\x1b[", "\x1b]a", "a\r", "a\b", " ", " \n", "\n", "\x1b[K\r", "(", "a.", "0 "])
def test_long_runs_take_no_more_than_their_length(unit: str) -> None:
    """Without linear patterns these take minutes; the test's time limit is the judge."""
    clean(unit * (400_000 // len(unit)))


@pytest.mark.parametrize(
    "text",
    [
        "import os\n\nclass A:\n    x = 1\n",
        "int main(void) {\n  return 0;\n}\n",
        "     1\tfirst line\n     2\tsecond line\n     3\tthird\n",
        "a.py:10:hello there\na.py:12:more of it\na.py:40:and this\n",
        "diff --git a/x b/x\n@@ -1,2 +1,2 @@\n-a\n+b\n",
        "<div>\n  <p>\n  text\n  </p>\n</div>\n",
        "SELECT a FROM b;\nDELETE FROM c;\n",
    ],
)
def test_code_and_listings_are_known(text: str) -> None:
    assert looks_like_code(text)


@pytest.mark.parametrize(
    "text",
    [
        "The quick brown fox jumps over the lazy dog.\nIt was a fine day, and all was well.\n",
        "10:00:01 INFO server started\n10:00:02 INFO ready to serve\n",
        "Collecting numpy\n  Downloading numpy.whl\nInstalling collected packages\n",
        "",
    ],
)
def test_prose_and_logs_are_not_code(text: str) -> None:
    assert not looks_like_code(text)
