"""A text over its budget is cut to it, and keeps its ends and what the question names."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.content import Hints
from headroom_stream.content.budget import fit
from headroom_stream.tokenizers import load_tokenizer

COUNT = load_tokenizer(network=False).count
LINES = [f"row {n}: the value of sensor s-{n:04} is {n * 7919 % 1000}" for n in range(400)]
TEXT = "\n".join(LINES)


def test_beginning_and_end_stay_and_the_gap_is_shown() -> None:
    cut = fit(TEXT, Hints(), 500, COUNT)
    assert cut is not None
    assert cut.text.startswith(LINES[0])
    assert cut.text.endswith(LINES[-1])
    assert cut.text.count("\n…\n") == 1
    assert 350 <= COUNT(cut.text) <= 500


def test_a_line_that_the_question_names_stays() -> None:
    for n in range(50, 350, 20):
        cut = fit(TEXT, Hints(query=f"What does sensor s-{n:04} say?"), 500, COUNT)
        assert cut is not None
        assert LINES[n] in cut.text


def test_a_line_that_the_call_names_stays() -> None:
    cut = fit(TEXT, Hints(intent="read_sensor s-0217"), 500, COUNT)
    assert cut is not None
    assert LINES[217] in cut.text


def test_what_fits_is_left_alone() -> None:
    assert fit(TEXT, Hints(), COUNT(TEXT), COUNT) is None


def test_a_single_long_line_is_cut_too() -> None:
    cut = fit("word " * 5_000, Hints(), 300, COUNT)
    assert cut is not None
    assert COUNT(cut.text) <= 300
    assert cut.removed.endswith("characters")


def test_a_text_is_cut_to_its_budget_also_where_its_ends_are_denser_than_its_middle() -> None:
    dense = "\n".join(f"{n * 7919:x}|{n * 104729:x}|{n * 1299709:x}" for n in range(40))
    cut = fit(dense + "\n" + (" " * 300 + "x\n") * 300 + dense, Hints(), 60, COUNT)
    assert cut is not None
    assert COUNT(cut.text) <= 60


@given(st.text(min_size=1, max_size=600), st.integers(1, 80))
def test_no_result_is_over_the_budget_and_what_is_gone_is_counted(text: str, most: int) -> None:
    cut = fit(text, Hints(), most, COUNT)
    if cut is not None:
        assert COUNT(cut.text) <= most
        assert len(cut.text.replace("…\n", "")) + int(cut.removed.split()[0]) == len(text) or "…" in text
