"""The calls that the API page promises, in words of ours: a program that makes each of them with the providers' own SDKs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from anthropic import Anthropic
from google import genai
from openai import OpenAI

from headroom_stream import (
    AnthropicProvider,
    BM25Scorer,
    CacheAligner,
    CacheAlignerConfig,
    EmbeddingScorer,
    GoogleProvider,
    HeadroomClient,
    HeadroomConfig,
    HybridScorer,
    OpenAIProvider,
    RollingWindow,
    RollingWindowConfig,
    SimulationResult,
    SmartCrusher,
    SmartCrusherConfig,
    Tokenizer,
    ToolUsage,
    TransformPipeline,
    ValidationError,
    count_tokens_messages,
    count_tokens_text,
    create_scorer,
    embedding_available,
    generate_report,
    load_tokenizer,
    map_proxy_error,
)
from headroom_stream.config import IntelligentContextConfig, ScoringWeights
from headroom_stream.learning import UsageStats
from headroom_stream.transforms import IntelligentContextManager
from tests.api.conversation import ORDERS, conversation
from tests.api.machine import machine
from tests.sdk.agents import anthropic_history, gemini_history
from tests.support.provider_stub import ProviderStub, Reply

ITEMS = ["the harbour office opens at nine", "refund for order W0042 was refused", "weather for tomorrow"]
QUERY = "why was the refund of W0042 refused"


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ProviderStub]:
    with machine(tmp_path, monkeypatch) as running:
        yield running


@pytest.fixture
def client(stub: ProviderStub) -> Iterator[HeadroomClient]:
    with HeadroomClient(original_client=OpenAI(), provider=OpenAIProvider(), default_mode="optimize") as made:
        yield made


def ask(client: HeadroomClient, **more: Any) -> Any:
    return client.chat.completions.create(model="gpt-4o", messages=conversation(3), **more)


def best(scorer: Any) -> int:
    """Place of the item with the highest score."""
    scores = [each.score for each in scorer.score_items(items=ITEMS, query=QUERY)]
    assert all(0 <= score <= 1 for score in scores)
    return scores.index(max(scores))


def test_a_completion_with_all_overrides_sends_less_and_none_of_them(client: HeadroomClient, stub: ProviderStub) -> None:
    stub.reply("It was W0137.", "It was W0137.")
    answer = ask(
        client,
        headroom_mode="optimize",
        headroom_query="lost orders",
        headroom_keep_turns=5,
        headroom_cache_prefix_tokens=0,
        headroom_output_buffer_tokens=4_000,
    )
    assert answer.choices[0].message.content == "It was W0137."
    assert "W0137" in str(stub.last.body["messages"])
    assert len(str(stub.last.body["messages"])) < len(str(conversation(3))) / 2
    ask(client, headroom_tool_profiles={"orders": {"skip_compression": True}}, headroom_session="other")
    assert stub.last.body["messages"] == conversation(3)
    assert all(request.body.keys() == {"model", "messages"} for request in stub.requests)


def test_a_streamed_completion_comes_piece_by_piece(client: HeadroomClient, stub: ProviderStub) -> None:
    stub.reply(Reply("It was W0137.", pieces=4))
    pieces = [chunk.choices[0].delta.content for chunk in ask(client, stream=True)]
    assert "".join(piece or "" for piece in pieces) == "It was W0137."
    assert len(str(stub.last.body["messages"])) < len(str(conversation(3))) / 2


def test_a_simulation_tells_what_would_be_sent_also_of_what_was_sent_before(client: HeadroomClient, stub: ProviderStub) -> None:
    plans = [client.chat.completions.simulate(model="gpt-4o", messages=conversation(3))]
    ask(client)
    plans.append(client.chat.completions.simulate(model="gpt-4o", messages=conversation(3)))
    for plan in plans:
        assert isinstance(plan, SimulationResult)
        assert plan.tokens_before > 2 * plan.tokens_after
        assert plan.savings_percent == pytest.approx(100 * (1 - plan.tokens_after / plan.tokens_before))
        assert plan.transforms_applied == ["records"]
        assert plan.messages_optimized == stub.last.body["messages"]
    assert len(stub.requests) == 1


def test_what_was_counted_can_be_had_at_once_row_by_row_and_in_sum(client: HeadroomClient, stub: ProviderStub) -> None:
    stub.reply(Reply(output_tokens=7, cache_read=64))
    ask(client)
    stats = client.get_stats()
    assert stats.keys() == {"session", "config", "transforms"}
    assert stats["session"]["requests_optimized"] == 1
    assert stats["session"]["tokens_saved_total"] > 0
    # The page's moment has no zone: it is UTC.
    hour_ago = datetime.now(UTC).replace(tzinfo=None) - timedelta(hours=1)
    (row,) = client.get_metrics(start_time=hour_ago, limit=100)
    assert (row.model, row.mode, row.tokens_output, row.cached_tokens) == ("gpt-4o", "optimize", 7, 64)
    assert client.get_metrics(start_time=hour_ago + timedelta(hours=2)) == []
    summary = client.get_summary()
    assert summary["total_requests"] == 1
    assert summary["total_tokens_saved"] == row.tokens_saved == row.tokens_input_before - row.tokens_input_after
    assert 0 < summary["avg_compression_ratio"] < 1
    assert summary["total_cost_saved_usd"] == pytest.approx((row.cost_before or 0) - (row.cost_after or 0))
    assert client.validate_setup() == client.validate_setup() | {"valid": True, "issues": []}


def test_claude_is_asked_and_streamed_with_fewer_tokens(stub: ProviderStub) -> None:
    stub.reply("The first.", "The first.")
    with HeadroomClient(Anthropic(), AnthropicProvider(Anthropic(), enable_cache_control=True), default_mode="optimize") as client:
        history = anthropic_history(3)
        answer = client.messages.create(model="claude-sonnet-5", max_tokens=50, messages=history)
        assert answer.content[0].text == "The first."  # type: ignore[union-attr]
        with client.messages.stream(model="claude-sonnet-5", max_tokens=50, messages=history) as stream:
            assert "".join(stream.text_stream) == "The first."
        plan: Any = client.messages.simulate(model="claude-sonnet-5", max_tokens=50, messages=history)
        assert plan.savings_percent > 20
    assert all(len(str(request.body["messages"])) < len(str(history)) for request in stub.chats)


def test_gemini_is_asked_and_streamed_with_fewer_tokens(stub: ProviderStub) -> None:
    stub.reply("The first.", "The first.")
    with HeadroomClient(genai.Client(), GoogleProvider(enable_context_caching=True), default_mode="optimize") as client:
        history = gemini_history(3)
        assert client.models.generate_content(model="gemini-2.5-flash", contents=history).text == "The first."
        chunks = client.models.generate_content_stream(model="gemini-2.5-flash", contents=history)
        assert "".join(chunk.text or "" for chunk in chunks) == "The first."
        plan: Any = client.models.simulate(model="gemini-2.5-flash", contents=history)
        assert plan.savings_percent > 20


def test_each_configuration_takes_what_the_page_gives_it() -> None:
    crusher = SmartCrusherConfig(
        min_tokens_to_crush=200,
        max_items_after_crush=50,
        keep_first=3,
        keep_last=2,
        relevance_threshold=0.3,
        anomaly_std_threshold=2.0,
        preserve_errors=True,
    )
    aligner = CacheAlignerConfig(enabled=True, extract_dates=True, normalize_whitespace=True, stable_prefix_min_tokens=100)
    window = RollingWindowConfig(max_tokens=100_000, preserve_system=True, preserve_recent_turns=5, drop_oldest_first=True)
    context = IntelligentContextConfig(
        enabled=True,
        keep_system=True,
        keep_last_turns=2,
        output_buffer_tokens=4_000,
        use_importance_scoring=True,
        scoring_weights=ScoringWeights(),
        toin_integration=True,
    )
    # They are the defaults, but for the switch.
    assert (crusher, aligner, window) == (SmartCrusherConfig(), CacheAlignerConfig(), RollingWindowConfig())
    assert context == IntelligentContextConfig(enabled=True)
    whole = HeadroomConfig()
    whole.smart_crusher.min_tokens_to_crush = 100
    whole.cache_aligner.enabled = True
    whole.rolling_window.preserve_recent_turns = 3
    assert whole == HeadroomConfig(
        smart_crusher=SmartCrusherConfig(min_tokens_to_crush=100), rolling_window=RollingWindowConfig(preserve_recent_turns=3)
    )


def test_providers_count_limit_and_price(stub: ProviderStub) -> None:
    provider = OpenAIProvider(enable_prefix_caching=True)
    assert provider.get_token_counter("gpt-4o").count_text("Hello, world!") == 4
    assert provider.get_context_limit("gpt-4o") == 128_000
    assert provider.estimate_cost(input_tokens=1_000, output_tokens=500, model="gpt-4o") == 0.0075
    claude = AnthropicProvider(client=Anthropic(), enable_cache_control=True)
    assert claude.get_token_counter("claude-3-5-sonnet-latest").count_messages([{"role": "user", "content": "Go."}]) == 42
    assert [(request.api, request.action) for request in stub.requests] == [("anthropic", "count")]
    google = GoogleProvider(enable_context_caching=True)
    assert google.get_token_counter("gemini-2.5-pro").count_text("Hello, world!") == 4


def test_scorers_find_what_is_meant(stub: ProviderStub) -> None:
    assert embedding_available()
    for scorer in (create_scorer(), create_scorer(scorer_type="hybrid", alpha=0.7), BM25Scorer(), HybridScorer(alpha=0.5)):
        assert best(scorer) == 1
    assert best(EmbeddingScorer(model="all-MiniLM-L6-v2")) == 1


def test_transforms_are_used_one_by_one_and_together() -> None:
    crushed = SmartCrusher(SmartCrusherConfig(max_items_after_crush=20)).crush(data={"results": ORDERS}, query="W0042")
    assert crushed.was_modified and "W0042" in crushed.compressed and "lost" in crushed.compressed
    messages = conversation(12)
    aligned = CacheAligner().align(messages)
    assert "2026-03-04" not in aligned.messages[0]["content"] and "2026-03-04" in aligned.messages[-1]["content"]
    assert RollingWindow(RollingWindowConfig(preserve_recent_turns=1)).apply(messages, max_tokens=20_000).tokens_after <= 20_000
    config = IntelligentContextConfig(keep_system=True, keep_last_turns=2, use_importance_scoring=True)
    manager = IntelligentContextManager(config, toin=ToolUsage(UsageStats()))
    assert manager.apply(messages, load_tokenizer(), model_limit=24_000).tokens_after <= 20_000
    made = TransformPipeline([SmartCrusher(), CacheAligner(), RollingWindow()]).transform(messages)
    assert made.transforms_applied == ["smart_crusher", "cache_aligner"]
    assert made.tokens_after < made.tokens_before / 2


def test_tokens_are_counted_for_a_model_by_its_name() -> None:
    messages = [{"role": "user", "content": "hello world"}]
    assert count_tokens_text("Hello, world!", model="gpt-4o") == 4
    tokenizer = Tokenizer(model="gpt-4o")
    assert tokenizer.count_text("Hello") == 1
    assert tokenizer.count_messages(messages) == count_tokens_messages(messages, model="gpt-4o") == 9


def test_a_report_tells_of_the_calls_that_a_client_made(client: HeadroomClient, tmp_path: Path) -> None:
    ask(client)
    client.close()
    url = f"sqlite:///{tmp_path}/headroom.db"
    page = generate_report(store_url=url, format="html", period="day")
    assert page.startswith("<!doctype html>") and "gpt-4o" in page and "<svg" in page
    assert "gpt-4o" in generate_report(store_url=url, format="markdown", period="hour")


def test_an_answer_of_the_gateway_maps_to_its_error() -> None:
    error = map_proxy_error(422, "validation_error", "no such role")
    assert isinstance(error, ValidationError)
    assert error.details == {"status_code": 422, "error_type": "validation_error"}
