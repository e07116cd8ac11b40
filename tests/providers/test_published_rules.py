"""Counts and costs against what providers publish: rules written here a second time, and bills worked out by hand."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from datetime import date
from math import ceil
from struct import pack
from typing import Any

import pytest
from anthropic.types import Usage as AnthropicUsage
from google.genai.types import GenerateContentResponseUsageMetadata
from hypothesis import given
from hypothesis import strategies as st
from openai.types import CompletionUsage

from headroom_stream.pricing.usage import normalise_usage
from headroom_stream.providers import AnthropicProvider, GoogleProvider, LiteLLMProvider, OpenAIProvider
from headroom_stream.tokenizers import load_tokenizer

DAY = date(2026, 11, 20)
Tool = dict[str, Any]
ENCODINGS = {"gpt-4o": "o200k_base", "gpt-4o-mini": "o200k_base", "gpt-4": "cl100k_base", "gpt-3.5-turbo": "cl100k_base"}


def by_the_cookbook(messages: Sequence[dict[str, str]], tools: Sequence[Tool], model: str) -> int:
    """Tokens of a prompt as OpenAI's cookbook tells to count them, in two steps: its messages, then its functions."""
    count = load_tokenizer(ENCODINGS[model]).count
    tokens = 3
    for message in messages:
        tokens += 3 + sum(map(count, message.values())) + (1 if "name" in message else 0)
    if not tools:
        return tokens
    for tool in tools:
        function = tool["function"]
        properties = function["parameters"]["properties"]
        tokens += (7 if model.startswith("gpt-4o") else 10) + count(f"{function['name']}:{_without_stop(function)}")
        tokens += 3 if properties else 0
        for name, field in properties.items():
            tokens += 3 + count(f"{name}:{field['type']}:{_without_stop(field)}")
            if "enum" in field:
                tokens += sum(3 + count(value) for value in field["enum"]) - 3
    return tokens + 12


def _without_stop(described: dict[str, Any]) -> str:
    text: str = described["description"]
    return text.removesuffix(".")


def function(name: str, description: str, **properties: dict[str, Any]) -> Tool:
    parameters = {"type": "object", "properties": properties, "required": list(properties)[:1]}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


ASKED = [{"role": "system", "content": "You help in a harbour."}, {"role": "user", "name": "ann", "content": "Is berth 4 free?"}]
BERTH = {"type": "integer", "description": "Its number."}
STATE = {"type": "string", "description": "What it is now", "enum": ["free", "taken", "closed for repair"]}
TOOLS = [
    function("find_berth", "Finds a berth.", number=BERTH, state=STATE),
    function("now", "Tells the time."),
    function("close_berth", "Closes a berth for some days", number=BERTH, days={"type": "number", "description": "How many"}),
]


@pytest.mark.parametrize("model", ENCODINGS)
@pytest.mark.parametrize("tools", [[], TOOLS[:1], TOOLS[1:2], TOOLS[:2], TOOLS])
def test_prompts_have_the_tokens_of_the_cookbooks_rule(model: str, tools: list[Tool]) -> None:
    counted = OpenAIProvider().get_token_counter(model).count_prompt(ASKED, tools=tools)
    assert (counted.tokens, counted.exact) == (by_the_cookbook(ASKED, tools, model), True)


words = st.text(st.characters(codec="utf-8"), max_size=30)
told = st.text(st.characters(codec="utf-8"), min_size=2, max_size=30)
fields = st.fixed_dictionaries(
    {"type": st.sampled_from(["string", "integer", "boolean"]), "description": told}, optional={"enum": st.lists(words, max_size=3)}
)
functions = st.builds(
    lambda name, description, properties: function(name, description, **properties),
    told,
    told,
    st.dictionaries(told.filter(lambda name: name not in ("name", "description")), fields, max_size=3),
)
spoken = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "assistant"]), "content": words}, optional={"name": st.sampled_from(["ann", "bo"])}
)


@given(st.lists(spoken, max_size=4), st.lists(functions, max_size=3), st.sampled_from(sorted(ENCODINGS)))
def test_any_prompt_that_the_rule_is_for_is_counted_by_it(messages: list[dict[str, str]], tools: list[Tool], model: str) -> None:
    counted = OpenAIProvider().get_token_counter(model).count_prompt(messages, tools=tools)
    assert counted.tokens == by_the_cookbook(messages, tools, model)
    assert counted.exact


def test_anthropics_prompt_for_tools_is_counted_with_them() -> None:
    counter = AnthropicProvider().get_token_counter("claude-sonnet-4-5")
    tool = {"name": "now", "description": "Tells the time.", "input_schema": {"type": "object", "properties": {}}}
    asked = [{"role": "user", "content": "Go."}]
    more = counter.count_prompt(asked, tools=[tool]).tokens - counter.count_prompt(asked).tokens
    assert more == 346 + counter.count_text(json.dumps(tool, separators=(",", ":")))


def gif(width: int, height: int) -> str:
    """The beginning of a GIF, as far as its size."""
    return b64encode(b"GIF89a" + pack("<HH", width, height) + bytes(5)).decode()


@pytest.mark.parametrize(
    ("width", "height", "tokens"),
    [(1, 1, 258), (384, 384, 258), (385, 384, 258), (768, 768, 258), (769, 768, 516), (1536, 1600, 1548)],
)
def test_geminis_pictures_have_258_tokens_a_tile(width: int, height: int, tokens: int) -> None:
    assert (
        GoogleProvider().get_token_counter("gemini-2.5-pro").picture_tokens({"inlineData": {"data": gif(width, height)}}) == tokens
    )


def claudes(model: str, width: int, height: int) -> int | None:
    source = {"type": "base64", "media_type": "image/gif", "data": gif(width, height)}
    return AnthropicProvider().get_token_counter(model).picture_tokens({"type": "image", "source": source})


@pytest.mark.parametrize(
    ("width", "height", "older", "newer"),
    [
        (1, 1, 1, 1),
        (28, 28, 1, 1),
        (29, 28, 2, 2),
        (200, 200, 8 * 8, 8 * 8),
        (1092, 1092, 39 * 39, 39 * 39),
        # Shrunk: to 1344 x 896 for the older ones.
        (3000, 2000, 48 * 32, 84 * 56),
        (20_000, 10, 56, 92),
    ],
)
def test_claudes_pictures_have_a_token_for_each_28_pixels_square(width: int, height: int, older: int, newer: int) -> None:
    assert (claudes("claude-sonnet-4-5", width, height), claudes("claude-opus-5", width, height)) == (older, newer)
    assert claudes("claude-sonnet-4-5", height, width) == older


@given(st.integers(1, 9_000), st.integers(1, 9_000))
def test_claudes_pictures_are_shrunk_no_more_than_they_have_to_be(width: int, height: int) -> None:
    for model, edge, most in (("claude-sonnet-4-5", 1568, 1568), ("claude-opus-5", 2576, 4784)):
        tokens = claudes(model, width, height)
        assert tokens is not None and 1 <= tokens <= most
        whole = ceil(width / 28) * ceil(height / 28)
        if whole <= most and max(width, height) <= edge:
            assert tokens == whole
        else:
            # As great as the edge lets it be, or within a row and a column of squares of the most.
            shrink = min(1.0, edge / max(width, height))
            across, down = width * shrink / 28, height * shrink / 28
            assert tokens >= min(across * down, most) * 0.9 - across - down


def openai_usage(prompt: int, cached: int, answer: int) -> Any:
    usage = {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}
    return CompletionUsage.model_validate(usage | {"prompt_tokens_details": {"cached_tokens": cached}})


def anthropic_usage(fresh: int, read: int, written: int, answer: int) -> Any:
    return AnthropicUsage.model_validate(
        {
            "input_tokens": fresh,
            "cache_read_input_tokens": read,
            "cache_creation_input_tokens": written,
            "output_tokens": answer,
        }
    )


def gemini_usage(**counts: int) -> Any:
    return GenerateContentResponseUsageMetadata.model_validate(counts)


BILLS = [
    # USD a million: 2.50 in, 1.25 cached, 10 out. 4,153 x 2.5 + 8,192 x 1.25 + 678 x 10 = 27,402.5 micro-dollars.
    ("gpt-4o", openai_usage(12_345, 8_192, 678), 0.0274025),
    # 0.15, 0.075, 0.60: 1,000 x 0.15 + 2,048 x 0.075 + 100 x 0.6 = 363.6.
    ("gpt-4o-mini", openai_usage(3_048, 2_048, 100), 0.0003636),
    # 1.25, 0.125, 10: 672 x 1.25 + 128 x 0.125 + 1 x 10 = 866.
    ("gpt-5", openai_usage(800, 128, 1), 0.000866),
    # No cache: 30 and 60. 1,000 x 30 + 10 x 60 = 30,600.
    ("gpt-4", openai_usage(1_000, 0, 10), 0.0306),
    # 3, 0.30 read, 3.75 written, 15: 1,234 x 3 + 56,789 x 0.3 + 2,345 x 3.75 + 678 x 15 = 39,702.45.
    ("claude-sonnet-4-5", anthropic_usage(1_234, 56_789, 2_345, 678), 0.03970245),
    # Above 200,000 tokens the prompt costs twice, the answer half more: 2 x (30,000 + 58,500 + 18,750) + 1.5 x 15,000 = 237,000.
    ("claude-sonnet-4-5-20250929", anthropic_usage(10_000, 195_000, 5_000, 1_000), 0.237),
    # 1, 0.10, 1.25, 5: 10 x 1 + 5,000 x 0.1 + 0 + 20 x 5 = 610.
    ("claude-haiku-4-5", anthropic_usage(10, 5_000, 0, 20), 0.00061),
    # 5, 0.50, 6.25, 25: 100 x 5 + 0 + 900 x 6.25 + 4 x 25 = 6,225.
    ("anthropic/claude-opus-4-5", anthropic_usage(100, 0, 900, 4), 0.006225),
    # 1.25, 0.125, 10; thoughts are answer, what its tools brought is prompt: 4,500 x 1.25 + 6,000 x 0.125 + 1,000 x 10 = 16,375.
    (
        "gemini-2.5-pro",
        gemini_usage(
            prompt_token_count=10_000,
            tool_use_prompt_token_count=500,
            cached_content_token_count=6_000,
            candidates_token_count=400,
            thoughts_token_count=600,
        ),
        0.016375,
    ),
    # Above 200,000: 2.50 and 15. 250,000 x 2.5 + 2,000 x 15 = 655,000.
    ("gemini-2.5-pro", gemini_usage(prompt_token_count=250_000, candidates_token_count=2_000), 0.655),
    # 0.30, 0.03, 2.50: 999 x 0.3 + 1 x 0.03 + 3 x 2.5 = 307.23.
    (
        "gemini-2.5-flash",
        gemini_usage(prompt_token_count=1_000, cached_content_token_count=1, candidates_token_count=3),
        0.00030723,
    ),
]


@pytest.mark.parametrize(("model", "reported", "usd"), BILLS)
def test_a_call_costs_what_was_worked_out_by_hand_from_what_the_sdk_reports(model: str, reported: Any, usd: float) -> None:
    usage = normalise_usage(reported.model_dump(exclude_none=True))
    cost = LiteLLMProvider().estimate_cost(
        usage.input or 0, usage.output or 0, model, usage.cache_read or 0, usage.cache_write or 0, day=DAY
    )
    # Far below a micro-dollar.
    assert cost == pytest.approx(usd, abs=1e-12)
