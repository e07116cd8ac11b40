"""Python literals, and values that were cut off, are read as what they mean."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.content.literals import NotALiteralError, parse
from headroom_stream.content.records import NumberText


def plain(value: Any) -> Any:
    """A Python value as the reader gives it."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple) and len(value) == 1:
        return plain(value[0])
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=15,
)


@given(st.lists(values, max_size=4) | st.dictionaries(st.text(max_size=6), values, max_size=4))
def test_what_python_prints_is_read_back(value: Any) -> None:
    assert parse(repr(value)) == plain(value)


def test_rows_of_a_database_client_are_lists() -> None:
    assert parse("[('Aruba', 4), ('Angola', 9)]") == [["Aruba", "4"], ["Angola", "9"]]
    assert parse("[('Oslo',), ('Rome',)]") == ["Oslo", "Rome"]


def test_numbers_keep_their_characters() -> None:
    (found,) = parse("[1.50]")
    assert found == "1.50"
    assert isinstance(found, NumberText)


@given(
    st.dates(min_value=dt.date(1000, 1, 1)) | st.datetimes(min_value=dt.datetime(1000, 1, 1)).map(lambda time: time.replace(fold=0))
)
def test_moments_are_written_as_databases_do(value: dt.date) -> None:
    (found,) = parse(repr([value]))
    assert found == str(value)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2))
def test_decimals_keep_their_digits(value: Decimal) -> None:
    (found,) = parse(repr([value]))
    assert found == str(value)
    assert isinstance(found, NumberText)


@pytest.mark.parametrize(
    "text", ["UUID('12345678')", "timedelta(days=1)", "Decimal('NaN')", "date(2024, 5)", "datetime(2024, 5, 1)", "f(1, 2)"]
)
def test_other_calls_stay_as_they_are(text: str) -> None:
    assert parse(f"[{text}]") == [text]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": "one", "b": "tw...', {"a": "one", "b": "tw..."}),
        ('{"a": [{"id": 1}, {"id": 2, "na...', {"a": [{"id": "1"}, {"id": "2", "na...": "..."}]}),
        ("[{'id': 1, 'tags': ['x', ...", [{"id": "1", "tags": ["x"]}]),
        ("{'a': 1, 'b': …", {"a": "1", "b": "..."}),
        ("[1, 2, ...", ["1", "2"]),
    ],
)
def test_a_value_that_was_cut_off_is_closed_where_it_ends(text: str, value: Any) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[",
        "[1, 2",
        "[1 2]",
        "[1,, 2]",
        "{1, 'a': 2}",
        "{'a': 1, 'a': 2}",
        "{'a' 1}",
        "[1]]",
        "[1] and more",
        "(1}",
        "[INFO] started",
        "{name}",
        "plain text",
        "[1:2]",
        "[" * 100 + "]" * 100,
        "'a'",
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(NotALiteralError):
        parse(text)


@given(st.text(alphabet="[](){}'\",:.… \\nax0", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse(text)
    except NotALiteralError:
        return
    assert isinstance(found, list | dict | str | bool | None)
