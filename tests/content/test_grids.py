"""Tables of databases and commands: without padding, every cell in its place."""

from __future__ import annotations

import ast
import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.config.policy import TablesConfig
from headroom_stream.content import Compressed, Hints
from headroom_stream.content.grids import compress


def squeeze(text: str, query: str = "", rows: int = 40) -> Compressed | None:
    return compress(text, Hints(query=query), TablesConfig(rows=rows))


def test_rows_of_a_query_are_lines() -> None:
    out = squeeze("[('Oslo', 4, None), ('San José', 5.50, 'x, y'), ('7', -1, b'n')]")
    assert out is not None and out.lossless
    assert out.text == "Oslo,4,None\nSan José,5.50,'x, y'\n'7',-1,b'n'"


def test_moments_and_decimals_are_written_as_databases_do() -> None:
    rows = [(Decimal("1.50"), dt.datetime(2024, 5, n, 8, 30), dt.date(2024, 5, n), "2024-05-01") for n in (1, 2, 3)]
    out = squeeze(str(rows))
    assert out is not None and out.text.split("\n")[1] == "1.50,2024-05-02 08:30:00,2024-05-02,'2024-05-01'"


@pytest.mark.parametrize(
    "text",
    [
        "[(1, 2), (3,)",
        "[(1, 2), (3, 4)]x",
        "[(1, 2), (3, 4), (5,)]",
        "[(1, f(2)), (3, 4), (5, 6)]",
        "[(1, 2), [3, 4], (5, 6)]",
        "[()]",
        "[(1,2),(3,4),(5,6)]",
    ],
)
def test_what_is_no_list_of_equal_rows_is_left_alone(text: str) -> None:
    assert squeeze(text) is None


values = st.one_of(
    st.text(max_size=8),
    st.integers(),
    st.none(),
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.binary(max_size=4),
)


@given(st.integers(1, 3).flatmap(lambda wide: st.lists(st.tuples(*[values] * wide), min_size=3, max_size=12)))
def test_rows_can_be_read_back(rows: list[tuple[Any, ...]]) -> None:
    out = squeeze(str(rows))
    if out is not None:
        back = []
        for line in out.text.split("\n"):
            cells, at = [], 0
            while at <= len(line):
                for end in [at + n for n in range(len(line) - at, -1, -1)]:
                    cell = line[at:end]
                    if end == len(line) or line[end] == ",":
                        try:
                            cells.append(ast.literal_eval(cell))
                        except (ValueError, SyntaxError):
                            if any(character in cell for character in ",'\""):
                                continue
                            cells.append(cell)
                        if isinstance(cells[-1], tuple):
                            cells.pop()
                            continue
                        at = end + 1
                        break
            back.append(tuple(cells))
        assert [tuple(map(repr, row)) for row in back] == [tuple(map(repr, row)) for row in rows]


@pytest.mark.parametrize(
    "text",
    [
        "+----+------+\n| id | name |\n+----+------+\n|  1 | ann  |\n|  2 | bob  |\n+----+------+\n2 rows in set",
        " id | name \n----+------\n  1 | ann\n  2 | bob\n2 rows in set",
        "| id | name |\n|----|------|\n| 1  | ann  |\n| 2  | bob  |\n2 rows in set",
        "┏━━━━┳━━━━━━┓\n┃ id ┃ name ┃\n┡━━━━╇━━━━━━┩\n│ 1  │ ann  │\n│ 2  │ bob  │\n└────┴──────┘\n2 rows in set",
    ],
)
def test_grids_lose_their_borders(text: str) -> None:
    out = squeeze(text)
    assert out is not None and out.lossless
    assert out.text == "id|name\n1|ann\n2|bob\n2 rows in set"


def test_empty_cells_keep_their_place() -> None:
    out = squeeze("+---+---+---+\n| a | b | c |\n+---+---+---+\n|   | 2 |   |\n| 1 |   | 3 |\n+---+---+---+")
    assert out is not None and out.text == "a|b|c\n|2|\n1||3"


def test_columns_under_names_lose_their_padding() -> None:
    out = squeeze(
        "  PID TTY          TIME CMD\n    1 pts/0    00:00:01 bash\n   12 pts/0    00:00:00 ps aux\n  345 pts/1    00:00:00 vi\n"
    )
    assert (
        out is not None and out.text == "PID TTY TIME CMD\n1 pts/0 00:00:01 bash\n12 pts/0 00:00:00 ps aux\n345 pts/1 00:00:00 vi"
    )


def test_columns_with_empty_cells_are_left_alone() -> None:
    assert squeeze("NAME   IMAGE   PORTS\na      x       80\nb      y\nc      z       90\n") is None


def test_many_rows_with_empty_cells_are_cut_as_they_are() -> None:
    rows = [f"proc{n:<6} {n:>5}           {n * 3:>7}  /usr/bin/proc{n}" for n in range(200)]
    text = "\n".join(["COMMAND      PID    TID      SIZE  NAME", *rows])
    out = squeeze(text, "what is proc150 doing?")
    assert out is not None and not out.lossless
    assert all(line in text.split("\n") for line in out.text.split("\n"))
    assert "/usr/bin/proc150" in out.text and "/usr/bin/proc151" not in out.text


def test_of_many_rows_the_first_the_last_and_the_named_stay() -> None:
    out = squeeze(str([(f"city_{n}", n) for n in range(200)]), "where is city_133?")
    assert out is not None and not out.lossless
    rows = out.text.split("\n")
    assert rows[:2] == ["city_0,0", "city_1,1"] and rows[-1] == "city_199,199" and "city_133,133" in rows
    assert out.removed == f"{200 - len(rows)} rows"


@pytest.mark.parametrize("text", ["a | b", "x = a | b\ny = c | d\nz = e | f\n", "Title\n=====\n\nText here.\nMore.\n", "", "[("])
def test_other_texts_are_left_alone(text: str) -> None:
    assert squeeze(text) is None


@pytest.mark.parametrize("unit", ["(1, 2), ", "|", "| ", "-+", "'", "\\'", "A  ", "1", "─", "[("])
def test_long_texts_take_no_more_than_their_length(unit: str) -> None:
    """Without linear patterns these take minutes; the test's time limit is the judge."""
    long = unit * (400_000 // len(unit))
    for text in ("[(1, 2), " + long + "]", "[('" + long + "')]", "A  B  C\n" + long, "+--+--+\n" + long, long + "\n" + long):
        squeeze(text)
