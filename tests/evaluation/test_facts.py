"""What an agent took over from tool outputs, and from which."""

from __future__ import annotations

from typing import Any

from headroom_stream.evaluation.facts import Use, uses
from tests.evaluation.talk import calls, reading, result, says, user


def used(*messages: dict[str, Any]) -> list[Use]:
    return uses(reading(*messages).pieces)


def atoms_used(*messages: dict[str, Any]) -> list[str]:
    return [use.atom for use in used(*messages)]


def test_a_value_from_an_output_is_used_where_the_agent_writes_it() -> None:
    (use,) = used(user("Which order?"), calls("c"), result("c", "found order_8812"), says("It is order_8812."))
    assert use == Use(at=3, atom="order_8812", kind="ident", source=2, first=True)


def test_arguments_of_a_call_count_as_written() -> None:
    assert atoms_used(user("Go."), calls("c"), result("c", "id order_8812"), calls("d", arguments='{"id": "order_8812"}')) == [
        "order_8812"
    ]


def test_the_second_time_is_no_first_use_and_the_latest_output_is_its_source() -> None:
    first, second = used(
        user("Go."),
        calls("c"),
        result("c", "order_8812"),
        says("order_8812"),
        calls("d"),
        result("d", "order_8812"),
        says("order_8812"),
    )
    assert (first.first, first.source, second.first, second.source) == (True, 2, False, 5)


def test_what_user_or_system_said_is_no_fact() -> None:
    said = ({"role": "system", "content": "shop_17"}, user("order_8812?"), calls("c"))
    assert atoms_used(*said, result("c", "order_8812 shop_17"), says("order_8812 shop_17")) == []


def test_what_the_agent_said_before_any_output_is_its_own() -> None:
    assert (
        atoms_used(user("Go."), calls("c", arguments='{"id": "order_8812"}'), result("c", "order_8812"), says("order_8812")) == []
    )


def test_keys_of_json_are_no_facts() -> None:
    assert atoms_used(
        user("Go."), calls("c"), result("c", '{"order_id": "x", "city": "Bad Ems"}'), says("The order_id is in Bad Ems.")
    ) == ["Bad Ems"]


def test_a_leaf_is_a_whole_string_of_json() -> None:
    conversation = (user("Go."), calls("c"), result("c", '["Ann Lee", "-Zed-", "Al B", "_ _ _"]'))
    assert atoms_used(*conversation, says("Ann Leeson met -Zed- and Al Bundy")) == ["-Zed-"]
    found = used(*conversation, says("Ann Lee, and Al B; _ _ _"))
    assert [(use.atom, use.kind) for use in found] == [("Ann Lee", "leaf"), ("Al B", "leaf"), ("_ _ _", "leaf")]


def test_a_leaf_that_the_user_said_is_none() -> None:
    heard = (user("Go."), calls("c"), result("c", '["Ann Lee"]'))
    assert atoms_used(*heard, user("Ann Lees?"), says("Ann Lee")) == ["Ann Lee"]
    assert atoms_used(*heard, user("Ann Lee?"), says("Ann Lee"), user("Who?"), says("Ann Lee")) == []


def test_a_short_value_within_a_longer_one_is_part_of_it() -> None:
    assert atoms_used(user("Go."), calls("c"), result("c", "order-4711 or 4711"), says("order-4711 is 4711")) == ["order-4711"]


def test_outputs_of_anthropic_are_pieces_of_their_own() -> None:
    results = [
        {"type": "tool_result", "tool_use_id": "a", "content": "first order_1"},
        {"type": "tool_result", "tool_use_id": "b", "content": [{"type": "text", "text": "second order_2"}]},
        {"type": "text", "text": "the user's own order_3"},
    ]
    asked = [{"type": "tool_use", "id": k, "name": "look", "input": {}} for k in "ab"]
    made = reading(
        user("Go."), {"role": "assistant", "content": asked}, {"role": "user", "content": results}, says("order_2, not order_3")
    )
    assert [(p.role, p.message, p.content) for p in made.pieces[2:5]] == [
        ("tool", 2, "first order_1"),
        ("tool", 2, "second order_2"),
        ("user", 2, "the user's own order_3"),
    ]
    assert [(use.atom, use.source) for found in made.uses.values() for use in found] == [("order_2", 3)]
    assert made.tools == {2: "look", 3: "look"}
