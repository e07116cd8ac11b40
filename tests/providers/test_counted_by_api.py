"""Anthropic's and Google's counters against their real SDKs and a server that speaks for them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest
from google import genai
from google.genai import types

from headroom_stream.providers import AnthropicProvider, GoogleProvider
from headroom_stream.tokenizers import load_tokenizer
from tests.support.provider_stub import ProviderStub

ASKED: list[Any] = [{"role": "user", "content": "What is the weather in Lisbon today?"}]
CONTENTS: list[Any] = [{"role": "user", "parts": [{"text": "What is the weather in Lisbon today?"}]}]
TOOL: dict[str, Any] = {"name": "weather", "description": "Tells it", "input_schema": {"type": "object", "properties": {}}}


@pytest.fixture
def stub() -> Iterator[ProviderStub]:
    with ProviderStub(counts=4711) as running:
        yield running


@pytest.fixture
def claude(stub: ProviderStub) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=stub.url, api_key="k", max_retries=0)


@pytest.fixture
def gemini(stub: ProviderStub) -> genai.Client:
    return genai.Client(api_key="k", http_options=types.HttpOptions(base_url=stub.url))


def test_anthropic_counts_message_lists_by_the_api(stub: ProviderStub, claude: anthropic.Anthropic) -> None:
    counter = AnthropicProvider(client=claude, enable_cache_control=True).get_token_counter("claude-3-5-sonnet-latest")
    assert counter.count_messages(ASKED) == 4711
    assert counter.exact
    assert dict(stub.last.body) == {"model": "claude-3-5-sonnet-latest", "messages": ASKED}


def test_anthropic_is_asked_about_system_and_tools_too(stub: ProviderStub, claude: anthropic.Anthropic) -> None:
    counter = AnthropicProvider(claude).get_token_counter("claude-sonnet-5")
    counted = counter.count_prompt(
        [{"role": "system", "content": "Be brief."}, *ASKED], tools=[TOOL], system=[{"type": "text", "text": "And kind."}]
    )
    assert counted.exact and counted.tokens == 4711
    assert stub.last.body["system"] == [{"type": "text", "text": "Be brief."}, {"type": "text", "text": "And kind."}]
    assert stub.last.body["messages"] == ASKED
    assert stub.last.body["tools"] == [TOOL]


def test_answers_of_the_sdk_can_be_counted(stub: ProviderStub, claude: anthropic.Anthropic) -> None:
    answer = claude.messages.create(model="claude-sonnet-5", max_tokens=9, messages=ASKED)
    said = {"role": "assistant", "content": answer.content}
    assert AnthropicProvider(claude).get_token_counter("claude-sonnet-5").count_messages([*ASKED, said]) == 4711
    assert stub.last.body["messages"][1] == {"role": "assistant", "content": [{"type": "text", "text": "Done."}]}


@pytest.mark.parametrize("status", [401, 429, 500, 529])
def test_a_count_that_fails_is_estimated_and_says_so(stub: ProviderStub, claude: anthropic.Anthropic, status: int) -> None:
    stub.fail(status, "no luck")
    counter = AnthropicProvider(claude).get_token_counter("claude-sonnet-4-5")
    with pytest.warns(UserWarning, match="count_tokens failed"):
        counted = counter.count_prompt(ASKED)
    assert not counted.exact and "no luck" in counted.why
    assert counted.tokens == AnthropicProvider().get_token_counter("claude-sonnet-4-5").count_messages(ASKED)
    assert counter.count_prompt(ASKED).tokens == 4711


def test_a_server_that_is_not_there_is_estimated(claude: anthropic.Anthropic) -> None:
    gone = anthropic.Anthropic(base_url="http://127.0.0.1:9", api_key="k", max_retries=0)
    no_key = anthropic.Anthropic(base_url="http://127.0.0.1:9", api_key="", max_retries=0)
    for client in (gone, no_key):
        counter = AnthropicProvider(client, warn=False).get_token_counter("claude-sonnet-5")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            counted = counter.count_prompt(ASKED)
        assert counted.tokens > 10 and counted.why.startswith("estimated: count_tokens failed")


def test_messages_of_another_shape_are_not_sent_to_anthropic(stub: ProviderStub, claude: anthropic.Anthropic) -> None:
    calls = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    other = [*ASKED, {"role": "assistant", "tool_calls": calls}, {"role": "tool", "tool_call_id": "c", "content": "x"}]
    for messages in (other, CONTENTS):
        counted = AnthropicProvider(claude).get_token_counter("claude-sonnet-5").count_prompt(messages)
        assert not counted.exact and "not in Anthropic's shape" in counted.why
    assert stub.requests == []


def test_texts_are_never_sent(stub: ProviderStub, claude: anthropic.Anthropic, gemini: genai.Client) -> None:
    for counter in (
        AnthropicProvider(claude).get_token_counter("claude-sonnet-5"),
        GoogleProvider(gemini).get_token_counter("gemini-2.5-pro"),
    ):
        assert counter.count_text("Hello, world!") >= 4
        assert counter.count_message(ASKED[0]) > counter.count_text("What is the weather in Lisbon today?")
    assert stub.requests == []


def test_without_a_client_counts_are_estimates() -> None:
    words = "The quick brown fox jumps over the lazy dog. " * 40
    base = load_tokenizer("cl100k_base").count(words)
    older = AnthropicProvider().get_token_counter("claude-opus-4-6")
    newer = AnthropicProvider().get_token_counter("claude-opus-4-7")
    assert (older.exact, newer.exact, GoogleProvider().get_token_counter("gemini-2.5-pro").exact) == (False, False, False)
    assert older.count_text(words) == -(-base * 11 // 10)
    assert newer.count_text(words) == -(-base * 143 // 100)
    assert "was given no client" in older.count_prompt(ASKED).why


@pytest.mark.parametrize(
    ("model", "newer"),
    [
        ("claude-opus-4-8", True),
        ("claude-sonnet-5", True),
        ("claude-haiku-5-5", True),
        ("claude-fable-5-2", True),
        ("anthropic/claude-opus-5-20260724", True),
        ("claude-sonnet-4-6", False),
        ("claude-haiku-4-5-20251001", False),
        ("claude-3-5-sonnet-latest", False),
        ("claude-sonnet-4-20250514", False),
    ],
)
def test_newer_claudes_have_a_finer_tokenizer(model: str, newer: bool) -> None:
    assert AnthropicProvider().get_token_counter(model).name == ("cl100k_base x 1.43" if newer else "cl100k_base x 1.1")


def test_an_async_client_can_not_be_asked(stub: ProviderStub) -> None:
    claude = AnthropicProvider(anthropic.AsyncAnthropic(base_url=stub.url, api_key="k")).get_token_counter("claude-sonnet-5")
    client = genai.Client(api_key="k", http_options=types.HttpOptions(base_url=stub.url))
    gemini = GoogleProvider(client.aio).get_token_counter("gemini-2.5-pro")
    for counter in (claude, gemini):
        assert not counter.exact
        assert "async client" in counter.count_prompt(ASKED).why
    assert stub.requests == []


def test_google_counts_contents_by_the_api(stub: ProviderStub, gemini: genai.Client) -> None:
    counter = GoogleProvider(client=gemini).get_token_counter("gemini-2.5-pro")
    counted = counter.count_prompt([*CONTENTS, types.Content(role="model", parts=[types.Part(text="Fine.")])])
    assert (counted.tokens, counted.exact, counter.exact) == (4711, True, True)
    assert [c["parts"][0]["text"] for c in stub.last.body["contents"]] == ["What is the weather in Lisbon today?", "Fine."]
    assert stub.last.model == "gemini-2.5-pro"


def test_google_is_asked_about_other_shapes_by_their_text(stub: ProviderStub, gemini: genai.Client) -> None:
    counter = GoogleProvider(gemini).get_token_counter("gemini-2.5-pro")
    counted = counter.count_prompt([*ASKED, {"role": "assistant", "content": "Fine."}], system="Be brief.", tools=[TOOL])
    assert not counted.exact and "by its text" in counted.why and "tools" in counted.why
    assert counted.tokens > 4711
    assert [(c["role"], c["parts"][0]["text"]) for c in stub.last.body["contents"]] == [
        ("user", "Be brief."),
        ("user", "What is the weather in Lisbon today?"),
        ("model", "Fine."),
    ]


def test_google_counts_that_fail_are_estimated_and_say_so(stub: ProviderStub, gemini: genai.Client) -> None:
    stub.fail(400, "no luck")
    with pytest.warns(UserWarning, match="count_tokens failed"):
        counted = GoogleProvider(gemini).get_token_counter("gemini-2.5-pro").count_prompt(CONTENTS)
    assert not counted.exact and "no luck" in counted.why and counted.tokens > 5
    gone = genai.Client(
        api_key="k", http_options=types.HttpOptions(base_url="http://127.0.0.1:9", retry_options=types.HttpRetryOptions(attempts=1))
    )
    assert GoogleProvider(gone, warn=False).get_token_counter("gemini-2.5-pro").count_prompt(CONTENTS).tokens == counted.tokens


def test_images_cost_by_their_size() -> None:
    # A GIF of 750 x 1000: 27 x 36 squares of 28. Gemini has 258 for each of its two tiles of 768.
    data = "R0lGODlh7gLoAwAAAAAA"
    claude = {"type": "image", "source": {"type": "base64", "media_type": "image/gif", "data": data}}
    gemini = {"inlineData": {"mimeType": "image/gif", "data": data}}
    assert AnthropicProvider().get_token_counter("claude-sonnet-4-5").picture_tokens(claude) == 27 * 36
    assert GoogleProvider().get_token_counter("gemini-2.5-pro").picture_tokens(gemini) == 2 * 258
    assert AnthropicProvider().get_token_counter("claude-sonnet-4-5").picture_tokens({"source": {"type": "url"}}) is None
    assert GoogleProvider().get_token_counter("gemini-2.5-pro").picture_tokens({"fileData": {}}) is None
