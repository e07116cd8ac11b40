"""The wrapped client with the real SDKs, against a provider on this machine."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import anthropic
import openai
import pytest
from google import genai

from headroom_stream.client.headroom import HeadroomClient
from headroom_stream.config import (
    CacheAlignerConfig,
    HeadroomConfig,
    IntelligentContextConfig,
    Policy,
    RollingWindowConfig,
    SmartCrusherConfig,
)
from headroom_stream.engine import Reply as TurnReply
from headroom_stream.errors import CompressionError, ConfigurationError
from headroom_stream.events import TurnEvent
from headroom_stream.results import HeadroomMode, SimulationResult
from tests.core.conversations import LOGS, RECORDS
from tests.sdk.agents import anthropic_history, gemini_history, openai_history
from tests.support.provider_stub import ProviderStub, Reply

MODEL = "gpt-4o"
CLAUDE = "claude-sonnet-5"
GEMINI = "gemini-2.5-flash"


@pytest.fixture
def stub() -> Iterator[ProviderStub]:
    with ProviderStub() as running:
        yield running


def gpt(stub: ProviderStub, **options: Any) -> HeadroomClient:
    options = {"default_mode": "optimize", "store_url": "memory://"} | options
    return HeadroomClient(openai.OpenAI(base_url=stub.openai_url, api_key="k", max_retries=0), **options)


def claude(stub: ProviderStub, **options: Any) -> HeadroomClient:
    options = {"default_mode": "optimize", "store_url": "memory://"} | options
    return HeadroomClient(anthropic.Anthropic(base_url=stub.url, api_key="k", max_retries=0), **options)


def gemini(stub: ProviderStub, **options: Any) -> HeadroomClient:
    options = {"default_mode": "optimize", "store_url": "memory://"} | options
    return HeadroomClient(genai.Client(api_key="k", http_options={"base_url": stub.url}), **options)


def ask_gpt(client: HeadroomClient, calls: int, **more: Any) -> Any:
    return client.chat.completions.create(model=MODEL, messages=openai_history(calls), **more)


def ask_claude(client: HeadroomClient, calls: int, **more: Any) -> Any:
    return client.messages.create(model=CLAUDE, max_tokens=100, messages=anthropic_history(calls), **more)


def ask_gemini(client: HeadroomClient, calls: int, **more: Any) -> Any:
    return client.models.generate_content(model=GEMINI, contents=gemini_history(calls), **more)


Make = Callable[..., HeadroomClient]
Ask = Callable[..., Any]
ALL = [(gpt, ask_gpt, "messages"), (claude, ask_claude, "messages"), (gemini, ask_gemini, "contents")]
IDS = ["openai", "anthropic", "gemini"]


@pytest.mark.parametrize(("make", "ask", "field"), ALL, ids=IDS)
def test_optimised_calls_send_less_and_only_append(stub: ProviderStub, make: Make, ask: Ask, field: str) -> None:
    client = make(stub)
    for calls in range(4):
        ask(client, calls)
    bodies = [str(request.body[field]) for request in stub.chats]
    assert RECORDS[:200] not in bodies[-1].replace("\\n", "\n")
    assert "same as result 1" in bodies[-1]
    sizes = [len(request.body[field]) for request in stub.chats]
    plain = [[_plain(m) for m in request.body[field]] for request in stub.chats]
    for before, after in pairwise(plain):
        assert after[: len(before)] == before
    assert sizes == sorted(sizes)
    stats = client.get_stats()["session"]
    assert (stats["requests_optimized"], stats["sessions"], stats["fallbacks"]) == (4, 1, 0)
    assert stats["tokens_saved_total"] == sum(row.tokens_saved for row in client.get_metrics()) > 0


def _plain(value: Any) -> Any:
    """Without marks for the cache, which move along, and with a text as the block that it is when it is marked."""
    if isinstance(value, dict):
        out = {k: _plain(v) for k, v in value.items() if k != "cache_control"}
        return {**out, "content": [{"type": "text", "text": out["content"]}]} if isinstance(out.get("content"), str) else out
    return [_plain(v) for v in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("make", "ask", "field"), ALL, ids=IDS)
def test_audit_sends_what_came_and_counts_what_could_be_saved(stub: ProviderStub, make: Make, ask: Ask, field: str) -> None:
    client = make(stub, default_mode="audit")
    ask(client, 3)
    audited = stub.last.body[field]
    ask(client.original and make(stub, default_mode="audit"), 3)
    assert stub.last.body[field] == audited
    (row,) = client.get_metrics()
    assert row.mode == "audit"
    assert row.tokens_input_after < row.tokens_input_before
    assert row.tokens_saved == 0 == client.get_stats()["session"]["tokens_saved_total"]


@pytest.mark.parametrize(("make", "ask", "field"), ALL, ids=IDS)
def test_no_argument_of_ours_reaches_the_provider(stub: ProviderStub, make: Make, ask: Ask, field: str) -> None:
    ask(
        make(stub),
        3,
        headroom_mode="optimize",
        headroom_query="request 41",
        headroom_keep_turns=2,
        headroom_tool_profiles={"other": {"skip_compression": True}},
        headroom_cache_prefix_tokens=10,
        headroom_output_buffer_tokens=100,
        headroom_session="s",
    )
    assert "headroom" not in str(stub.last.body)
    assert "headroom" not in str(stub.last.headers).replace("headroom-stream", "")


def test_each_argument_of_ours_has_its_effect(stub: ProviderStub) -> None:
    def sent(**more: Any) -> str:
        ask_gpt(gpt(stub), 3, **more)
        return str(stub.last.body["messages"])

    usual = sent()
    assert RECORDS in sent(headroom_mode="audit").replace("\\n", "\n")
    assert "request 41 served" in sent(headroom_query="request 41") and "request 41 served" not in usual
    assert LOGS in sent(headroom_tool_profiles={"fi*": {"skip_compression": True}}).replace("\\n", "\n")
    whole = sent(headroom_cache_prefix_tokens=100).replace("\\n", "\n")
    assert RECORDS in whole and LOGS not in whole
    cut = sent(headroom_output_buffer_tokens=128_000 - 250)
    assert "earlier messages left out" in cut and "earlier messages left out" not in usual
    assert len(sent(headroom_output_buffer_tokens=128_000 - 250, headroom_keep_turns=1)) <= len(cut)


def test_modes_may_be_named_by_the_enumeration(stub: ProviderStub) -> None:
    client = gpt(stub, default_mode=HeadroomMode.AUDIT)
    ask_gpt(client, 3)
    ask_gpt(client, 3, headroom_mode=HeadroomMode.OPTIMIZE)
    assert [row.mode for row in client.get_metrics()] == ["optimize", "audit"]
    assert client.get_stats()["config"]["mode"] == "audit"


def test_an_argument_that_makes_no_sense_is_an_error_and_nothing_is_sent(stub: ProviderStub) -> None:
    client = gpt(stub)
    for wrong in ({"headroom_keep_turn": 1}, {"headroom_mode": "off"}, {"headroom_tool_profiles": {"find": {"no_such": 1}}}):
        with pytest.raises(ConfigurationError, match=r"headroom|no_such"):
            ask_gpt(client, 3, **wrong)
    with pytest.raises(ConfigurationError):
        gpt(stub, default_mode="off")
    with pytest.raises(ConfigurationError):
        gpt(stub, transport="pigeon")
    assert stub.requests == []


def test_simulation_sends_nothing_and_changes_no_session(stub: ProviderStub) -> None:
    client = gpt(stub)
    ask_gpt(client, 1)
    plan = client.chat.completions.simulate(model=MODEL, messages=openai_history(3))
    assert isinstance(plan, SimulationResult)
    assert plan == ask_gpt(client, 3, headroom_mode="simulate")
    assert len(stub.requests) == 1
    ask_gpt(client, 3)
    assert stub.last.body["messages"] == plan.messages_optimized
    assert plan.savings_percent > 20
    assert plan.transforms_applied == plan.transforms == ["logs", "records"]
    assert plan.waste_signals.json_bloat_tokens > 0
    assert plan.block_breakdown["tool_result"] > plan.block_breakdown["user"]
    assert plan.estimated_savings_usd is not None and plan.estimated_savings_usd > 0
    assert plan.estimated_savings == f"${plan.estimated_savings_usd:.4f} per request"
    assert plan.tokens_saved == plan.tokens_before - plan.tokens_after


@pytest.mark.parametrize(("make", "ask", "field"), ALL, ids=IDS)
def test_what_the_provider_says_it_used_is_kept(stub: ProviderStub, make: Make, ask: Ask, field: str) -> None:
    client = make(stub)
    stub.reply(Reply("Yes.", input_tokens=2_000, output_tokens=7, cache_read=1_500))
    assert ask(client, 2) is not None
    (row,) = client.get_metrics()
    assert (row.tokens_output, row.cached_tokens) == (7, 1_500)


def test_streams_pass_through_and_their_calls_are_compressed(stub: ProviderStub) -> None:
    client, other = gpt(stub), claude(stub)
    stub.reply("It is the first one.", "It is the first one.", "It is the first one.", "It is the first one.")
    chunks = ask_gpt(client, 3, stream=True)
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == "It is the first one."
    with client.chat.completions.stream(model=MODEL, messages=openai_history(3)) as helper:
        assert helper.get_final_completion().choices[0].message.content == "It is the first one."
    with other.messages.stream(model=CLAUDE, max_tokens=10, messages=anthropic_history(3)) as stream:
        assert "".join(stream.text_stream) == "It is the first one."
    events = ask_claude(other, 3, stream=True)
    assert any(event.type == "message_stop" for event in events)
    assert all(RECORDS[:100] not in str(request.body).replace("\\n", "\n") for request in stub.chats)
    assert [row.stream for row in reversed(client.get_metrics())] == [True, False]


def test_gemini_streams(stub: ProviderStub) -> None:
    stub.reply("It is the first one.")
    client = gemini(stub)
    chunks = client.models.generate_content_stream(model=GEMINI, contents=gemini_history(3))
    assert "".join(chunk.text or "" for chunk in chunks) == "It is the first one."
    assert "same as result 1" in str(stub.last.body["contents"])


async def test_async_clients_do_the_same(stub: ProviderStub) -> None:
    stub.reply(*["Yes."] * 8)
    client = HeadroomClient(
        openai.AsyncOpenAI(base_url=stub.openai_url, api_key="k"), default_mode="optimize", store_url="memory://"
    )
    other = HeadroomClient(anthropic.AsyncAnthropic(base_url=stub.url, api_key="k"), default_mode="optimize", store_url="memory://")
    third = gemini(stub)
    answer = await client.chat.completions.create(model=MODEL, messages=openai_history(3))
    assert answer.choices[0].message.content == "Yes."
    ask_gpt(gpt(stub), 3)
    assert stub.chats[0].body == stub.chats[1].body
    plan = await client.chat.completions.simulate(model=MODEL, messages=openai_history(3))
    assert plan.messages_optimized == stub.chats[0].body["messages"]
    async for _ in await client.chat.completions.create(model=MODEL, messages=openai_history(3), stream=True):
        pass
    async with other.messages.stream(model=CLAUDE, max_tokens=10, messages=anthropic_history(3)) as stream:
        assert await stream.get_final_text() == "Yes."
    await other.messages.create(model=CLAUDE, max_tokens=10, messages=anthropic_history(3))
    await third.aio.models.generate_content(model=GEMINI, contents=gemini_history(3))
    assert "same as result 1" in str(stub.last.body)
    async for _ in await third.aio.models.generate_content_stream(model=GEMINI, contents=gemini_history(3)):
        pass
    assert len(client.get_metrics()) == 3


def test_anthropic_gets_cache_breakpoints_unless_switched_off(stub: ProviderStub) -> None:
    def marks(**options: Any) -> int:
        ask_claude(claude(stub, **options), 3)
        return str(stub.last.body).count("cache_control")

    assert 1 <= marks() <= 4
    assert marks(enable_cache_optimizer=False) == 0


class Failing:
    """A transport that nobody answers."""

    def turn(self, event: TurnEvent) -> TurnReply:
        raise RuntimeError("no worker")

    def knows(self, session_id: str) -> bool:
        return True


@pytest.mark.parametrize(("make", "ask", "field"), ALL, ids=IDS)
def test_when_compression_fails_messages_go_as_they_came_and_everyone_can_see_it(
    stub: ProviderStub, make: Make, ask: Ask, field: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = make(stub, transport=Failing())
    with caplog.at_level(logging.WARNING):
        ask(client, 3)
    assert "no worker" in caplog.text
    assert client.get_stats()["session"]["fallbacks"] == 1
    (row,) = client.get_metrics()
    assert row.error == "RuntimeError: no worker"
    assert row.tokens_input_before == row.tokens_input_after > 0
    ask(make(stub, default_mode="audit"), 3)
    assert stub.chats[0].body == stub.chats[1].body
    with pytest.raises(CompressionError, match="no worker"):
        ask(make(stub, transport=Failing(), fallback=False), 3)


def test_messages_that_no_provider_takes_are_left_to_the_provider(stub: ProviderStub) -> None:
    client = gpt(stub)
    stub.fail(400, "orphan tool result")
    with pytest.raises(openai.BadRequestError, match="orphan"):
        client.chat.completions.create(model=MODEL, messages=[{"role": "tool", "tool_call_id": "x", "content": RECORDS}])
    assert stub.last.body["messages"] == [{"role": "tool", "tool_call_id": "x", "content": RECORDS}]
    assert client.get_stats()["session"]["fallbacks"] == 1


def test_a_call_that_the_provider_refuses_is_counted(stub: ProviderStub) -> None:
    client = gpt(stub)
    stub.fail(429)
    with pytest.raises(openai.RateLimitError):
        ask_gpt(client, 3)
    (row,) = client.get_metrics()
    assert (row.tokens_output, row.error) == (None, None)


def test_answers_can_be_appended_as_the_objects_they_are(stub: ProviderStub) -> None:
    stub.reply("First.", "Second.", "First.", "Second.")
    client, other = gpt(stub), claude(stub)
    history: list[Any] = openai_history(1)
    history += [
        client.chat.completions.create(model=MODEL, messages=history).choices[0].message,
        {"role": "user", "content": "Sure?"},
    ]
    client.chat.completions.create(model=MODEL, messages=history)
    talk: list[Any] = anthropic_history(1)
    made: Any = other.messages.create(model=CLAUDE, max_tokens=9, messages=talk)
    talk += [{"role": "assistant", "content": made.content}, {"role": "user", "content": "Sure?"}]
    other.messages.create(model=CLAUDE, max_tokens=9, messages=talk)
    for one in (client, other):
        assert one.get_stats()["session"]["sessions"] == 1
        assert one.get_stats()["session"]["fallbacks"] == 0
    assert stub.chats[1].body["messages"][-2]["content"] == "First."


def test_text_prompts_and_other_resources_are_the_clients_own(stub: ProviderStub) -> None:
    client = gemini(stub)
    client.models.generate_content(model=GEMINI, contents="Hello.")
    assert client.get_metrics() == []
    assert client.models.count_tokens(model=GEMINI, contents="Hello.").total_tokens == 42
    assert claude(stub).messages.count_tokens(model=CLAUDE, messages=anthropic_history(1)).input_tokens == 42
    assert gpt(stub).base_url.host == "127.0.0.1"
    assert gpt(stub).chat.completions.with_raw_response.create(model=MODEL, messages=openai_history(1)).status_code == 200
    with pytest.raises(AttributeError):
        _ = client.no_such


def test_the_configs_of_the_page_reach_sessions(stub: ProviderStub) -> None:
    window = gpt(stub, rolling_window_config=RollingWindowConfig(max_tokens=250, preserve_recent_turns=1))
    ask_gpt(window, 3)
    assert "earlier messages left out to fit 250 tokens" in str(stub.last.body)
    off = gpt(stub, rolling_window_config=RollingWindowConfig(enabled=False), model_context_limits={MODEL: 1_000})
    ask_gpt(off, 3)
    assert "earlier messages" not in str(stub.last.body)
    small = gpt(stub, model_context_limits={MODEL: 4_250})
    ask_gpt(small, 3)
    assert "earlier messages left out" in str(stub.last.body)
    assert window.get_stats()["transforms"] == {
        "smart_crusher_enabled": False,
        "cache_aligner_enabled": False,
        "rolling_window_enabled": True,
    }
    crush = gpt(stub, smart_crusher_config=SmartCrusherConfig(max_items_after_crush=5), policy=Policy())
    assert crush.policy.crush.enabled and crush.policy.crush.max_items == 5
    whole = gpt(stub, config=HeadroomConfig())
    assert all(whole.get_stats()["transforms"].values())
    for wrong in (
        {"rolling_window_config": RollingWindowConfig(preserve_system=False)},
        {"smart_crusher_config": SmartCrusherConfig(lossless_only=True)},
        {"config": HeadroomConfig(intelligent_context=IntelligentContextConfig(enabled=True))},
        {"config": HeadroomConfig(), "rolling_window_config": RollingWindowConfig()},
    ):
        with pytest.raises(ConfigurationError):
            gpt(stub, **wrong)


def dated(minute: int) -> str:
    rules = "Answer from what the tools say, and say where it stands. " * 12
    return f"You are a helpful agent. {rules}The time is 2026-11-21T13:{minute:02}:00."


def test_a_date_in_the_system_prompt_no_longer_ends_the_cached_prefix(stub: ProviderStub) -> None:
    config = CacheAlignerConfig()
    client, other = gpt(stub, cache_aligner_config=config), claude(stub, cache_aligner_config=config)
    for calls in range(3):
        history = [{"role": "system", "content": dated(calls)}, *openai_history(calls)[1:]]
        client.chat.completions.create(model=MODEL, messages=history)
        ask_claude(other, calls, system=dated(calls))
    for asked in (stub.chats[0::2], stub.chats[1::2]):
        starts = {str(_plain(r.body.get("system") or r.body["messages"][0])) for r in asked}
        assert len(starts) == 1
        assert "13:02:00" in str(asked[-1].body["messages"][-1])
    assert client.get_stats()["session"]["cache_hits"] == 2
    assert all(row.cache_alignment_score == 100 for row in client.get_metrics())
    plain = gpt(stub)
    plain.chat.completions.create(model=MODEL, messages=[{"role": "system", "content": dated(0)}, *openai_history(1)[1:]])
    (row,) = plain.get_metrics()
    assert 80 < row.cache_alignment_score < 100
    assert dated(0) in str(stub.last.body)


def test_metrics_and_summary_are_those_of_the_store(stub: ProviderStub) -> None:
    now = datetime(2026, 6, 1, 12, tzinfo=UTC)
    client = gpt(stub, now=lambda: now, new_id=iter(map(str, range(100))).__next__)
    ask_gpt(client, 3)
    now += timedelta(hours=2)
    ask_gpt(client, 3, headroom_mode="audit")
    assert [row.request_id for row in client.get_metrics()] == ["1", "0"]
    assert [row.request_id for row in client.get_metrics(start_time=datetime(2026, 6, 1, 13))] == ["1"]
    assert [row.request_id for row in client.get_metrics(mode="optimize", limit=5)] == ["0"]
    summary = client.get_summary()
    assert summary["total_requests"] == 2
    assert summary["total_tokens_saved"] > 0
    assert 0 < summary["avg_compression_ratio"] < 1
    assert summary["total_cost_saved_usd"] > 0


def test_the_setup_is_checked(stub: ProviderStub, tmp_path: Any) -> None:
    assert gpt(stub).validate_setup()["issues"] == []
    wrong = gpt(stub, store_url=f"sqlite:///{tmp_path}/no/such/folder/x.db").validate_setup()
    assert not wrong["valid"]
    assert not wrong["storage"]["ok"]
    assert wrong["issues"] and wrong["issues"][0].startswith("storage: ")
    assert wrong["provider"] == {"ok": True, "name": "openai", "error": None}


def test_what_was_left_out_can_be_retrieved(stub: ProviderStub) -> None:
    client = gpt(stub)
    ask_gpt(client, 3)
    sent = next(m["content"] for m in stub.last.body["messages"] if "original" in str(m["content"]))
    ref = sent.rpartition("original ")[2].rstrip("]")
    assert client.retrieve(ref) == LOGS
    assert "request 41 served" in client.retrieve(ref, query="request 41")


def test_a_store_that_fails_costs_no_call(stub: ProviderStub, tmp_path: Any) -> None:
    client = gpt(stub, store_url=f"sqlite:///{tmp_path}/no/such/folder/x.db")
    ask_gpt(client, 3)
    client.close()
    assert client.get_stats()["session"]["rows_lost"] == 1


def test_threads_may_share_a_client(stub: ProviderStub) -> None:
    client = gpt(stub)

    def work(number: int) -> None:
        for calls in range(4):
            ask_gpt(client, calls, headroom_session=f"s{number}")

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stats = client.get_stats()["session"]
    assert (stats["requests_total"], stats["sessions"], stats["fallbacks"]) == (24, 6, 0)
    assert len({str(r.body["messages"]) for r in stub.chats if len(r.body["messages"]) == 4}) == 1


def test_closing_lets_the_store_go_and_keeps_the_wrapped_client(stub: ProviderStub) -> None:
    with gpt(stub) as client:
        ask_gpt(client, 1)
    assert not client.original.is_closed()
