"""Passthrough: the providers' own SDKs, through the gateway, to a provider that records what comes."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest

from headroom_stream.gateway.relaying import request_headers
from tests.core.conversations import RECORDS, SHAPES
from tests.core.folding import user
from tests.gateway.talks import ENDS, KEY, TALK
from tests.support.gateway import RunningGateway, running_gateway
from tests.support.provider_stub import ProviderStub, Reply

PLOT = [("user", "Which?"), ("call", [("a", "search")]), ("result", [("a", "search", RECORDS)])]
TALK_ANTHROPIC = SHAPES["anthropic"](PLOT)


@pytest.fixture
def stub() -> Iterator[ProviderStub]:
    with ProviderStub() as running:
        yield running


@pytest.fixture
def proxy(stub: ProviderStub) -> Iterator[RunningGateway]:
    with running_gateway(openai_url=stub.openai_url, anthropic_url=stub.url) as running:
        yield running


def openai_of(gateway: RunningGateway, **headers: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="sk-theirs", max_retries=0, default_headers=headers)


def anthropic_of(gateway: RunningGateway, **headers: str) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=gateway.url, api_key="sk-theirs", max_retries=0, default_headers=headers)


def ask(client: openai.OpenAI, talk: Any = TALK, **fields: Any) -> Any:
    return client.chat.completions.create(model="gpt-4o", messages=talk, **fields)


def test_openai_gets_compressed_messages_and_the_answer_comes_back(proxy: RunningGateway, stub: ProviderStub) -> None:
    stub.reply("It is sunny.")
    answer = ask(openai_of(proxy), temperature=0.5)
    assert answer.choices[0].message.content == "It is sunny."
    sent = stub.last.body
    assert sent["temperature"] == 0.5
    assert len(sent["messages"]) == len(TALK)
    assert len(json.dumps(sent["messages"])) < len(json.dumps(TALK)) * 0.8
    assert stub.last.headers["authorization"] == "Bearer sk-theirs"
    assert not [name for name in stub.last.headers if name.startswith("x-headroom")]


def test_a_conversation_is_a_session_whose_prompts_only_grow(proxy: RunningGateway, stub: ProviderStub) -> None:
    last: list[Any] = []
    for end in ENDS:
        ask(openai_of(proxy), TALK[:end])
        sent = stub.last.body["messages"]
        assert sent[: len(last)] == last
        last = sent
    assert "same as result 1" in last[-1]["content"]
    assert len({row["session_id"] for row in proxy.get("/stats").json()["recent_requests"]}) == 1


def test_a_header_names_the_session(proxy: RunningGateway) -> None:
    ask(openai_of(proxy, **{"x-headroom-session": "mine"}))
    assert proxy.get("/stats").json()["recent_requests"][0]["session_id"] == "mine"
    with pytest.raises(openai.BadRequestError):
        ask(openai_of(proxy, **{"x-headroom-session": "m" * 257}))


def test_anthropic_gets_compressed_messages_and_breakpoints(proxy: RunningGateway, stub: ProviderStub) -> None:
    stub.reply(Reply("Sunny.", input_tokens=900, output_tokens=7, cache_read=800))
    system = "You are a helpful agent. " * 900
    tools: Any = [{"name": "search", "description": "Searches.", "input_schema": {"type": "object"}}]
    answer = anthropic_of(proxy).messages.create(
        model="claude-sonnet-5", max_tokens=50, system=system, tools=tools, messages=TALK_ANTHROPIC
    )
    assert answer.content[0].text == "Sunny."  # type: ignore[union-attr]  # a text block
    sent = stub.last.body
    assert sent["system"][0]["cache_control"] == {"type": "ephemeral"}
    assert "cache_control" in sent["messages"][-1]["content"][-1]
    assert sent["messages"][:2] == TALK_ANTHROPIC[:2]
    assert sent["tools"] == tools
    assert len(json.dumps(sent["messages"][2])) < len(RECORDS)
    assert stub.last.headers["authorization"] == "Bearer sk-theirs"
    row = proxy.get("/stats").json()["recent_requests"][0]
    assert (row["tokens_output"], row["cached_tokens"], row["breakpoints_inserted"]) == (7, 800, 2)
    assert row["has_exact_tokens"]


def test_streams_are_relayed_as_they_come(proxy: RunningGateway, stub: ProviderStub) -> None:
    stub.reply(Reply("One two three four.", pieces=4), Reply("One two three four.", pieces=4))
    parts = [chunk.choices[0].delta.content for chunk in ask(openai_of(proxy), stream=True) if chunk.choices]
    assert "".join(part or "" for part in parts) == "One two three four."
    assert len([part for part in parts if part]) == 4
    with anthropic_of(proxy).messages.stream(model="claude-sonnet-5", max_tokens=50, messages=TALK_ANTHROPIC) as stream:
        assert "".join(stream.text_stream) == "One two three four."
    assert [row["stream"] for row in proxy.get("/stats").json()["recent_requests"]] == [True, True]


def test_a_stream_is_not_held_back_until_its_end(proxy: RunningGateway, stub: ProviderStub) -> None:
    stub.reply(Reply("a b c d", pieces=4, delay_s=0.05, cut_after=3))
    seen: list[str] = []
    with pytest.raises(Exception):  # noqa: B017, PT012 - whichever the SDK raises for a stream that breaks
        for chunk in ask(openai_of(proxy), stream=True):
            seen += [chunk.choices[0].delta.content or ""] if chunk.choices else []
    assert seen


def test_a_request_is_not_held_while_its_answer_streams(proxy: RunningGateway, stub: ProviderStub) -> None:
    stub.reply(Reply("a b c d", pieces=4, delay_s=0.1))
    stream = ask(openai_of(proxy), stream=True)
    held = [proxy.get("/debug/memory").json()["components"]["requests"]["memory_mb"] for _ in stream]
    assert held
    assert not any(held)


def test_a_caller_that_leaves_a_stream_is_counted_all_the_same(proxy: RunningGateway, stub: ProviderStub) -> None:
    stub.reply(Reply(" ".join("word" for _ in range(60)), pieces=60, delay_s=0.02))
    stream = ask(openai_of(proxy), stream=True)
    next(iter(stream))
    stream.close()
    deadline = time.monotonic() + 20
    while proxy.get("/stats").json()["requests"]["total"] < 1:
        assert time.monotonic() < deadline
    assert proxy.get("/livez").status == 200


def test_the_answers_headers_say_what_was_saved(proxy: RunningGateway) -> None:
    reply = proxy.post("/v1/chat/completions", {"model": "gpt-4o", "messages": TALK})
    before, after = (int(reply.headers[f"x-headroom-tokens-{name}"]) for name in ("before", "after"))
    assert int(reply.headers["x-headroom-tokens-saved"]) == before - after > 0


def test_audited_calls_go_as_they_came_and_are_counted(proxy: RunningGateway, stub: ProviderStub) -> None:
    body = json.dumps({"model": "gpt-4o", "messages": TALK}, indent=1).encode()
    reply = proxy.post("/v1/chat/completions", body, {"x-headroom-mode": "audit"})
    assert reply.status == 200
    assert stub.last.body["messages"] == TALK
    row = proxy.get("/stats").json()["recent_requests"][0]
    assert (row["mode"], row["tokens_saved"]) == ("audit", 0)
    assert row["tokens_input_after"] < row["tokens_input_before"]


def test_simulated_calls_are_not_sent(proxy: RunningGateway, stub: ProviderStub) -> None:
    answer = proxy.post("/v1/chat/completions", {"model": "gpt-4o", "messages": TALK}, {"x-headroom-mode": "simulate"}).json()
    assert answer["messages_optimized"] == answer["messages"]
    assert answer["tokens_saved"] > 0
    assert stub.requests == []
    bad = proxy.post("/v1/chat/completions", {"model": "m", "messages": [1]}, {"x-headroom-mode": "simulate"})
    assert bad.status == 400
    assert proxy.post("/v1/chat/completions", {"model": "m", "messages": []}, {"x-headroom-mode": "fast"}).status == 400


def test_what_can_not_be_compressed_goes_as_it_came_and_says_so(proxy: RunningGateway, stub: ProviderStub) -> None:
    body = b'{"model": "gpt-4o",  "messages": [{"role": "wizard", "content": "x"}]}'
    reply = proxy.post("/v1/chat/completions", body)
    assert reply.status == 200
    assert "wizard" in reply.headers["x-headroom-skipped"]
    assert stub.last.body["messages"][0]["role"] == "wizard"
    stats = proxy.get("/stats").json()
    assert stats["requests"]["failed"] == 1
    assert "wizard" in stats["recent_requests"][0]["error"]


def test_errors_of_the_provider_come_back_as_they_are(proxy: RunningGateway, stub: ProviderStub) -> None:
    stub.fail(429, "slow down", retry_after=7)
    with pytest.raises(openai.RateLimitError, match="slow down") as caught:
        ask(openai_of(proxy))
    assert caught.value.response.headers["retry-after"] == "7"
    stub.fail(529, "overloaded")
    with pytest.raises(anthropic.APIStatusError, match="overloaded"):
        anthropic_of(proxy).messages.create(model="claude-sonnet-5", max_tokens=5, messages=TALK_ANTHROPIC)


def test_a_provider_that_can_not_be_reached_is_an_error_that_says_so() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with running_gateway(openai_url=f"http://127.0.0.1:{port}") as gateway:
        reply = gateway.post("/v1/chat/completions", {"model": "m", "messages": [user("hi")]})
        assert (reply.status, reply.json()["error"]["type"]) == (502, "upstream_error")
        assert gateway.get("/stats").json()["recent_requests"][0]["error"]


def test_a_provider_that_falls_silent_is_an_error_that_says_so(stub: ProviderStub) -> None:
    stub.reply(Reply("late", delay_s=2))
    with running_gateway(openai_url=stub.openai_url, upstream_timeout_s=0.2) as gateway:
        reply = gateway.post("/v1/chat/completions", {"model": "m", "messages": [user("hi")]})
    assert (reply.status, reply.json()["error"]["type"]) == (504, "upstream_timeout")


def test_without_a_provider_nothing_is_passed_on(gateway: RunningGateway) -> None:
    for path, name in (("/v1/chat/completions", "gateway.openai_url"), ("/v1/messages", "gateway.anthropic_url")):
        reply = gateway.post(path, {"model": "m", "messages": []})
        assert reply.status == 404
        assert name in reply.json()["error"]["message"]


def test_the_gateways_own_keys_never_reach_a_provider(stub: ProviderStub) -> None:
    body = {"model": "gpt-4o", "messages": [user("hi")]}
    with running_gateway(openai_url=stub.openai_url, anthropic_url=stub.url, keys={"acme": KEY}) as gateway:
        assert gateway.post("/v1/chat/completions", body, {"Authorization": "Bearer sk-theirs"}).status == 401
        reply = gateway.post("/v1/chat/completions", body, {"x-headroom-key": KEY, "Authorization": "Bearer sk-theirs"})
        assert reply.status == 200
        assert stub.last.headers["authorization"] == "Bearer sk-theirs"
        reply = gateway.post("/v1/messages", body, {"Authorization": f"Bearer {KEY}", "x-api-key": "sk-theirs"})
        assert reply.status == 200
        assert stub.last.headers["x-api-key"] == "sk-theirs"
        assert KEY not in str(stub.requests)


def test_callers_without_a_providers_key_use_that_of_the_gateway(stub: ProviderStub) -> None:
    body = {"model": "gpt-4o", "messages": [user("hi")]}
    provider: dict[str, Any] = {
        "openai_url": stub.openai_url,
        "openai_key": "sk-own",
        "anthropic_url": stub.url,
        "anthropic_key": "sk-ant-own",
    }
    with running_gateway(keys={"acme": KEY}, **provider) as gateway:
        for headers in ({"Authorization": f"Bearer {KEY}"}, {"x-headroom-key": KEY}):
            assert gateway.post("/v1/chat/completions", body, headers).status == 200
            assert stub.last.headers["authorization"] == "Bearer sk-own"
            assert gateway.post("/v1/messages", body, headers).status == 200
            assert (stub.last.headers["x-api-key"], stub.last.headers.get("authorization")) == ("sk-ant-own", None)
        headers = {"x-headroom-key": KEY, "authorization": "Bearer sk-theirs"}
        for path in ("/v1/chat/completions", "/v1/messages"):
            assert gateway.post(path, body, headers).status == 200
            assert (stub.last.headers["authorization"], stub.last.headers.get("x-api-key")) == ("Bearer sk-theirs", None)
        assert gateway.post("/v1/messages", body).status == 401


def test_headers_between_neighbours_stay_there() -> None:
    given = {
        "Connection": "close, X-Hop",
        "X-Hop": "1",
        "TE": "trailers",
        "Host": "h",
        "X-Headroom-Stack": "s",
        "Accept": "a",
        "Cookie": "c",
    }
    assert dict(request_headers(given, ours=False)) == {"Accept": "a", "Cookie": "c"}


@pytest.mark.parametrize("body", [b"", b"x", b"[]", b'{"messages": 5}', b'{"model": [], "messages": []}', b'{"a":' * 5_000])
def test_what_is_no_request_is_not_passed_on(proxy: RunningGateway, stub: ProviderStub, body: bytes) -> None:
    for path in ("/v1/chat/completions", "/v1/messages"):
        assert proxy.post(path, body).status == 400
    assert stub.requests == []
