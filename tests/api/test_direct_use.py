"""The package as a program imports it: configurations, scorers and transforms, one by one and together."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import headroom_stream
from headroom_stream import (
    BM25Scorer,
    CacheAligner,
    CacheAlignerConfig,
    HeadroomConfig,
    HybridScorer,
    RollingWindow,
    RollingWindowConfig,
    SmartCrusher,
    SmartCrusherConfig,
    ToolUsage,
    TransformPipeline,
    create_scorer,
    embedding_available,
    load_tokenizer,
)
from headroom_stream.config import IntelligentContextConfig, ScoringWeights
from headroom_stream.errors import ConfigurationError
from headroom_stream.learning import UsageStats
from headroom_stream.transforms import IntelligentContextManager
from tests.api.conversation import ORDERS, conversation


def test_every_public_name_can_be_imported_and_nothing_else_pretends_to_be_there() -> None:
    for name in headroom_stream.__all__:
        assert getattr(headroom_stream, name) is not None
    assert set(headroom_stream.__all__) <= set(dir(headroom_stream))
    with pytest.raises(AttributeError, match="Headrom"):
        _ = headroom_stream.Headrom


def test_a_crusher_keeps_what_is_asked_for_and_what_is_odd() -> None:
    made = SmartCrusher(SmartCrusherConfig(max_items_after_crush=20)).crush(data={"results": ORDERS}, query="What about W0042?")
    assert made.was_modified
    assert "W0042" in made.compressed
    assert "lost" in made.compressed
    assert made.compressed.count("W0") < 60


def test_scorers_rank_the_item_that_is_meant_first() -> None:
    items = ["the harbour office opens at nine", "refund for order W0042 was refused", "weather for tomorrow"]
    for scorer in (create_scorer(), create_scorer(scorer_type="hybrid", alpha=0.7), BM25Scorer(), HybridScorer(alpha=0.5)):
        scores = [each.score for each in scorer.score_items(items=items, query="why was the refund of W0042 refused")]
        assert max(scores) == scores[1] > scores[0]


def test_without_a_model_embeddings_say_what_is_missing() -> None:
    if embedding_available():  # pragma: no cover - depends on the machine
        pytest.skip("a model is here")
    with pytest.raises(ConfigurationError, match=r"pip install|fetch it once"):
        headroom_stream.EmbeddingScorer(model="all-MiniLM-L6-v2").score_items(["a"], "b")


def test_an_aligner_moves_what_changes_behind_the_conversation() -> None:
    made = CacheAligner(CacheAlignerConfig(stable_prefix_min_tokens=1)).align(conversation(1))
    assert "2026-03-04" not in made.messages[0]["content"]
    assert "2026-03-04" in json.dumps(made.messages[-1])


def test_a_window_keeps_its_budget() -> None:
    made = RollingWindow(RollingWindowConfig(preserve_recent_turns=2)).apply(conversation(), max_tokens=12_000)
    assert made.tokens_after <= 12_000 < made.tokens_before
    assert made.messages[:2] == conversation()[:2]


def test_a_manager_keeps_its_limit_and_says_what_left() -> None:
    config = IntelligentContextConfig(keep_last_turns=2, output_buffer_tokens=4_000, scoring_weights=ScoringWeights(recency=1.0))
    manager = IntelligentContextManager(config, toin=ToolUsage(UsageStats()))
    made = manager.apply(conversation(), load_tokenizer(), model_limit=12_000)
    assert made.tokens_after <= 8_000
    assert made.tokens_before > 8_000


def test_a_pipeline_runs_its_transforms_one_after_the_other() -> None:
    made = TransformPipeline([SmartCrusher(), CacheAligner(), RollingWindow()]).transform(conversation())
    assert made.tokens_after < made.tokens_before
    assert any("crush" in name for name in made.transforms_applied)


def test_the_top_configuration_is_one_tree() -> None:
    config = HeadroomConfig()
    config.smart_crusher.min_tokens_to_crush = 100
    config.cache_aligner.enabled = True
    config.rolling_window.preserve_recent_turns = 3
    assert TransformPipeline(config).transform(conversation(2)).tokens_after > 0
    with pytest.raises(ConfigurationError):
        config.smart_crusher.min_tokens_to_crush = -1


def test_asking_for_the_version_loads_no_numerics_but_what_the_fold_needs() -> None:
    code = "import sys, headroom_stream; print('fastembed' in sys.modules, 'headroom_stream.direct' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).split() == ["False", "False"]
