"""Every field of SmartCrusherConfig and RelevanceScorerConfig changes what it says it changes."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest

from headroom_stream.config.aliases import PageConfig
from headroom_stream.config.crusher import RelevanceScorerConfig, SmartCrusherConfig
from headroom_stream.embeddings import find_scorer
from headroom_stream.errors import ConfigurationError
from headroom_stream.relevance import BM25Scorer, Embed
from headroom_stream.transforms.smart_crusher import SmartCrusher
from tests.relevance.embedder import embed
from tests.transforms.test_smart_crusher import crush, ids, rows, shown

QUERY = "amber birch cedar delta"
"""Words that many rows share, so that scores differ and no row is named."""
ITEMS = ["disk full full full", "disk " + "and more words " * 20, "node denied", "a vehicle", "refused 4711"]


def with_score(deviations: float) -> list[dict[str, Any]]:
    """Rows of which one has a load so many deviations off."""
    rng = random.Random(7)
    data = [{"id": 10_000 + n, "load": 50 + rng.uniform(-1, 1) * 3**0.5} for n in range(300)]
    data[150]["load"] = 50 + deviations
    return data


def enabled() -> bool:
    return crush(rows()).was_modified and not crush(rows(), enabled=False).was_modified


def min_tokens_to_crush() -> bool:
    return crush(rows()).was_modified and not crush(rows(), min_tokens_to_crush=100_000).was_modified


def min_items_to_analyze() -> bool:
    data = rows(60)
    return len(ids(crush(data, min_items_to_analyze=60))) == 50 and len(ids(crush(data, min_items_to_analyze=61))) == 60


def max_items_after_crush() -> bool:
    return len(ids(crush(rows(), max_items_after_crush=20))) == 20


def keep_first() -> bool:
    wanted = set(range(10_000, 10_030))
    return wanted <= ids(crush(rows(), keep_first=30)) and not wanted <= ids(crush(rows()))


def keep_last() -> bool:
    wanted = set(range(10_370, 10_400))
    return wanted <= ids(crush(rows(), keep_last=30)) and not wanted <= ids(crush(rows()))


def relevance_threshold() -> bool:
    low, high = (ids(crush(rows(), QUERY, relevance_threshold=at, max_items_after_crush=30)) for at in (0.0, 1.0))
    without = ids(crush(rows(), max_items_after_crush=30))
    return high == without != low


def relevance_tier() -> bool:
    # Hybrid without a model lifts short matches over a threshold that BM25 alone does not reach.
    def kept(tier: str) -> set[int]:
        return ids(crush(rows(), "amber birch", relevance_tier=tier, relevance_threshold=0.5, max_items_after_crush=30))

    with pytest.raises(ConfigurationError, match="create_scorer"):
        kept("embedding")
    return kept("bm25") != kept("hybrid")


def anomaly_std_threshold() -> bool:
    def keeps(deviations: float, threshold: float) -> bool:
        return 10_150 in ids(crush(with_score(deviations), anomaly_std_threshold=threshold))

    return keeps(3, 2.0) and not keeps(3, 3.5) and keeps(9, 4.0) and not keeps(9, 20.0)


def uniqueness_threshold() -> bool:
    data = rows()
    for at in range(100, 104):
        data[at]["state"] = f"odd-{at}"
    wanted = set(range(10_100, 10_104))
    return wanted <= ids(crush(data)) and not wanted <= ids(crush(data, uniqueness_threshold=0.0))


def similarity_threshold() -> bool:
    # Of five words, four are the same in all rows.
    data = [{"id": f"x{n}", "text": "sync of amber done"} for n in range(300)]
    return len(shown(crush(data, similarity_threshold=0.9))) == 50 and len(shown(crush(data, similarity_threshold=0.6))) < 10


def preserve_errors() -> bool:
    data = rows()
    wanted = set()
    for at in range(50, 350, 5):
        data[at]["note"] = "amber failed " + str(data[at]["note"])
        wanted.add(10_000 + at)
    return wanted <= ids(crush(data)) and not wanted <= ids(crush(data, preserve_errors=False))


def preserve_change_points() -> bool:
    def kept(preserve: bool) -> set[int]:
        data = [{"id": 10_000 + n, "value": 5 if n < 261 else 8} for n in range(400)]
        return ids(crush(data, preserve_change_points=preserve, max_items_after_crush=20, dedup_identical_items=False))

    return {10_260, 10_261} <= kept(True) and not {10_260, 10_261} <= kept(False)


def dedup_identical_items() -> bool:
    # Below the similarity that would merge them anyway there is none: the rows have no words.
    data: list[dict[str, Any]] = [{"a": [], "b": {}}] * 300
    return len(shown(crush(data))) == 1 and len(shown(crush(data, dedup_identical_items=False))) == 50


def factor_out_constants() -> bool:
    data = [row | {"region": {"name": "a region with a long name", "zone": "zone one"}} for row in rows(30)]
    plain, factored = crush(data), crush(data, factor_out_constants=True)
    first, table = factored.compressed.split("\n", 1)
    return (
        first == '[all 30 items: {"region":{"name":"a region with a long name","zone":"zone one"}}]'
        and "region" in plain.compressed
        and "region" not in table
    )


def include_summaries() -> bool:
    told = crush(rows(), include_summaries=True).removed
    return "load 40 to 59, mean " in told and "state idle ×" in told and "load" not in crush(rows()).removed


def lossless_min_savings_ratio() -> bool:
    # The notation saves some of this, but not nine tenths.
    return crush(rows(30)).compressed.startswith("[{id") and crush(rows(30), lossless_min_savings_ratio=0.9).compressed.startswith(
        '[{"id"'
    )


def lossless_only() -> bool:
    result = crush(rows(), lossless_only=True)
    return result.removed == "" and shown(result) == rows()


def protected_patterns() -> bool:
    with pytest.raises(ConfigurationError, match="protected_patterns"):
        crush(rows(), protected_patterns=["("])
    wanted = {10_123, 10_223, 10_323}
    return wanted <= ids(crush(rows(), protected_patterns=['"id":10[0-9]23,'])) and not wanted <= ids(crush(rows()))


def scored(**changes: Any) -> list[float]:
    query = changes.pop("query", "full disk refused 4711")
    config = RelevanceScorerConfig(**({"scorer_type": "hybrid"} | changes))
    return [result.score for result in find_scorer(config, load=load).score_items(ITEMS, query)]


def load(model: str) -> Embed:
    if model == "upside-down":
        return lambda texts: embed(texts)[:, ::-1] + 1
    return embed


def scorer_type() -> bool:
    return scored() != scored(scorer_type="bm25") != scored(scorer_type="embedding") and isinstance(
        find_scorer(RelevanceScorerConfig(), load=load), BM25Scorer
    )


def bm25_k1() -> bool:
    return scored() != scored(bm25_k1=0.5)


def bm25_b() -> bool:
    return scored() != scored(bm25_b=0.0)


def embedding_model() -> bool:
    return scored() != scored(embedding_model="upside-down")


def hybrid_alpha() -> bool:
    return scored() != scored(hybrid_alpha=0.9)


def adaptive_alpha() -> bool:
    return scored() != scored(adaptive_alpha=False)


def scorer_threshold() -> bool:
    def kept(threshold: float | None) -> set[int]:
        config = SmartCrusherConfig(max_items_after_crush=30, relevance_threshold=1.0)
        return ids(SmartCrusher(config, RelevanceScorerConfig(relevance_threshold=threshold)).crush(rows(), QUERY))

    return kept(None) == kept(1.0) != kept(0.0)


CRUSHER: dict[str, Callable[[], bool]] = {
    check.__name__: check
    for check in (
        enabled,
        min_tokens_to_crush,
        min_items_to_analyze,
        max_items_after_crush,
        keep_first,
        keep_last,
        relevance_threshold,
        relevance_tier,
        anomaly_std_threshold,
        uniqueness_threshold,
        similarity_threshold,
        preserve_errors,
        preserve_change_points,
        dedup_identical_items,
        factor_out_constants,
        include_summaries,
        lossless_min_savings_ratio,
        lossless_only,
        protected_patterns,
    )
}
SCORER: dict[str, Callable[[], bool]] = {
    check.__name__: check for check in (scorer_type, bm25_k1, bm25_b, embedding_model, hybrid_alpha, adaptive_alpha)
} | {"relevance_threshold": scorer_threshold}


def names(config: type[PageConfig]) -> list[str]:
    return [f.name for f in fields(config)]  # type: ignore[arg-type]  # every PageConfig is a dataclass


@pytest.mark.parametrize("field", names(SmartCrusherConfig))
def test_a_field_of_the_crusher_has_an_effect(field: str) -> None:
    assert field in CRUSHER, "a new field needs a test that shows its effect"
    assert CRUSHER[field]()


@pytest.mark.parametrize("field", names(RelevanceScorerConfig))
def test_a_field_of_the_scorer_has_an_effect(field: str) -> None:
    assert field in SCORER, "a new field needs a test that shows its effect"
    assert SCORER[field]()


def test_no_effect_is_tested_of_a_field_that_is_gone() -> None:
    assert set(CRUSHER) == set(names(SmartCrusherConfig)) and set(SCORER) == set(names(RelevanceScorerConfig))


def test_the_defaults_are_those_of_the_page() -> None:
    config = SmartCrusherConfig()
    assert (config.min_tokens_to_crush, config.max_items_after_crush, config.keep_first, config.keep_last) == (200, 50, 3, 2)
    assert (config.relevance_threshold, config.anomaly_std_threshold, config.preserve_errors) == (0.3, 2.0, True)
    assert config.relevance_tier == RelevanceScorerConfig().scorer_type == "bm25"
    assert (RelevanceScorerConfig().embedding_model, RelevanceScorerConfig().hybrid_alpha) == (None, 0.5)


def test_the_names_of_the_original_are_aliases() -> None:
    config = SmartCrusherConfig()
    config.variance_threshold = 4.0
    assert config.anomaly_std_threshold == 4.0
    scorer = RelevanceScorerConfig()
    scorer.tier = "hybrid"
    assert scorer.scorer_type == "hybrid"


@pytest.mark.parametrize(
    "name", ["use_feedback_hints", "relevance", "anchor", "first_fraction", "audit_safe", "compaction_max_buckets"]
)
def test_what_means_nothing_here_is_refused_with_a_reason(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"SmartCrusherConfig has no {name}: "):
        setattr(SmartCrusherConfig(), name, 1)


def test_a_change_of_the_config_holds_from_the_next_call() -> None:
    crusher = SmartCrusher()
    crusher.config.max_items_after_crush = 20
    assert len(ids(crusher.crush(rows()))) == 20
