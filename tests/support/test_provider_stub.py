"""The stub of providers speaks what their own SDKs understand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from google import genai
from google.genai import types
from google.genai.errors import ClientError

from tests.support.provider_stub import ProviderStub, Reply, ToolCall, refused_marks

CALL = ToolCall(name="weather", arguments={"city": "Köln", "days": 3}, id="call_7")
BILLED = Reply("It is sunny.", calls=(CALL,), input_tokens=2000, output_tokens=30, cache_read=1500, cache_write=200)
ASKED: list[Any] = [{"role": "user", "content": "What is the weather?"}]


@pytest.fixture
def stub() -> Iterator[ProviderStub]:
    with ProviderStub() as running:
        yield running


def openai_client(stub: ProviderStub) -> openai.OpenAI:
    return openai.OpenAI(base_url=stub.openai_url, api_key="k-1", max_retries=0)


def anthropic_client(stub: ProviderStub) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=stub.url, api_key="k-1", max_retries=0)


def google_client(stub: ProviderStub) -> genai.Client:
    """Keep it in a variable: it closes itself when it is no longer held."""
    return genai.Client(api_key="k-1", http_options=types.HttpOptions(base_url=stub.url))


def test_openai_gets_text_calls_and_usage(stub: ProviderStub) -> None:
    stub.reply(BILLED)
    answer = openai_client(stub).chat.completions.create(model="gpt-4o", messages=ASKED)
    message = answer.choices[0].message
    assert (message.content, answer.choices[0].finish_reason) == ("It is sunny.", "tool_calls")
    assert message.tool_calls is not None and message.tool_calls[0].type == "function"
    assert (message.tool_calls[0].id, message.tool_calls[0].function.name) == ("call_7", "weather")
    assert answer.usage is not None and answer.usage.prompt_tokens_details is not None
    assert (answer.usage.prompt_tokens, answer.usage.prompt_tokens_details.cached_tokens) == (2000, 1500)
    assert stub.last.body["messages"] == ASKED
    assert (stub.last.api, stub.last.model, stub.last.headers["authorization"]) == ("openai", "gpt-4o", "Bearer k-1")


def test_openai_streams_the_same_in_pieces(stub: ProviderStub) -> None:
    stub.reply(BILLED)
    with openai_client(stub).chat.completions.stream(
        model="gpt-4o", messages=ASKED, stream_options={"include_usage": True}
    ) as stream:
        events = list(stream)
        final = stream.get_final_completion()
    assert final.choices[0].message.content == "It is sunny."
    assert final.choices[0].message.tool_calls is not None
    assert final.choices[0].message.tool_calls[0].function.arguments == '{"city": "K\\u00f6ln", "days": 3}'
    assert final.usage is not None and final.usage.completion_tokens == 30
    assert sum(event.type == "content.delta" and bool(event.delta) for event in events) == 3
    assert stub.last.stream


def test_anthropic_gets_thinking_text_calls_and_usage(stub: ProviderStub) -> None:
    stub.reply(Reply("Yes.", calls=(CALL,), thinking="Hm.", input_tokens=2000, cache_read=1500, cache_write=200))
    answer = anthropic_client(stub).messages.create(model="claude-sonnet-5", max_tokens=50, messages=ASKED)
    assert [block.type for block in answer.content] == ["thinking", "text", "tool_use"]
    assert answer.content[2].type == "tool_use" and answer.content[2].input == {"city": "Köln", "days": 3}
    usage = answer.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (300, 1500, 200)
    assert answer.stop_reason == "tool_use"
    assert "Bearer k-1" in (stub.last.headers.get("authorization"), f"Bearer {stub.last.headers.get('x-api-key')}")


def test_anthropic_streams_the_same_in_pieces(stub: ProviderStub) -> None:
    stub.reply(Reply("It is sunny.", calls=(CALL,), thinking="Hm.", output_tokens=30))
    with anthropic_client(stub).messages.stream(model="claude-sonnet-5", max_tokens=50, messages=ASKED) as stream:
        texts = list(stream.text_stream)
        final = stream.get_final_message()
    assert len(texts) == 3 and "".join(texts) == "It is sunny."
    assert [block.type for block in final.content] == ["thinking", "text", "tool_use"]
    assert final.content[2].type == "tool_use" and final.content[2].input == {"city": "Köln", "days": 3}
    assert final.usage.output_tokens == 30


def test_gemini_gets_text_calls_and_usage(stub: ProviderStub) -> None:
    stub.reply(BILLED)
    client = google_client(stub)
    answer = client.models.generate_content(model="gemini-2.5-pro", contents="What is the weather?")
    assert answer.candidates is not None and answer.candidates[0].content is not None
    parts = answer.candidates[0].content.parts or []
    assert parts[0].text == "It is sunny."
    assert parts[1].function_call is not None and parts[1].function_call.args == {"city": "Köln", "days": 3}
    assert answer.usage_metadata is not None
    assert (answer.usage_metadata.prompt_token_count, answer.usage_metadata.cached_content_token_count) == (2000, 1500)
    assert (stub.last.model, stub.last.headers["x-goog-api-key"]) == ("gemini-2.5-pro", "k-1")


def test_gemini_streams_the_same_in_pieces(stub: ProviderStub) -> None:
    stub.reply("It is sunny.")
    client = google_client(stub)
    chunks = list(client.models.generate_content_stream(model="gemini-2.5-pro", contents="Go."))
    assert "".join(chunk.text or "" for chunk in chunks) == "It is sunny."
    assert len(chunks) == 3
    assert chunks[-1].usage_metadata is not None and chunks[-1].usage_metadata.candidates_token_count == 10


async def test_async_clients_are_served_as_well() -> None:
    async with ProviderStub() as stub:
        stub.reply("One.", "Two.", "Three.")
        first = await openai.AsyncOpenAI(base_url=stub.openai_url, api_key="k").chat.completions.create(model="m", messages=ASKED)
        second = await anthropic.AsyncAnthropic(base_url=stub.url, api_key="k").messages.create(
            model="m", max_tokens=9, messages=ASKED
        )
        client = google_client(stub)
        third = await client.aio.models.generate_content(model="m", contents="Go.")
    assert first.choices[0].message.content == "One."
    assert second.content[0].type == "text" and second.content[0].text == "Two."
    assert third.text == "Three."
    assert [r.api for r in stub.chats] == ["openai", "anthropic", "gemini"]


def test_errors_are_those_of_each_sdk(stub: ProviderStub) -> None:
    stub.fail(429, "slow down", times=2)
    with pytest.raises(openai.RateLimitError, match="slow down"):
        openai_client(stub).chat.completions.create(model="gpt-4o", messages=ASKED)
    with pytest.raises(anthropic.RateLimitError, match="slow down"):
        anthropic_client(stub).messages.create(model="claude-sonnet-5", max_tokens=5, messages=ASKED)
    stub.fail(400)
    client = google_client(stub)
    with pytest.raises(ClientError, match="INVALID_ARGUMENT"):
        client.models.generate_content(model="gemini-2.5-pro", contents="Go.")


def test_a_stream_can_break_in_its_middle(stub: ProviderStub) -> None:
    stub.reply(Reply("It is sunny.", cut_after=3))
    texts: list[str] = []
    stream = anthropic_client(stub).messages.create(model="claude-sonnet-5", max_tokens=50, messages=ASKED, stream=True)
    with pytest.raises(httpx2.RemoteProtocolError):
        texts.extend(event.type for event in stream)
    assert texts == ["message_start", "content_block_start"]


def test_counts_do_not_use_up_replies(stub: ProviderStub) -> None:
    stub.reply("Later.")
    stub.counts = lambda body: len(body["messages"])
    counted = anthropic_client(stub).messages.count_tokens(model="claude-sonnet-5", messages=ASKED * 3)
    stub.counts = 5
    assert counted.input_tokens == 3
    client = google_client(stub)
    assert client.models.count_tokens(model="gemini-2.5-pro", contents="Go.").total_tokens == 5
    assert openai_client(stub).chat.completions.create(model="gpt-4o", messages=ASKED).choices[0].message.content == "Later."
    assert [(r.api, r.action) for r in stub.requests] == [("anthropic", "count"), ("gemini", "count"), ("openai", "chat")]


def text(mark: dict[str, str] | None, words: str = "Words.") -> dict[str, Any]:
    return {"type": "text", "text": words} | ({"cache_control": mark} if mark else {})


@pytest.mark.parametrize(
    ("blocks", "why"),
    [
        ([text({"type": "ephemeral"})] * 4, ""),
        ([text({"type": "ephemeral"})] * 5, "maximum of 4"),
        ([text({"type": "ephemeral"}, " ")], "empty text"),
        ([{"type": "thinking", "thinking": "Hm.", "signature": "s", "cache_control": {"type": "ephemeral"}}], "thinking"),
        ([text({"type": "ephemeral", "ttl": "1h"}), text({"type": "ephemeral"})], ""),
        ([text({"type": "ephemeral"}), text({"type": "ephemeral", "ttl": "1h"})], "must not come after"),
    ],
)
def test_marks_are_refused_as_anthropic_does(blocks: list[dict[str, Any]], why: str) -> None:
    fault = refused_marks({"messages": [{"role": "user", "content": blocks}]})
    assert bool(fault) == bool(why) and why in fault


def test_a_refused_mark_is_a_bad_request(stub: ProviderStub) -> None:
    messages: list[Any] = [{"role": "user", "content": [text({"type": "ephemeral"})] * 5}]
    with pytest.raises(anthropic.BadRequestError, match="maximum of 4"):
        anthropic_client(stub).messages.create(model="claude-sonnet-5", max_tokens=5, messages=messages)
