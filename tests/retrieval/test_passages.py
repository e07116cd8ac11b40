"""Passages are parts of the original, are about the query, and fit the tokens they may have."""

from __future__ import annotations

import json
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.errors import ValidationError
from headroom_stream.retrieval import lines, passages
from headroom_stream.retrieval.units import LONGEST, units
from headroom_stream.tokenizers import load_tokenizer
from tests.laws.outputs import outputs

COUNT = load_tokenizer(network=False).count
LOG = [f"10:{n // 60:02}:{n % 60:02} INFO request {n * 7919} served by worker-{n % 5}" for n in range(2_000)]
LOG[700] = "10:11:40 ERROR connection refused by db-2 while request 5543300 waited"
LOG[1500] = "10:25:00 WARN the connection of worker-0 was slow, nothing was refused"
TEXT = "\n".join(LOG)


def test_the_place_where_the_query_stands_comes_first_with_its_neighbours() -> None:
    first, *others = passages(TEXT, "connection refused", max_tokens=400, count=COUNT)
    assert (first.start_line, first.end_line) == (699, 703)
    assert first.text == "\n".join(LOG[698:703])
    assert first.score > 2
    assert [one.start_line for one in others] == [1499]
    assert others[0].score < 2


def test_an_identifier_of_a_question_is_found_before_its_words() -> None:
    found = passages(TEXT, "Which worker served the request 7919000, and when?", max_tokens=300, count=COUNT)
    assert "request 7919000 served by worker-0" in found[0].text
    assert 1 <= found[0].score < 2.01


def test_passages_that_touch_are_one() -> None:
    text = "\n".join(["nothing here"] * 20 + ["the needle", "between", "a needle"] + ["nothing here"] * 20)
    (found,) = passages(text, "needle", max_tokens=300, count=COUNT)
    assert (found.start_line, found.end_line) == (19, 25)


def test_a_record_of_an_answer_on_one_line_is_found_and_not_the_whole() -> None:
    text = json.dumps([{"id": f"R{n}", "name": f"name {n}", "note": "as all the others"} for n in range(3_000)])
    found = passages(text, "R1234", max_tokens=300, count=COUNT)
    assert '{"id": "R1234", "name": "name 1234"' in found[0].text
    assert (found[0].start_line, found[0].end_line) == (1, 1)
    assert COUNT(found[0].text) <= 300


def test_nothing_is_found_where_no_word_stands() -> None:
    assert passages(TEXT, "zebra", max_tokens=300, count=COUNT) == []
    assert passages("", "zebra", max_tokens=300, count=COUNT) == []
    assert passages(TEXT, "  ", max_tokens=300, count=COUNT) == []


def test_of_a_unit_that_is_too_long_its_beginning_is_shown() -> None:
    (found,) = passages("the needle in " + "some hay " * 20, "needle", max_tokens=10, count=COUNT)
    assert found.text.startswith("the needle in some hay")
    assert COUNT(found.text) <= 10


@given(
    outputs(),
    st.sampled_from(("order", "worker R00012", "Oslo", "def", "1", "session failed in src/app/main.py")),
    st.integers(1, 400),
)
def test_passages_are_parts_of_the_text_and_fit(text: str, query: str, most: int) -> None:
    found = passages(text, query, max_tokens=most, count=COUNT)
    assert sum(COUNT(one.text) for one in found) <= most
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    whole = text.split("\n")
    for one in found:
        assert one.text in "\n".join(whole[one.start_line - 1 : one.end_line])
    in_order = sorted(found, key=lambda one: (one.start_line, one.end_line))
    assert all(a.end_line <= b.start_line for a, b in pairwise(in_order))


@given(outputs())
def test_units_put_together_are_the_text(text: str) -> None:
    found = units(text)
    by_line: dict[int, str] = {}
    for one in found:
        assert one.end - one.start <= LONGEST
        by_line[one.line] = by_line.get(one.line, "") + text[one.start : one.end]
    assert list(by_line.values()) == text.split("\n")


def test_a_long_line_of_anything_takes_no_more_than_its_length() -> None:
    """The test's time limit is the judge."""
    for unit in ("a", "}", " ", ". ", "é", Random(1).randbytes(50).hex() + ","):
        text = unit * (400_000 // len(unit))
        assert units(text)[-1].end == len(text)


def test_lines_are_counted_from_one_and_end_with_the_text() -> None:
    assert lines("a\nb\nc", 2, 3).text == "b\nc"
    assert lines("a\nb\nc", 2, 99) == lines("a\nb\nc", 2, 3)
    assert lines("a\nb\nc", 1, 1).text == "a"


@pytest.mark.parametrize(("first", "last"), [(0, 2), (3, 2), (4, 9), (-1, 1)])
def test_lines_that_are_not_there_are_an_error(first: int, last: int) -> None:
    with pytest.raises(ValidationError):
        lines("a\nb\nc", first, last)
