"""Values are read however they were printed, and long lists and strings lose what nobody looks at."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.config import Policy, override
from headroom_stream.content import Compressed, Hints
from headroom_stream.content.records import restore
from headroom_stream.content.structured import compress

PRICES = [round(200 + (n * 37 % 100) / 7, 2) for n in range(500)]
STOCK = {"price": 1320.45, "change": -0.08, "average": PRICES}
STORY = " ".join(f"In chapter {n} the harbour wakes and the boats go out." for n in range(60))


def made(value: Any, query: str = "", **changes: Any) -> Compressed:
    text = value if isinstance(value, str) else json.dumps(value)
    result = compress(text, Hints(query=query), override(Policy(), changes))
    assert result is not None
    return result


def test_a_long_list_keeps_its_ends_and_its_extremes() -> None:
    values = [*PRICES[:250], 1.5, *PRICES[250:400], 990.25, *PRICES[400:]]
    result = made({"average": values})
    shown = result.text
    assert (result.kind, result.lossless) == ("bulk", False)
    for value in (*values[:7], *values[-2:], 1.5, 990.25):
        assert str(value) in shown
    assert shown.count(" more") == 3
    assert result.removed == f"{len(values) - 11} items"


def test_what_was_left_out_and_what_is_shown_is_all_there_was() -> None:
    shown = restore(made(STOCK).text)
    gaps = [item for item in shown["average"] if isinstance(item, str)]
    assert len(shown["average"]) - len(gaps) + sum(int(g.removeprefix("…").removesuffix(" more")) for g in gaps) == len(PRICES)


@pytest.mark.parametrize("n", range(0, 400, 10))
def test_an_item_that_the_question_names_is_kept(n: int) -> None:
    hosts = [f"worker-{i * 7919 % 1000:03}.internal" for i in range(400)]
    assert hosts[n] in made(hosts, query=f"Is {hosts[n]} among them?").text


def test_an_item_that_the_call_names_is_kept() -> None:
    hosts = [f"worker-{i * 7919 % 1000:03}.internal" for i in range(400)]
    short = compress(json.dumps(hosts), Hints(intent=f"list_hosts near {hosts[123]}"), Policy())
    assert short is not None
    assert hosts[123] in short.text
    assert hosts[124] not in short.text


def test_a_short_list_and_a_list_of_objects_are_whole() -> None:
    records = [{"id": n, "name": f"name {n}"} for n in range(100)]
    assert made(records).lossless
    assert made({"a": list(range(24)), "b": [1, 2, 3], "text": "x y" * 9}).lossless


def test_a_long_string_beside_other_values_keeps_its_ends_and_whole_words() -> None:
    result = made({"id": 7, "status": "open", "notes": STORY})
    shown = restore(result.text)["notes"]
    head, gone, tail = shown.split("…")
    assert STORY.startswith(head)
    assert STORY.endswith(tail.removeprefix(" "))
    assert head.rstrip().rsplit(" ", 1)[-1] in STORY.split()
    assert len(head) + int(gone.removesuffix(" characters")) + len(tail) == len(STORY) + 2
    assert result.removed == gone


def test_a_string_a_little_over_its_limit_is_whole_and_lossless() -> None:
    for longer in range(1, 40):
        # Without a blank near the place of the cut, with one before it, and with one far behind it.
        for text in ("x" * (800 + longer), "word " * 160 + "x" * longer, "x" * 600 + " " + "x" * (199 + longer)):
            result = made({"id": 7, "notes": text, "list": list(range(9))}, bulk={"characters": 800, "kept": 800})
            assert result.lossless
            assert restore(result.text)["notes"] == text


def test_a_sentence_of_a_long_string_that_the_question_names_stays() -> None:
    story = STORY.replace("In chapter 30 the harbour", "In chapter 30 the harbour of Port-Royal")
    shown = made({"id": 7, "status": "open", "notes": story}, query="What happened in Port-Royal?").text
    assert "In chapter 30 the harbour of Port-Royal wakes and the boats go out." in shown
    assert "In chapter 31" not in shown


def test_a_string_that_is_all_there_is_is_what_was_asked_for() -> None:
    assert compress(json.dumps({"content": STORY}), Hints(), Policy()) is None or made({"content": STORY}).lossless


def test_a_value_that_python_printed_becomes_shorter() -> None:
    value = {"name": "Aruba", "languages": ["nl", "pap"], "capital": None, "area": 180.5, "island": True}
    result = made(str(value))
    assert restore(result.text) == value
    assert not result.lossless
    assert result.removed == ""


def test_a_literal_in_a_string_is_read_and_its_keys_stay_beside_their_values() -> None:
    inner = [{"id": n, "title": f"cocktail {n}", "level": "easy"} for n in range(6)]
    result = made({"error": "", "response": str(inner)})
    assert restore(result.text) == {"error": "", "response": inner}
    assert result.text.count("title:") == 6


def test_an_answer_that_was_cut_off_is_read_to_its_end() -> None:
    text = json.dumps({"error": "", "response": json.dumps([{"id": str(n), "title": f"cocktail number {n}"} for n in range(9)])})
    result = made(text[:180] + "...")
    assert "title:cocktail number 0" in result.text
    assert "\\" not in result.text


def test_json_in_a_string_is_given_back_to_the_letter() -> None:
    value = {"error": "", "response": json.dumps([{"id": n, "title": f"cocktail {n}"} for n in range(9)])}
    result = made(value)
    assert result.lossless
    assert restore(result.text) == value


@pytest.mark.parametrize("text", ["[INFO] started", "{not json}", "(see above)", "plain", "", "[1, 2"])
def test_other_texts_are_left_alone(text: str) -> None:
    assert compress(text, Hints(), Policy()) is None


@given(st.text(alphabet="…mor e0123456789", max_size=12))
def test_no_string_of_the_data_reads_like_a_note_of_ours(text: str) -> None:
    shown = made({"list": [f"…{text}", *map(str, range(1000, 1100))], "x": 1}).text
    assert f'"…{text}"' in shown or f"[…{text}" not in shown


def test_off_means_off() -> None:
    assert made(STOCK, bulk={"enabled": False}).lossless
    assert compress(json.dumps(STOCK), Hints(), override(Policy(), {"records": {"enabled": False}})) is None
