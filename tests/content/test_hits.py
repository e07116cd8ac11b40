"""Long lists of lines that all hold a word of the call."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.config.cuts import HitsConfig
from headroom_stream.content import Compressed, Hints
from headroom_stream.content.hits import compress

GREP = "I look for it. strings disk.img | grep token"
LINES = [f"and then he gave the token to number {n}" for n in range(80)]


def cut(lines: list[str], intent: str = GREP, query: str = "", tool: str = "bash") -> Compressed | None:
    return compress("\n".join(lines), Hints(tool=tool, intent=intent, query=query), HitsConfig())


def kept(lines: list[str], query: str = "") -> list[str]:
    made = cut(lines, query=query)
    assert made is not None
    assert not made.lossless
    return made.text.split("\n")


def test_the_first_lines_of_one_form_stay_and_the_others_are_counted() -> None:
    assert kept(LINES) == LINES[:10]
    made = cut(LINES)
    assert made is not None
    assert made.removed == "70 more lines with token"


@pytest.mark.parametrize("line", ["it reads token{n0t_a_g4me} here", "the only betokening one", "TOKENS of another time"])
def test_a_rare_form_of_the_word_stays_with_the_lines_beside_it(line: str) -> None:
    assert kept([*LINES[:50], line, *LINES[50:]])[10:] == [LINES[49], line, LINES[50]]


def test_what_went_wrong_and_what_the_question_names_stays() -> None:
    wrong = "error: no token for this user"
    out = kept([*LINES[:40], wrong, *LINES[40:]], query="What did number 71 get?")
    assert wrong in out
    assert LINES[71] in out
    assert LINES[70] not in out


def test_what_no_search_printed_stays() -> None:
    assert cut(LINES, intent="python make_token.py") is None
    assert cut(LINES, intent="the token, please", tool="search_notes") is not None


def test_short_lists_names_and_code_by_number_stay() -> None:
    assert cut(LINES[:40]) is None
    assert cut([f"tests/token/test_{n}.py" for n in range(80)]) is None
    assert cut([f"{n}:    self.token = token" for n in range(80)]) is None


def test_a_list_in_which_most_lines_lack_the_word_stays() -> None:
    assert cut([line.replace("token", "ring") if n % 3 else line for n, line in enumerate(LINES)]) is None


@given(st.lists(st.sampled_from(["a token", "the tokens", "token{x}", "my-token=1 of them", "error: token", "none"]), max_size=120))
def test_what_stays_are_lines_of_the_text_in_order_and_each_form_is_among_them(lines: list[str]) -> None:
    made = cut(lines)
    if made is not None:
        rest = iter(lines)
        assert all(line in rest for line in made.text.split("\n"))
        assert set(made.text.split("\n")) == set(lines)
