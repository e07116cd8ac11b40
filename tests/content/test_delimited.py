"""Separated values as tables: the cells come back, and what is no such file is left alone."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.config import RecordsConfig
from headroom_stream.content import Compressed, Hints
from headroom_stream.content.delimited import compress, parse
from headroom_stream.content.notation import NUMBER, WORDS
from headroom_stream.content.records import NumberText, restore, write, write_columns


def squeeze(text: str, query: str = "", **config: Any) -> Compressed | None:
    return compress(text, Hints(query=query), RecordsConfig(**config))


def orders(count: int, delimiter: str = ",") -> str:
    rows = [
        f"{n},2024-05-01T10:00:{n % 60:02}Z,https://shop.example.com/orders/{n},the northern region,EUR,{n}.50"
        for n in range(count)
    ]
    return "\n".join(["id,at,link,region,currency,total", *rows, ""]).replace(",", delimiter)


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_what_the_rows_share_is_said_once(delimiter: str) -> None:
    out = squeeze(orders(25, delimiter))
    assert out is not None and (out.kind, out.lossless) == ("records", True)
    assert out.text.startswith(
        "[{id,at=2024-05-01T…,link=https://shop.example.com/orders/<id>,region:the northern region,currency:EUR,total}\n"
        "0,10:00:00Z,0.50\n1,10:00:01Z,1.50\n"
    )


cells = st.text(alphabet='ab1.0-", \t;é', max_size=5) | st.sampled_from(["true", "null", "1e5", "007", "^", "…", "x y"])


@given(st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=8), st.sampled_from([",", "\t", ";"]))
def test_every_cell_comes_back(rows: list[list[str]], delimiter: str) -> None:
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter, lineterminator="\n").writerows([["one", "two", "three"], *rows])
    columns = parse(file.getvalue())
    if columns is None:  # a quoted cell with delimiters in the first lines may look like a ragged file
        return
    assert list(map(list, zip(*columns.values(), strict=True))) == rows
    back = restore(write_columns(columns, RecordsConfig()))
    names = ("one", "two", "three")
    assert [[name for name in names if name in row] for row in back] == [
        [name for name, cell in zip(names, row, strict=True) if cell] for row in rows
    ]
    for row, kept in zip(rows, back, strict=True):
        cells = dict(zip(names, row, strict=True))
        assert all(cells[name] == value for name, value in kept.items() if type(value) is str)


@given(st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=40), st.sampled_from([2, 5]))
def test_columns_are_written_as_the_objects_of_their_rows_are(rows: list[list[str]], factored: int) -> None:
    config = RecordsConfig(factored_rows=factored)
    columns = {name: [row[at] for row in rows] for at, name in enumerate(("one", "two", "three"))}
    objects = [
        {
            name: NumberText(cell) if NUMBER.fullmatch(cell) or cell in WORDS else cell
            for name, cell in zip(columns, row, strict=True)
            if cell
        }
        for row in rows
    ]
    assert write_columns(columns, config, "where is x y?") == write(objects, config, "where is x y?")


def test_quoted_cells_may_hold_delimiters_and_lines() -> None:
    text = "name,note\n" + "".join(f'n{n},"one, two\nthree ""four"""\n' for n in range(3))
    assert parse(text) == {"name": ["n0", "n1", "n2"], "note": ['one, two\nthree "four"'] * 3}


def test_a_row_that_the_query_names_stays_whole() -> None:
    out = squeeze(orders(25).replace("orders/", "orders/nr-"), "where is 2024-05-01T10:00:17Z?")
    assert out is not None and '17,"2024-05-01T10:00:17Z",17.50' in out.text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a,b\n",
        "\n".join(["Dear reader, this is prose", "and so, it goes on", "without end"] * 20),
        "\n".join(["id,name", *("1,2,3" for _ in range(30))]),
        "\n".join(["id,id", *("1,2" for _ in range(30))]),
        "\n".join(f"{n},17,a long text that says nothing new,EUR" for n in range(30)),
        'a,b\n"1,2\n' * 20,
    ],
)
def test_other_texts_are_left_alone(text: str) -> None:
    assert squeeze(text) is None


def test_short_files_and_files_that_gain_little_stay_as_they_are() -> None:
    assert squeeze(orders(19)) is None
    assert squeeze("\n".join(["x,y", *(f"{n * 7919 % 1000},{n * 104729 % 1000}" for n in range(50))])) is None


def test_switched_off() -> None:
    assert squeeze(orders(25), enabled=False) is None


def test_quotes_that_do_not_pair_cost_no_more_than_the_text() -> None:
    """A search for the next field would look through the whole rest from every quote; the test's time limit is the judge."""
    assert parse("a,b\n" + '"' * 400_000 + "x\n") is None
