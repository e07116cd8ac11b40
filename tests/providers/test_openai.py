"""OpenAI's counts: the numbers of its cookbook and of its guide to images, and where no rule is published."""

from __future__ import annotations

import base64
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionMessage

from headroom_stream.errors import TokenizationError, ValidationError
from headroom_stream.messages import view
from headroom_stream.providers import OpenAIProvider
from headroom_stream.tokenizers import load_tokenizer
from headroom_stream.tokens import count_message

JARGON: list[dict[str, Any]] = [
    {
        "role": "system",
        "content": "You are a helpful, pattern-following assistant that translates corporate jargon into plain English.",
    },
    {"role": "system", "name": "example_user", "content": "New synergies will help drive top-line growth."},
    {"role": "system", "name": "example_assistant", "content": "Things working well together will increase revenue."},
    {
        "role": "system",
        "name": "example_user",
        "content": "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage.",
    },
    {
        "role": "system",
        "name": "example_assistant",
        "content": "Let's talk later when we're less busy about how to do better.",
    },
    {
        "role": "user",
        "content": "This late pivot means we don't have time to boil the ocean for the client deliverable.",
    },
]
"""The cookbook's messages, for which it prints what the API counted."""
WEATHER: list[dict[str, Any]] = [
    {"role": "system", "content": "You are a helpful assistant that can answer to questions about the weather."},
    {"role": "user", "content": "What's the weather like in San Francisco?"},
]
TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_current_weather",
        "description": "Get the current weather in a given location",
        "parameters": {
            "type": "object",
            "properties": {
                "location": {"type": "string", "description": "The city and state, e.g. San Francisco, CA"},
                "unit": {"type": "string", "description": "The unit of temperature to return", "enum": ["celsius", "fahrenheit"]},
            },
            "required": ["location"],
        },
    },
}
"""The cookbook's tool."""
PROVIDER = OpenAIProvider()


def picture(width: int, height: int) -> str:
    """The beginning of a PNG, as far as its size."""
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height) + bytes(30)
    return "data:image/png;base64," + base64.b64encode(data).decode()


def test_a_text_has_the_tokens_of_the_page() -> None:
    assert PROVIDER.get_token_counter("gpt-4o").count_text("Hello, world!") == 4


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("gpt-3.5-turbo-0125", 129),
        ("gpt-4-0613", 129),
        ("gpt-4", 129),
        ("gpt-4o", 124),
        ("gpt-4o-mini-2024-07-18", 124),
        ("openai/gpt-4o", 124),
    ],
)
def test_messages_have_the_tokens_that_the_cookbook_saw_billed(model: str, tokens: int) -> None:
    counter = PROVIDER.get_token_counter(model)
    assert counter.count_messages(JARGON) == tokens
    assert counter.count_prompt(JARGON).exact and counter.exact


@pytest.mark.parametrize(("model", "tokens"), [("gpt-3.5-turbo", 105), ("gpt-4", 105), ("gpt-4o", 101), ("gpt-4o-mini", 101)])
def test_tools_have_the_tokens_that_the_cookbook_saw_billed(model: str, tokens: int) -> None:
    counted = PROVIDER.get_token_counter(model).count_prompt(WEATHER, tools=[TOOL])
    assert (counted.tokens, counted.exact, counted.why) == (tokens, True, "")


def test_messages_are_counted_by_hand() -> None:
    counter = PROVIDER.get_token_counter("gpt-4o")
    # 3 a message, its role 1, "hello world" 2; a name 1 and 1 more; 3 for the answer.
    assert counter.count_message({"role": "user", "content": "hello world"}) == 6
    assert counter.count_message({"role": "user", "name": "Ann", "content": "hello world"}) == 8
    assert counter.count_messages([{"role": "user", "content": "hello world"}] * 2) == 6 + 6 + 3
    assert counter.count_messages([]) == 3
    assert counter.count_prompt([{"role": "user", "content": "hello world"}], system="hello").tokens == 6 + 5 + 3


@pytest.mark.parametrize(
    ("messages", "tools", "model", "why"),
    [
        (WEATHER, [], "gpt-5", "no rule is published for the messages"),
        (WEATHER, [], "gpt-6-sol", "not the model's own encoding"),
        ([{"role": "tool", "tool_call_id": "c", "content": "x"}], [], "gpt-4o", "tool calls and their results"),
        (WEATHER, [{"type": "web_search"}], "gpt-4o", "does not cover"),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x/y.png"}}]}],
            [],
            "gpt-4o",
            "unknown size",
        ),
        ([{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}], [], "gpt-4o", "can't be counted"),
    ],
)
def test_where_no_rule_is_published_it_says_so(messages: list[Any], tools: list[Any], model: str, why: str) -> None:
    counted = PROVIDER.get_token_counter(model).count_prompt(messages, tools=tools)
    assert not counted.exact
    assert why in counted.why
    assert counted.tokens > 4


def test_a_counter_of_a_model_without_a_rule_is_not_exact() -> None:
    assert [PROVIDER.get_token_counter(m).exact for m in ("gpt-4.1", "gpt-5", "o3", "gpt-6-sol")] == [True, False, False, False]


@pytest.mark.parametrize(
    ("model", "url", "detail", "tokens"),
    [
        # The examples of OpenAI's guide: 4 tiles, 6 tiles, low detail.
        ("gpt-4o", picture(1024, 1024), "high", 85 + 4 * 170),
        ("gpt-4o", picture(2048, 4096), "high", 85 + 6 * 170),
        ("gpt-4o", picture(4096, 8192), "low", 85),
        ("gpt-4o", "https://example.com/a.png", "low", 85),
        ("gpt-4o", picture(512, 512), "auto", 85 + 170),
        ("gpt-4o-mini", picture(512, 512), "high", 2833 + 5667),
        ("o1", picture(1024, 1024), "high", 75 + 4 * 150),
        # 1,024 patches; and 1,452, to which its example shrinks 1800 x 2400.
        ("gpt-4.1-mini", picture(1024, 1024), "high", 1024 * 162 // 100),
        ("gpt-4.1-nano", picture(1800, 2400), "high", 1452 * 246 // 100),
    ],
)
def test_images_have_the_tokens_of_the_guide(model: str, url: str, detail: str, tokens: int) -> None:
    counter = PROVIDER.get_token_counter(model)
    content = [{"type": "text", "text": "hello world"}, {"type": "image_url", "image_url": {"url": url, "detail": detail}}]
    assert counter.count_message({"role": "user", "content": content}) == 6 + tokens


def test_an_image_that_is_seen_leaves_a_count_exact() -> None:
    content = [{"type": "image_url", "image_url": {"url": picture(512, 512)}}]
    assert PROVIDER.get_token_counter("gpt-4o").count_prompt([{"role": "user", "content": content}]).exact


def test_a_description_is_counted_without_its_full_stop() -> None:
    counter = PROVIDER.get_token_counter("gpt-4o")
    stopped = {"type": "function", "function": TOOL["function"] | {"description": TOOL["function"]["description"] + "."}}
    assert counter.count_prompt(WEATHER, tools=[stopped]).tokens == 101


def test_nested_parameters_count_and_are_outside_of_the_rule() -> None:
    inner = {"type": "object", "description": "Where", "properties": {"city": {"type": "string", "description": "Its name"}}}
    nested = {
        "type": "function",
        "function": {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {"a": inner}}},
    }
    flat = {"type": "function", "function": {"name": "f", "description": "d"}}
    counter = PROVIDER.get_token_counter("gpt-4o")
    whole, bare = counter.count_prompt(WEATHER, tools=[nested]), counter.count_prompt(WEATHER, tools=[flat])
    assert bare.exact and not whole.exact
    assert whole.tokens - bare.tokens >= 3 + 3 + 3 + 3


def test_objects_of_the_sdk_count_as_what_they_stand_for() -> None:
    counter = PROVIDER.get_token_counter("gpt-4o")
    message = ChatCompletionMessage(role="assistant", content="hello world")
    assert counter.count_message(message) == counter.count_message({"role": "assistant", "content": "hello world"}) == 6


def test_what_has_no_tokens_is_refused() -> None:
    counter = PROVIDER.get_token_counter("gpt-4o")
    with pytest.raises(TokenizationError, match="only text"):
        counter.count_text(b"x")  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match="unknown role"):
        counter.count_messages([{"role": "robot", "content": "x"}])
    with pytest.raises(ValidationError, match="neither plain data"):
        counter.count_messages([{"role": "user", "content": object()}])


words = st.text(alphabet="ab c\n.", max_size=40)


@given(st.lists(st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant", "system"]), "content": words}), max_size=6))
def test_a_prompt_is_its_messages_and_three(messages: list[dict[str, str]]) -> None:
    counter = PROVIDER.get_token_counter("gpt-4o")
    assert counter.count_messages(messages) == 3 + sum(map(counter.count_message, messages))


def test_the_engine_counts_the_same() -> None:
    engine = load_tokenizer("o200k_base")
    raw = b'{"role":"assistant","content":null,"tool_calls":[{"id":"c1","function":{"name":"find","arguments":"{}"}}]}'
    assert PROVIDER.get_token_counter("gpt-4o").count_message(raw) == count_message(view(raw), engine) == 18
