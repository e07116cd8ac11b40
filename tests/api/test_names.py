"""Names: what programs for the API page and for the original import, pass and read is there, under either's words."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
from openai import OpenAI

import headroom_stream as ours
from headroom_stream.config import IntelligentContextConfig, ScoringWeights
from headroom_stream.embeddings import load_embed
from headroom_stream.results import MessageDecision
from headroom_stream.transforms import IntelligentContextManager
from headroom_stream.transforms.result import CachePrefixMetrics, DiffArtifact, TransformDiff
from headroom_stream.transforms.smart_crusher import CrushResult
from tests.api.conversation import ORDERS, conversation

T = TypeVar("T")
PAGE = (
    "AnthropicProvider",
    "BM25Scorer",
    "CacheAligner",
    "CacheAlignerConfig",
    "EmbeddingScorer",
    "GoogleProvider",
    "HeadroomClient",
    "HeadroomConfig",
    "HybridScorer",
    "OpenAIProvider",
    "RollingWindow",
    "RollingWindowConfig",
    "SmartCrusher",
    "SmartCrusherConfig",
    "Tokenizer",
    "TransformPipeline",
    "count_tokens_messages",
    "count_tokens_text",
    "create_scorer",
    "embedding_available",
    "generate_report",
    "RelevanceScorerConfig",
    "IntelligentContextConfig",
    "ScoringWeights",
    "SimulationResult",
    "WasteSignals",
    "RequestMetrics",
    "CompressResult",
    "HeadroomError",
    "HeadroomConnectionError",
    "HeadroomAuthError",
    "HeadroomCompressError",
    "ConfigurationError",
    "ProviderError",
    "StorageError",
    "TokenizationError",
    "CacheError",
    "ValidationError",
    "TransformError",
    "CompressionError",
    "map_proxy_error",
)
WASTE = ours.WasteSignals(json_bloat_tokens=5, reread_tokens=2, reread_compressed_tokens=1)
PLAN = ours.SimulationResult(
    tokens_before=100,
    tokens_after=60,
    transforms_applied=["records"],
    waste_signals=WASTE,
    messages_optimized=[],
    block_breakdown={},
    stable_prefix_hash="",
    cache_alignment_score=100.0,
    estimated_savings_usd=0.00124,
)
ROW = ours.RequestMetrics(
    request_id="r", timestamp=datetime(2026, 6, 1), model="m", mode="optimize", tokens_input_before=100, tokens_input_after=60
)
TRANSFORMED = ours.TransformResult(messages=[], tokens_before=100, tokens_after=60, transforms_applied=["a", "a"])
COMPRESSED = ours.CompressResult(messages=[], tokens_before=100, tokens_after=60)
FIELDS: list[tuple[Any, tuple[str, ...]]] = [
    (
        PLAN,
        (
            "tokens_before",
            "tokens_after",
            "tokens_saved",
            "savings_percent",
            "transforms_applied",
            "transforms",
            "estimated_savings",
            "messages_optimized",
            "block_breakdown",
            "waste_signals",
            "stable_prefix_hash",
            "cache_alignment_score",
        ),
    ),
    (
        WASTE,
        (
            "json_bloat_tokens",
            "html_noise_tokens",
            "base64_tokens",
            "whitespace_tokens",
            "dynamic_date_tokens",
            "repetition_tokens",
            "reread_tokens",
            "reread_compressed_tokens",
        ),
    ),
    (
        ROW,
        (
            "request_id",
            "timestamp",
            "model",
            "stream",
            "mode",
            "tokens_input_before",
            "tokens_input_after",
            "tokens_output",
            "block_breakdown",
            "waste_signals",
            "stable_prefix_hash",
            "cache_alignment_score",
            "cached_tokens",
            "cache_optimizer_used",
            "cache_optimizer_strategy",
            "cacheable_tokens",
            "breakpoints_inserted",
            "estimated_cache_hit",
            "estimated_savings_percent",
            "semantic_cache_hit",
            "transforms_applied",
            "tool_units_dropped",
            "turns_dropped",
            "messages_hash",
            "error",
            "cost_before",
            "cost_after",
        ),
    ),
    (
        TRANSFORMED,
        (
            "messages",
            "tokens_before",
            "tokens_after",
            "transforms_applied",
            "markers_inserted",
            "warnings",
            "diff_artifact",
            "cache_metrics",
            "timing",
            "waste_signals",
            "message_decisions",
            "transforms_summary",
        ),
    ),
    (
        CachePrefixMetrics(stable_prefix_bytes=1, stable_prefix_tokens_est=1, stable_prefix_hash="h"),
        ("stable_prefix_bytes", "stable_prefix_tokens_est", "stable_prefix_hash", "prefix_changed", "previous_hash"),
    ),
    (
        TransformDiff(transform_name="t", tokens_before=2, tokens_after=1),
        (
            "transform_name",
            "tokens_before",
            "tokens_after",
            "tokens_saved",
            "items_removed",
            "items_kept",
            "details",
            "duration_ms",
        ),
    ),
    (
        DiffArtifact(request_id="r", original_tokens=2, optimized_tokens=1),
        ("request_id", "original_tokens", "optimized_tokens", "total_tokens_saved", "transforms"),
    ),
    (
        CrushResult(compressed="", original="", was_modified=False, strategy=""),
        ("compressed", "original", "was_modified", "strategy"),
    ),
    (
        COMPRESSED,
        (
            "messages",
            "tokens_before",
            "tokens_after",
            "tokens_saved",
            "compression_ratio",
            "transforms_applied",
            "diagnostics",
            "lossless",
            "reverted_messages",
        ),
    ),
    (
        MessageDecision(message_index=0, role="user", tokens_before=1, tokens_after=1, action="kept"),
        ("message_index", "role", "tokens_before", "tokens_after", "action"),
    ),
    (ours.RelevanceScore(score=1.0, reason=""), ("score", "reason", "matched_terms")),
    (ours.HeadroomError("m", {"k": 1}), ("message", "details")),
    (ours.HeadroomCompressError(500, "t", "m"), ("status_code", "error_type", "message", "details")),
]


@pytest.mark.parametrize("name", PAGE)
def test_every_name_of_the_page_can_be_imported_from_the_package(name: str) -> None:
    assert name in ours.__all__
    assert getattr(ours, name) is not None


@pytest.mark.parametrize(("value", "names"), FIELDS, ids=[type(value).__name__ for value, _ in FIELDS])
def test_every_field_of_a_result_is_there(value: Any, names: tuple[str, ...]) -> None:
    assert [name for name in names if not hasattr(value, name)] == []


def test_results_say_the_same_under_both_names() -> None:
    assert (PLAN.savings_percent, PLAN.tokens_saved, PLAN.transforms) == (40.0, 40, PLAN.transforms_applied)
    assert PLAN.estimated_savings == "$0.0012 per request"
    assert WASTE.total() == 7
    assert WASTE.to_dict() == dict.fromkeys(("html_noise", "base64", "whitespace", "dynamic_date", "repetition"), 0) | {
        "json_bloat": 5,
        "reread": 2,
        "reread_compressed": 1,
    }
    assert (COMPRESSED.compression_ratio, COMPRESSED.fraction_saved, COMPRESSED.fraction_left) == (0.4, 0.4, 0.6)
    assert TRANSFORMED.transforms_summary == {"a": 2}
    assert str(ours.HeadroomError("no such key", {"key": "a", "n": 1})) == "no such key (key=a, n=1)"


TEXT = json.dumps(ORDERS)
MESSAGES = conversation(3)
COUNTER = ours.OpenAIProvider().get_token_counter("gpt-4o")
TOKENIZER = ours.load_tokenizer()
CLIENT = OpenAI(api_key="k")


def client(**options: Any) -> ours.HeadroomClient:
    return ours.HeadroomClient(CLIENT, store_url="memory://", **options)


def plan() -> ours.SimulationResult:
    made: ours.SimulationResult = client().chat.completions.simulate(model="gpt-4o", messages=MESSAGES)
    return made


def config(kind: Callable[..., T], **given: Any) -> T:
    """A configuration, given under names that only its constructor knows."""
    return kind(**given)


SUMMARY = {
    *("total_requests", "total_tokens_saved", "avg_compression_ratio", "total_cost_saved_usd", "total_tokens_before"),
    *("total_tokens_after", "avg_tokens_saved", "avg_cache_alignment", "audit_count", "optimize_count"),
}
SETUP = {"valid", "issues", "provider", "storage", "config", "cache_optimizer"}
STATS = {"requests_total", "requests_optimized", "requests_audit", "tokens_saved_total", "cache_hits"}
WORKS: dict[str, Callable[[], Any]] = {
    # What the page writes and release 0.42.0 of the original refuses.
    "SmartCrusherConfig": lambda: ours.SmartCrusherConfig(
        keep_first=3, keep_last=2, relevance_threshold=0.3, anomaly_std_threshold=2.0, preserve_errors=True
    ),
    "CacheAlignerConfig": lambda: ours.CacheAlignerConfig(extract_dates=True, stable_prefix_min_tokens=100),
    "RollingWindowConfig": ours.RollingWindowConfig,
    "IntelligentContextConfig": IntelligentContextConfig,
    "config.rolling_window": lambda: ours.HeadroomConfig().rolling_window,
    "smart_crusher_config": lambda: client(smart_crusher_config=ours.SmartCrusherConfig()).policy.crush.enabled,
    "enable_prefix_caching": lambda: ours.OpenAIProvider(enable_prefix_caching=True),
    "enable_cache_control": lambda: ours.AnthropicProvider(enable_cache_control=True),
    "enable_context_caching": lambda: ours.GoogleProvider(enable_context_caching=True),
    "create_scorer(scorer_type)": lambda: ours.create_scorer(scorer_type="hybrid"),
    "score_items": lambda: ours.BM25Scorer().score_items(["a"], "a"),
    "crush(data, query)": lambda: ours.SmartCrusher().crush(data={"results": ORDERS}, query="W0042").was_modified,
    "align": lambda: ours.CacheAligner().align(MESSAGES).transforms_applied,
    "RollingWindow": lambda: ours.RollingWindow(None).apply(MESSAGES, max_tokens=100_000),
    "IntelligentContextManager": lambda: IntelligentContextManager().apply(MESSAGES, TOKENIZER, model_limit=128_000),
    "TransformPipeline([…])": lambda: ours.TransformPipeline([ours.SmartCrusher()]).transform(MESSAGES).transforms_applied,
    "Tokenizer(model)": lambda: ours.Tokenizer(model="gpt-4o").count_text("a"),
    "count_tokens_text(model)": lambda: ours.count_tokens_text("a", model="gpt-4o"),
    "savings_percent": lambda: plan().savings_percent,
    "transforms_applied": lambda: plan().transforms_applied,
    "generate_report": lambda: ours.generate_report("sqlite:///no-such.db", format="markdown", period="week"),
    "get_summary": lambda: client().get_summary().keys() >= SUMMARY,
    "validate_setup": lambda: client().validate_setup().keys() >= SETUP,
    "get_stats": lambda: client().get_stats()["session"].keys() >= STATS,
    "enable_semantic_cache": lambda: client(enable_semantic_cache=False),
    # The original's words for the same.
    "crush(content, query, bias)": lambda: ours.SmartCrusher().crush(content=TEXT, query="W0042", bias=1.0).was_modified,
    "crush(text)": lambda: ours.SmartCrusher().crush(TEXT, "W0042").strategy,
    "SmartCrusher.apply": lambda: ours.SmartCrusher().apply(MESSAGES, TOKENIZER).transforms_applied,
    "CacheAligner.apply": lambda: ours.CacheAligner().apply(MESSAGES, TOKENIZER).transforms_applied,
    "get_alignment_score": lambda: ours.CacheAligner().get_alignment_score(MESSAGES),
    "pipeline.apply": lambda: (
        ours.TransformPipeline(ours.HeadroomConfig()).apply(MESSAGES, "gpt-4o", model_limit=128_000).transforms_applied
    ),
    "pipeline.apply(…)": lambda: ours.TransformPipeline(config=ours.HeadroomConfig(), transforms=[ours.SmartCrusher()]).apply(
        MESSAGES,
        model="gpt-4o",
        model_limit=128_000,
        output_buffer=4_000,
        tool_profiles={},
        request_id="r",
        frozen_message_count=1,
        context="W0042",
    ),
    "TransformPipeline(config, transforms, provider)": lambda: (
        ours.TransformPipeline(ours.HeadroomConfig(), transforms=[ours.SmartCrusher()], provider=ours.OpenAIProvider())
        .apply(MESSAGES, "gpt-4o", model_limit=128_000)
        .transforms_applied
    ),
    "Tokenizer(token_counter)": lambda: ours.Tokenizer(COUNTER, model="gpt-4o").count_messages(MESSAGES),
    "Tokenizer.available": lambda: ours.Tokenizer(token_counter=COUNTER).available,
    "count_tokens_text(text, counter)": lambda: ours.count_tokens_text("a", COUNTER),
    "count_tokens_messages(messages, counter)": lambda: ours.count_tokens_messages(MESSAGES, COUNTER),
    "create_scorer(tier)": lambda: ours.create_scorer(tier="bm25"),
    "EmbeddingScorer(model_name)": lambda: ours.EmbeddingScorer(model_name="m", load=lambda name: load_embed),  # type: ignore[arg-type,return-value]
    "score": lambda: ours.BM25Scorer(k1=1.5, b=0.75, normalize_score=True, max_score=10.0).score("W0042 refused", "W0042").score,
    "score_batch": lambda: ours.HybridScorer(alpha=0.5, adaptive=True).score_batch(["W0042 refused"], "W0042")[0].score,
    "simulate(overrides)": lambda: client().chat.completions.simulate(
        model="gpt-4o",
        messages=MESSAGES,
        headroom_mode="optimize",
        headroom_output_buffer_tokens=4_000,
        headroom_tool_profiles={"orders": {"skip_compression": False}},
    ),
    "plan.transforms": lambda: plan().transforms,
    "plan.estimated_savings": lambda: plan().estimated_savings.startswith("$"),
    "keep_system": lambda: config(ours.RollingWindowConfig, keep_system=True, keep_last_turns=2, output_buffer_tokens=4_000),
    "variance_threshold": lambda: config(
        ours.SmartCrusherConfig, variance_threshold=2.0, max_items_after_crush=15, min_items_to_analyze=5
    ),
    "RelevanceScorerConfig(tier)": lambda: config(ours.RelevanceScorerConfig, tier="hybrid", bm25_k1=1.5, adaptive_alpha=True),
    "ScoringWeights.normalized": lambda: ScoringWeights(recency=2.0).normalized(),
    "HeadroomConfig(store_url, default_mode)": lambda: ours.HeadroomConfig(store_url="memory://", default_mode="audit"),
    "HeadroomClient(config)": lambda: client(config=ours.HeadroomConfig(), model_context_limits={"gpt-4o": 128_000}),
    "context_limits": lambda: ours.OpenAIProvider(context_limits={"gpt-4o": 9}).get_context_limit("gpt-4o") == 9,
    "compress": lambda: ours.compress(MESSAGES, model="claude-sonnet-5", model_limit=200_000, optimize=True).tokens_saved,
}


@pytest.mark.parametrize("name", WORKS)
def test_both_vocabularies_are_spoken(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert WORKS[name]()


def test_a_pipeline_counts_as_its_provider_does() -> None:
    messages = [{"role": "user", "content": "Prüfe, ob die Maschine läuft: 0x1F4A9, bitte. " * 10}]
    by_provider, by_ours = (
        ours.TransformPipeline([], provider=given).transform(messages, model="gpt-4").tokens_before
        for given in (ours.OpenAIProvider(), None)
    )
    assert by_provider == ours.count_tokens_messages(messages, model="gpt-4") != by_ours
    given = ours.TransformPipeline([], provider=ours.OpenAIProvider(), tokenizer=TOKENIZER)
    assert given.transform(messages, model="gpt-4").tokens_before == by_ours


def test_a_pipeline_tells_of_waste_and_of_each_message() -> None:
    made = ours.TransformPipeline([ours.SmartCrusher()]).transform(MESSAGES)
    assert made.waste_signals is not None and made.waste_signals.json_bloat_tokens > 1_000
    assert [d.action for d in made.message_decisions] == ["kept", "kept", *(["kept", "compressed"] * 3)]
    assert sum(d.tokens_before - d.tokens_after for d in made.message_decisions) == made.tokens_saved
    assert ours.TransformPipeline([ours.RollingWindow()]).transform(MESSAGES, model_limit=12_000).message_decisions == []


def test_a_client_takes_store_and_mode_of_its_config_unless_it_is_given_some(tmp_path: Path) -> None:
    whole = ours.HeadroomConfig(store_url=f"sqlite:///{tmp_path}/calls.db", default_mode="simulate")
    with ours.HeadroomClient(CLIENT, config=whole) as made:
        made.chat.completions.create(model="gpt-4o", messages=MESSAGES)
        assert [row.mode for row in made.get_metrics()] == ["simulate"]
    assert (tmp_path / "calls.db").exists()
    assert client(config=whole, default_mode="optimize").mode == "optimize"
    assert client().mode == "audit"


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: client(enable_semantic_cache=True),
        lambda: config(ours.HeadroomConfig, ccr={}),
        lambda: config(ours.HeadroomConfig, default_mode="off"),
        lambda: ours.TransformPipeline(ours.HeadroomConfig(), config=ours.HeadroomConfig()),
        lambda: ours.TransformPipeline([], transforms=[]),
    ],
)
def test_what_would_have_no_effect_is_an_error(wrong: Callable[[], Any]) -> None:
    with pytest.raises(ours.ConfigurationError):
        wrong()
