"""Large texts in pieces: each can be read by itself, and together they are the text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.config import Policy, override
from headroom_stream.content import Hints
from headroom_stream.content.detect import compress_text
from headroom_stream.content.large import _QUOTED, _TO_BRACKET, LARGE, PIECE, pieces
from headroom_stream.content.records import restore

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=8), st.sampled_from(["it's", 'a "b"', "[", "},{", "\n"])
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4))


def cut(text: str, size: int = 60) -> list[str]:
    found = pieces(text, large=0, size=size)
    assert found is not None
    return [piece.text for piece in found]


@given(st.lists(VALUES, min_size=1, max_size=30), st.sampled_from([None, 2]))
def test_the_pieces_of_a_list_are_lists_of_its_entries(values: list[Any], indent: int | None) -> None:
    # An entry that is large itself is taken apart in its turn, so that only lists of small ones come back by joining.
    values = [value for value in values if len(json.dumps(value, indent=indent)) < 60]
    if len(json.dumps(values, indent=indent)) > 60:
        assert [entry for piece in cut(json.dumps(values, indent=indent), 120) for entry in json.loads(piece)] == values


@given(st.dictionaries(st.text(max_size=6), VALUES, min_size=1, max_size=30))
def test_the_pieces_of_an_object_are_objects_of_its_entries(value: dict[str, Any]) -> None:
    value = {key: inner for key, inner in value.items() if len(json.dumps({key: inner})) < 60}
    joined: dict[str, Any] = {}
    for piece in cut(json.dumps(value), 120):
        joined |= json.loads(piece)
    assert joined == value


def test_an_entry_that_is_large_itself_is_taken_apart_under_its_name() -> None:
    found = pieces(json.dumps({"count": 3, "data": {"rows": list(range(100))}, "next": None}), large=0, size=80)
    assert found is not None
    assert [piece.before for piece in found[:3]] == ["", "data: rows: ", "data: rows: "]
    assert [n for piece in found if piece.before for n in json.loads(piece.text)] == list(range(100))
    assert json.loads(found[0].text) == {"count": 3}
    assert json.loads(found[-1].text) == {"next": None}


def test_newline_delimited_objects_are_taken_apart_between_lines() -> None:
    text = "\n".join(json.dumps({"n": n, "text": "a\nb {"}) for n in range(50))
    assert "\n".join(cut(text)) == text


def test_what_was_cut_off_stays_cut_off() -> None:
    text = json.dumps([{"n": n} for n in range(50)])[:-7]
    last = cut(text)[-1]
    assert not last.endswith("]")
    assert text.replace(" ", "").endswith(last.removeprefix("[").replace(" ", ""))


@given(st.lists(st.sampled_from(["1", "22", "333", "", "ab"]), min_size=40, max_size=200))
def test_short_lines_are_taken_apart_between_lines(lines: list[str]) -> None:
    text = "\n".join(["x", *lines, "y"])
    assert "\n".join(cut(text)) == text


def test_separated_values_keep_their_header() -> None:
    rows = [f"{n},name {n},{n % 3}" for n in range(60)]
    parts = cut("\n".join(["id,name,kind", *rows]), 200)
    assert all(part.startswith("id,name,kind\n") for part in parts)
    assert [row for part in parts for row in part.split("\n")[1:]] == rows


@pytest.mark.parametrize(
    "text", ["<html>" + "<p>a</p>\n" * 100, "a long line of words and another one of words\n" * 100, "x" * 500]
)
def test_others_stay_whole(text: str) -> None:
    assert pieces(text, large=0, size=60) is None


def test_small_texts_stay_whole() -> None:
    assert pieces("[" + "1," * (LARGE // 2 - 2) + "1]") is None


def test_a_large_list_is_written_in_tables_that_can_be_read_back() -> None:
    rows = [{"id": n, "name": f"item {n}", "price": n * 1.5} for n in range(16_000)]
    made = compress_text(json.dumps(rows), Hints(), Policy())
    assert made is not None and made.lossless and made.kind == "records"
    tables = made.text.replace("]\n[{", "]\0[{").split("\0")
    assert len(tables) > len(json.dumps(rows)) // PIECE
    assert [row for table in tables for row in restore(table)] == rows


def test_a_large_list_of_numbers_is_cut_unless_nothing_may_be() -> None:
    text = json.dumps([n * 7919 % 100_003 for n in range(100_000)])
    made = compress_text(text, Hints(), Policy())
    assert made is not None and len(made.text) < 2_000
    assert made.removed.endswith("further parts")
    kept = compress_text(text, Hints(), override(Policy(), {"lossy": False}))
    assert kept is None or kept.lossless


def test_brackets_without_end_are_left_alone() -> None:
    assert compress_text("[" * 600_000, Hints(), Policy()) is None
    assert pieces("[" + "[[]]," * 40 + "[]]", large=0) == []
    assert compress_text("[" * 300_000 + "]" * 300_000, Hints(), Policy()) is None


@pytest.mark.parametrize("quote", ['"', "'"])
@pytest.mark.parametrize("end", ["", "\\"])
def test_a_string_without_an_end_is_gone_over_once(quote: str, end: str) -> None:
    """Were each quote in it tried as a beginning, the time would grow like the square."""
    text = quote + f"\\{quote}" * 500 + end
    found = _QUOTED.match(text)
    assert found is not None
    assert found.end() == len(text)
    assert _TO_BRACKET.match(f"[{text}", 1) is None
