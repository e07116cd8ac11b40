"""What a session teaches of the use of its tools' outputs: it steers, it is told in rows, and it is the same on every worker."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.config import Policy, override
from headroom_stream.content import Hints
from headroom_stream.content.detect import compress_text
from headroom_stream.events import UsageMetric
from headroom_stream.session.effects import Effects
from headroom_stream.session.use import MAX_CHARS
from tests.core.conversations import PROSE
from tests.core.folding import Folding, call, result, said, user

NOTE = " ".join(f"On day {n} a parcel was seen." for n in range(80))


def order(n: int) -> str:
    lines = [{"sku": f"SKU-{n}{i}", "price": 1.5} for i in range(4)]
    return json.dumps({"id": f"ORD-{n}", "lines": lines, "codes": [f"K{n}-{i:03}" for i in range(60)], "note": NOTE})


def usage(*effects: Effects) -> list[UsageMetric]:
    return [m for one in effects for m in one.metrics if isinstance(m, UsageMetric)]


def told(*effects: Effects) -> dict[tuple[str, str], tuple[int, int]]:
    """Sums of the rows, by tool and field."""
    outputs: Counter[tuple[str, str]] = Counter()
    uses: Counter[tuple[str, str]] = Counter()
    for one in usage(*effects):
        outputs[one.tool, one.field] += one.outputs
        uses[one.tool, one.field] += one.used
    return {key: (outputs[key], uses[key]) for key in outputs}


def asked(folding: Folding, n: int, answer: str, tool: str = "get_order") -> str:
    """One round: a call, its output, what the agent says then. Gives the output as it was sent."""
    folding.turn(call(f"c{n}", tool=tool), result(f"c{n}", order(n)))
    text = folding.content(-1)
    folding.turn(said(answer))
    return text


def started(**changes: Any) -> Folding:
    folding = Folding(**changes)
    folding.turn(user("What about my orders?"))
    return folding


def test_a_field_that_the_agent_used_twice_is_not_cut_any_more() -> None:
    folding = started()
    sent = [asked(folding, n, f"Your code is K{n}-059.") for n in (11, 12, 13)]
    assert ["…51 more" in text for text in sent] == [True, True, False]
    # Only that field, and only of that tool.
    assert all("characters…" in text for text in sent)
    assert "…51 more" in asked(folding, 14, "Done.", tool="other_tool")


def test_a_long_text_that_is_used_stays_whole() -> None:
    folding = started()
    for n in (11, 12):
        folding.turn(call(f"c{n}"), result(f"c{n}", order(n).replace("On day 0", f"Case CN-{n}77")), said(f"That is CN-{n}77."))
    folding.turn(call("c13"), result("c13", order(13)))
    assert NOTE in folding.content(-1)


@pytest.mark.parametrize("preset", ["balanced", "aggressive"])
def test_used_fields_stay_whole_whoever_would_cut_them(preset: str) -> None:
    policy = override(Policy(), {"preset": preset, "output_tokens": None, "crush": {"max_items": 20}})
    text = json.dumps({"days": [{"hours": [n * 37 % 90 for n in range(70)]} for _ in range(2)]})
    folding = [Folding(policy, learning={"tools": [{"tool": "find", "keep": keep}]}) for keep in ([], ["days[].hours[]"])]
    for one in folding:
        one.turn(user("Go."), call("a"), result("a", text))
    assert "left out" in folding[0].content(-1)
    assert "left out" not in folding[1].content(-1)


def test_what_is_used_is_told_once_in_rows_that_add_up() -> None:
    folding = started()
    for n in (11, 12):
        asked(folding, n, f"ORD-{n} has SKU-{n}2, and SKU-{n}3.")
    folding.turn(said("As I said, it is ORD-12."))
    found = told(*folding.effects)
    assert found == {("get_order", ""): (2, 2), ("get_order", "id"): (0, 2), ("get_order", "lines[].sku"): (0, 2)}
    assert len({one.schema for one in usage(*folding.effects)}) == 1


def test_an_event_tells_what_it_brought_and_what_it_used() -> None:
    folding = started()
    came = folding.turn(call("a", tool="get_order"), result("a", order(11)), event_id="e-1", tenant="acme")
    used = folding.turn(said("ORD-11"), event_id="e-2")
    (row,) = usage(came)
    assert (row.event_id, row.tenant, row.tool, row.field, row.outputs, row.used) == ("e-1", "acme", "get_order", "", 1, 0)
    assert [(r.event_id, r.field, r.outputs, r.used) for r in usage(used)] == [("e-2", "", 0, 1), ("e-2", "id", 0, 1)]


def test_what_was_left_out_can_not_be_used() -> None:
    folding = started()
    asked(folding, 11, "It is K11-030.")
    assert told(*folding.effects) == {("get_order", ""): (1, 0)}


def test_texts_huge_outputs_and_repeats_teach_nothing() -> None:
    folding = started()
    for n, text in enumerate((f"[{PROSE}", f'{{"id": "ORD-99", "blob": "{"ab " * MAX_CHARS}"}}', order(11), order(11))):
        folding.turn(call(f"c{n}"), result(f"c{n}", text), policy={"bulk": {"enabled": False}})
    folding.turn(said("ORD-99 or ORD-11, foxes."))
    assert folding.content(8) == "[same as result 3]"
    assert told(*folding.effects) == {("find", ""): (1, 1), ("find", "id"): (0, 1)}


@pytest.mark.parametrize(
    "text", [order(11), f"[{order(11)},{order(12)}]", json.dumps({"F1": {"a": "AB1"}, "F2": {"a": "AB2"}}, indent=2)]
)
def test_what_is_made_of_an_output_teaches_what_the_output_would(text: str) -> None:
    folding = [Folding(), Folding(records={"enabled": False})]
    for one in folding:
        one.turn(user("Go."), call("c"), result("c", text))
        one.turn(said("ORD-11, SKU-113, K11-001, AB2 and 1.5"))
    assert folding[0].content(2) != folding[1].content(2) == text
    assert usage(*folding[0].effects) == usage(*folding[1].effects) != []


def test_a_text_that_looks_like_the_notation_is_not_read_as_such() -> None:
    bomb = "[" + "json[" * 40 + '""' + "]" * 41
    wide = "[{" + ",".join(f"k{n}:1" for n in range(9_000)) + ",c" + "\n1" * 30_000 + "]"
    for text in (bomb, wide, json.dumps({"output": bomb + "\n", "exit_code": 0}), f"{bomb}\n{order(11)}"):
        folding = started()
        folding.turn(call("c"), result("c", text), said("k1"))
        assert folding.contexts[-1].message_count == 4


def test_disabled_it_tells_nothing_and_a_turn_without_it_loses_nothing() -> None:
    off = started(learning={"enabled": False})
    asked(off, 11, "ORD-11")
    assert usage(*off.effects) == []
    folding = started()
    asked(folding, 11, "K11-059")
    folding.turn(call("x"), result("x", order(12)), said("ORD-12"), policy={"learning": {"enabled": False}})
    assert usage(folding.effects[-1]) == []
    asked(folding, 13, "K13-059")
    assert "…51 more" not in asked(folding, 14, "Done.")


@st.composite
def rounds(draw: st.DrawFn) -> list[list[dict[str, Any]]]:
    """Turns of an agent that reads orders and speaks of some of what it saw."""
    out: list[list[dict[str, Any]]] = [[user("Go on.")]]
    for n in range(draw(st.integers(1, 7))):
        m = draw(st.integers(11, 14))
        words = draw(
            st.lists(st.sampled_from([f"ORD-{m}", f"K{m}-059", f"K{m}-001", f"SKU-{m}1", "nothing", "K11-000"]), max_size=3)
        )
        tool = draw(st.sampled_from(["get_order", "get_order", "find"]))
        text = draw(st.sampled_from([order(m), order(m), order(m)[:900], PROSE, f"[{order(m)},{order(m + 1)}]"]))
        step = [call(f"c{n}", tool=tool), result(f"c{n}", text)]
        last = [said(" and ".join(words) or "Hm.")]
        out += draw(st.sampled_from([[step, last], [[*step, *last]], [step[:1], step[1:], [*last, user("More.")]]]))
    return out


policies = st.sampled_from(
    [{}, {"learning": {"min_outputs": 1}}, {"window": {"max_tokens": 1_500}, "learning": {"min_outputs": 1}}]
)


@given(rounds(), policies, st.data())
def test_a_worker_that_meets_a_session_anew_sends_the_same_bytes(
    turns: list[list[dict[str, Any]]], policy: dict[str, Any], data: st.DataObject
) -> None:
    warm, cold = Folding(**policy), Folding(**policy)
    off = data.draw(st.integers(-1, len(turns)), label="turn without learning")
    for n, turn in enumerate(turns):
        fields = {"policy": {"learning": {"enabled": False}}} if n == off else {}
        warm.turn(*turn, **fields)
        cold.turn(*turn, **fields)
        if data.draw(st.booleans(), label="restart"):
            cold.restart()
    assert cold.bytes_sent == warm.bytes_sent


def test_hints_steer_the_compressor_itself() -> None:
    cut = compress_text(order(11), Hints(), Policy())
    kept = compress_text(order(11), Hints(used=frozenset({"codes[]", "note"})), Policy())
    assert cut is not None and kept is not None
    assert (cut.lossless, kept.lossless, kept.removed) == (False, True, "")
