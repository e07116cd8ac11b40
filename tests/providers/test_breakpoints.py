"""Cache breakpoints: where they pay, never more than four, never where the API refuses them, and the caller's stay."""

from __future__ import annotations

import copy
import json
from typing import Any, get_args

import anthropic
import pytest
from anthropic.types import MessageParam, TextBlockParam, ToolUnionParam
from anthropic.types.assistant_message_param import AssistantMessageParam
from anthropic.types.user_message_param import UserMessageParam
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from typing_extensions import get_type_hints, is_typeddict

from headroom_stream.providers import AnthropicProvider
from headroom_stream.providers.breakpoints import MARKABLE, Request
from tests.support.provider_stub import ProviderStub, Reply, refused_marks

MARK = {"cache_control": {"type": "ephemeral"}}
HOUR = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
LONG = "You are a patient assistant of a harbour office. " * 120
TOOLS: list[dict[str, Any]] = [
    {"name": "a", "description": LONG, "input_schema": {"type": "object"}},
    {"name": "b", "description": "Short.", "input_schema": {"type": "object"}},
]
PROVIDER = AnthropicProvider()


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **more}


def user(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def assistant(*blocks: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


THINKING = {"type": "thinking", "thinking": "Hm.", "signature": "s"}
TURNS = [user(text(f"Question {n}.")) if n % 2 == 0 else assistant(text(f"Answer {n}.")) for n in range(10)]


def marked(request: Request) -> list[tuple[str, int, int]]:
    """Part, item and block of each mark, in the order of the prefix."""
    found = [("tools", i, 0) for i, tool in enumerate(request.tools or ()) if "cache_control" in tool]
    if isinstance(request.system, list):
        found += [("system", i, 0) for i, block in enumerate(request.system) if "cache_control" in block]
    for i, message in enumerate(request.messages):
        if isinstance(message["content"], list):
            found += [("messages", i, k) for k, b in enumerate(message["content"]) if isinstance(b, dict) and "cache_control" in b]
    return found


def test_marks_go_after_the_messages_that_are_named() -> None:
    request = PROVIDER.place_breakpoints(None, None, TURNS, [3, 9])
    assert marked(request) == [("messages", 3, 0), ("messages", 9, 0)]
    assert request.messages[9]["content"][0] == text("Answer 9.", **MARK)
    assert request.messages[4] is TURNS[4]
    assert "cache_control" not in json.dumps(TURNS)


def test_a_text_becomes_a_block_with_a_mark() -> None:
    request = PROVIDER.place_breakpoints(LONG, None, [{"role": "user", "content": "Go."}], [0])
    assert request.system == [text(LONG, **MARK)]
    assert request.messages == [user(text("Go.", **MARK))]


def test_the_head_is_marked_where_it_is_long_enough_to_be_cached() -> None:
    assert marked(PROVIDER.place_breakpoints(LONG, TOOLS, TURNS, [9])) == [("system", 0, 0), ("messages", 9, 0)]
    assert marked(PROVIDER.place_breakpoints("Be brief.", TOOLS, TURNS, [9])) == [("system", 0, 0), ("messages", 9, 0)]
    assert marked(PROVIDER.place_breakpoints(None, TOOLS, TURNS, [9])) == [("tools", 1, 0), ("messages", 9, 0)]
    assert marked(PROVIDER.place_breakpoints("Be brief.", TOOLS[1:], TURNS, [9])) == [("messages", 9, 0)]
    # Haiku 4.5 caches from 4,096 tokens on, Opus 5 from 512.
    assert marked(PROVIDER.place_breakpoints(LONG, None, TURNS, [], model="claude-haiku-4-5")) == []
    assert marked(PROVIDER.place_breakpoints(LONG[:2500], None, TURNS, [], model="claude-opus-5")) == [("system", 0, 0)]


def test_a_tool_that_is_searched_for_takes_no_mark() -> None:
    tools = [TOOLS[0], TOOLS[1] | {"defer_loading": True}]
    assert marked(PROVIDER.place_breakpoints(None, tools, TURNS, [])) == [("tools", 0, 0)]


def test_there_are_never_more_than_four() -> None:
    every = list(range(10))
    assert marked(PROVIDER.place_breakpoints(LONG, TOOLS, TURNS, every)) == [
        ("system", 0, 0),
        ("messages", 7, 0),
        ("messages", 8, 0),
        ("messages", 9, 0),
    ]
    assert marked(PROVIDER.place_breakpoints(LONG, TOOLS, TURNS, every, taken=2)) == [("system", 0, 0), ("messages", 9, 0)]
    assert marked(PROVIDER.place_breakpoints(LONG, TOOLS, TURNS, every, taken=4)) == []


def test_the_callers_marks_stay() -> None:
    messages = [user(text("a", **HOUR)), *TURNS[1:]]
    system = [text(LONG, **HOUR), text("b")]
    request = PROVIDER.place_breakpoints(system, TOOLS, messages, [7, 8, 9])
    assert marked(request) == [("system", 0, 0), ("messages", 0, 0), ("messages", 8, 0), ("messages", 9, 0)]
    assert request.system is system and request.tools is TOOLS
    assert request.messages[0] is messages[0]


def test_a_message_that_is_marked_is_marked_once() -> None:
    messages = [*TURNS[:9], assistant(text("a"), text("b", **MARK))]
    assert marked(PROVIDER.place_breakpoints(None, None, messages, [9])) == [("messages", 9, 1)]


def test_of_more_than_four_of_the_caller_the_last_stay() -> None:
    messages = [user(text(str(n), **MARK)) for n in range(6)]
    request = PROVIDER.place_breakpoints(None, None, messages, [5])
    assert marked(request) == [("messages", n, 0) for n in (2, 3, 4, 5)]
    assert request.messages[0] == user(text("0"))


def test_nothing_is_marked_before_an_hours_mark_of_the_callers() -> None:
    messages = [*TURNS[:6], user(text("a", **HOUR)), *TURNS[7:]]
    request = PROVIDER.place_breakpoints(LONG, TOOLS, messages, [3, 9])
    assert marked(request) == [("messages", 6, 0), ("messages", 9, 0)]
    assert refused_marks({"system": request.system, "messages": request.messages}) == ""


@pytest.mark.parametrize(
    ("message", "place"),
    [
        (assistant(text("a"), THINKING), ("messages", 1, 0)),
        (assistant(text("a"), text("  ")), ("messages", 1, 0)),
        (assistant(text("a"), {"type": "something_new", "x": 1}), ("messages", 1, 0)),
        (assistant(THINKING), ("messages", 0, 0)),
        ({"role": "assistant", "content": ""}, ("messages", 0, 0)),
        (assistant(), ("messages", 0, 0)),
        (assistant(THINKING, {"type": "tool_use", "id": "c", "name": "a", "input": {}}), ("messages", 1, 1)),
        (user({"type": "tool_result", "tool_use_id": "c", "content": "x"}), ("messages", 1, 0)),
    ],
)
def test_a_mark_goes_to_the_last_block_that_takes_one(message: dict[str, Any], place: tuple[str, int, int]) -> None:
    assert marked(PROVIDER.place_breakpoints(None, None, [user(text("Go.")), message], [1])) == [place]


def test_indexes_that_do_not_exist_are_left_out() -> None:
    assert marked(PROVIDER.place_breakpoints(None, None, TURNS, [-1, 10, 99])) == []
    assert marked(PROVIDER.place_breakpoints(None, None, [], [0])) == []


def test_switched_off_it_changes_nothing() -> None:
    messages = [user(text(str(n), **MARK)) for n in range(6)]
    request = AnthropicProvider(enable_cache_control=False).place_breakpoints(LONG, TOOLS, messages, [1, 2])
    assert request.system is LONG and request.tools is TOOLS and request.messages is messages


def test_objects_of_the_sdk_can_be_marked() -> None:
    with ProviderStub() as stub:
        stub.reply(Reply("Yes.", thinking="Hm."), "Fine.")
        client = anthropic.Anthropic(base_url=stub.url, api_key="k", max_retries=0)
        answer = client.messages.create(model="claude-sonnet-5", max_tokens=9, messages=[{"role": "user", "content": "Go."}])
        history = [
            {"role": "user", "content": "Go."},
            {"role": "assistant", "content": answer.content},
            {"role": "user", "content": "On."},
        ]
        _, _, messages = PROVIDER.place_breakpoints(None, None, history, [1, 2])
        client.messages.create(model="claude-sonnet-5", max_tokens=9, messages=messages)
        assert marked(Request(None, None, stub.last.body["messages"])) == [("messages", 1, 1), ("messages", 2, 0)]
        assert stub.last.body["messages"][1]["content"][0]["thinking"] == "Hm."


def kinds_that_take_marks() -> set[str]:
    """Of the blocks of a message, by the types of Anthropic's own SDK."""
    found: set[str] = set()
    todo: list[Any] = [get_type_hints(param)["content"] for param in (UserMessageParam, AssistantMessageParam)]
    while todo:
        one = todo.pop()
        todo += get_args(one)
        hints = get_type_hints(one) if is_typeddict(one) else {}
        if "cache_control" in hints:
            found |= set(get_args(hints["type"]))
    return found


def test_the_blocks_that_are_marked_take_marks_by_anthropics_own_types() -> None:
    allowed = kinds_that_take_marks()
    assert {"text", "tool_result"} <= allowed
    assert allowed >= MARKABLE
    assert not {"thinking", "redacted_thinking"} & allowed


words = st.sampled_from(["", " ", "a", "b" * 5_000])
marks = st.sampled_from([{}, {}, {}, MARK, HOUR])
plain_blocks = st.one_of(
    st.builds(text, words),
    st.builds(lambda m: text("a", **m), marks),
    st.just(THINKING),
    st.builds(lambda m: {"type": "tool_use", "id": "c", "name": "a", "input": {}, **m}, marks),
    st.builds(lambda m: {"type": "tool_result", "tool_use_id": "c", "content": "x", **m}, marks),
)
contents = st.one_of(words, st.lists(plain_blocks, max_size=3))
requests = st.fixed_dictionaries(
    {
        "system": st.one_of(st.none(), words, st.lists(st.builds(lambda m: text("s", **m), marks), max_size=2)),
        "tools": st.one_of(st.none(), st.lists(st.builds(lambda t, m: {**t, **m}, st.sampled_from(TOOLS[1:]), marks), max_size=3)),
        "messages": st.lists(
            st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": contents}), max_size=6
        ),
    }
)
TYPED_MESSAGES = TypeAdapter(list[MessageParam])
TYPED_SYSTEM = TypeAdapter(list[TextBlockParam])
TYPED_TOOLS = TypeAdapter(list[ToolUnionParam])


def blocks_of(system: Any) -> Any:
    """A system prompt as blocks without marks."""
    return [text(system)] if isinstance(system, str) and system.strip() else unmarked(system)


def unmarked(value: Any) -> Any:
    """A request without its marks, texts as blocks."""
    if isinstance(value, dict):
        fields = {k: unmarked(v) for k, v in value.items() if k != "cache_control"}
        if isinstance(fields.get("content"), str) and "role" in fields:
            fields["content"] = [text(fields["content"])]
        return fields
    return [unmarked(v) for v in value] if isinstance(value, list) else value


@given(requests, st.lists(st.integers(0, 6), max_size=5), st.integers(0, 2))
def test_any_request_that_the_api_takes_is_one_that_it_takes_with_marks(
    request: dict[str, Any], indexes: list[int], taken: int
) -> None:
    before = copy.deepcopy(request)
    was_fine = refused_marks(request) == ""
    placed = PROVIDER.place_breakpoints(request["system"], request["tools"], request["messages"], indexes, taken=taken)
    after = {"system": placed.system, "tools": placed.tools or [], "messages": placed.messages}
    assert request == before
    assert len(marked(placed)) <= 4
    if was_fine:
        assert refused_marks(after) == ""
    if len(marked(Request(**before))) <= 4 - taken:
        assert len(marked(placed)) <= 4 - taken
        assert set(marked(Request(**before))) <= set(marked(placed))
    # But for marks, nothing changed.
    assert unmarked(list(placed.messages)) == unmarked(request["messages"])
    assert unmarked(placed.tools) == unmarked(request["tools"])
    assert blocks_of(placed.system) == blocks_of(request["system"])


@given(requests, st.lists(st.integers(0, 6), max_size=5))
def test_marked_requests_fit_the_types_of_the_sdk(request: dict[str, Any], indexes: list[int]) -> None:
    placed = PROVIDER.place_breakpoints(request["system"], request["tools"], request["messages"], indexes)
    TYPED_MESSAGES.validate_python(placed.messages)
    TYPED_TOOLS.validate_python(placed.tools or [])
    if isinstance(placed.system, list):
        TYPED_SYSTEM.validate_python(placed.system)
