"""Which values of a text are facts, and what makes two of them the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.evaluation.atoms import atoms, bounded, is_leaf, parsed, strings, unescaped

NAMES = ("order_8812", "parseXml", "HttpServer", "a1b2", "os.path.join", "__x7")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see https://a.example/x?y=1, then", {"https://a.example/x?y=1": "url"}),
        ("write to jo.do+x@mail.example.org now", {"jo.do+x@mail.example.org": "email"}),
        ("in src/app/main.py and setup.cfg", {"src/app/main.py": "path", "setup.cfg": "path"}),
        ("from /usr/local/bin.", {"/usr/local/bin": "path"}),
        ("on 2024-05-01 at 10:30:05", {"2024-05-01": "date", "10:30:05": "date"}),
        ("costs 1,234,567.89 or 3.5 or 117", {"1234567.89": "num", "3.5": "num", "117": "num"}),
        (" ".join(NAMES), dict.fromkeys(NAMES, "ident")),
        ("issue #fix12", {"#fix12": "ident"}),
    ],
)
def test_typed_values_are_facts(text: str, found: dict[str, str]) -> None:
    assert atoms(text) == found


@pytest.mark.parametrize(
    "text", ["plain words only", "12 or 7", "python3, utf-8, e.g. x86_64", "call_12 str_replace_editor", "ends.Then", ""]
)
def test_what_is_said_everywhere_is_none(text: str) -> None:
    assert atoms(text) == {}


def test_where_an_agent_works_is_no_part_of_a_path() -> None:
    assert atoms("/testbed/src/a.py") == atoms("/workspace/repo__1/src/a.py") == atoms("src/a.py/") == {"src/a.py": "path"}


def test_a_value_is_the_same_inside_and_outside_of_a_json_string() -> None:
    assert unescaped(r"a\nb \"c\" \/ \u0041 \t|") == 'a\nb "c" / A \t|'
    assert unescaped("no escapes") == "no escapes"
    assert atoms(unescaped(r'{"p": "src\/a.py\nrun_1"}')) == {"src/a.py": "path", "run_1": "ident"}


def test_whole_tokens_only() -> None:
    assert bounded("117", "is 117.") and bounded("117", "1170 117") and bounded("-x-", "a-x-b")
    assert not bounded("117", "1170") and not bounded("117", "a117") and not bounded("117", "")


def test_leaves_are_the_telling_strings_of_json() -> None:
    texts, keys = strings(parsed('{"name": "New York", "of": [{"kind": "plain"}, "A1"], "n": 4}'))
    assert (texts, keys) == (["New York", "plain", "A1"], ["name", "of", "n", "kind"])
    assert [t for t in texts if is_leaf(t)] == ["New York"]


@pytest.mark.parametrize("text", ["not json", "", "[" * 100_000, "{'a': 1}"])
def test_what_is_no_json_has_no_value(text: str) -> None:
    assert parsed(text) is None


@given(st.text(alphabet='ab1_-./@: ,#\\"n\n', max_size=80) | st.text(max_size=80))
def test_every_fact_stands_in_its_text(text: str) -> None:
    for atom, kind in atoms(text).items():
        assert atom in (text.replace(",", "") if kind == "num" else text)


@pytest.mark.parametrize("unit", ["a", "-", ".", "1", "a-", "a.", "1.", "2024-01-01.", "é", "a@", "/", "10:00", "1,111"])
def test_what_no_separator_breaks_takes_no_more_than_its_length(unit: str) -> None:
    """Without bounds one such text takes minutes; the test's time limit is the judge."""
    long = unit * (300_000 // len(unit))
    for text in (long, f"x@ {long}", f"{long}/", f"a {long[:1990]} b {long[:1990]} c"):
        assert len(atoms(text)) < len(text)
