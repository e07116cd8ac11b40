"""Scores by meaning, and by both: how much each side says, and what happens without a model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from headroom_stream.config.crusher import RelevanceScorerConfig, ScorerType
from headroom_stream.errors import ConfigurationError, ValidationError
from headroom_stream.relevance import BM25Scorer, HybridScorer, VectorScorer, scorer_for
from tests.relevance.embedder import embed

UUID = "9993c962-d242-4aa5-9f0d-9ffc0bdd01fa"


def test_meaning_is_found_without_a_common_word() -> None:
    refused, other, nothing = VectorScorer(embed).score_items(["request denied", "a cheap car", "weather"], "refused")
    assert (refused.score, other.score, nothing.score) == (1.0, 0.0, 0.0)
    assert refused.reason == "similar meaning, 1.00"
    assert refused.matched_terms == []


def test_opposite_meanings_score_zero() -> None:
    opposite = VectorScorer(lambda texts: np.array([[1.0, 0.0], *[[-1.0, 0.5]] * (len(texts) - 1)]))
    assert opposite.score_items(["a"], "b")[0].score == 0


def test_no_query_and_no_items_need_no_model() -> None:
    def broken(texts: Sequence[str]) -> NDArray[np.float64]:
        raise AssertionError(texts)

    assert VectorScorer(broken).score_items([], "a") == []
    assert [r.score for r in VectorScorer(broken).score_items(["a", {"b": 1}], " ")] == [0, 0]


@pytest.mark.parametrize("vectors", [np.zeros((1, 3)), np.zeros(2), np.full((2, 3), np.nan)])
def test_a_model_that_gives_other_than_a_vector_a_text_is_refused(vectors: NDArray[np.float64]) -> None:
    with pytest.raises(ValidationError, match="2 finite vectors"):
        VectorScorer(lambda _: vectors).score_items(["a"], "b")


def test_hybrid_is_the_weighted_mean() -> None:
    items = ["request denied", "refused a car", "weather", "wind", "rain"]
    by_words, by_meaning = BM25Scorer().score_items(items, "refused"), VectorScorer(embed).score_items(items, "refused")
    hybrid = HybridScorer(alpha=0.7, adaptive=False, embedding_scorer=VectorScorer(embed)).score_items(items, "refused")
    assert [r.score for r in hybrid] == pytest.approx(
        [0.7 * w.score + 0.3 * m.score for w, m in zip(by_words, by_meaning, strict=True)]
    )
    assert hybrid[1].matched_terms == ["refused"]


@pytest.mark.parametrize(
    ("query", "share"),
    [
        (f"what about {UUID}", 0.85),
        ("orders 4711 and 4712", 0.75),
        ("order 4711, again 4711", 0.65),
        ("is db1.eu.example.com up", 0.6),
        ("mail of ann@example.org", 0.6),
        ("which one is cheap. It is not the car", 0.5),
        ("", 0.5),
    ],
)
def test_identifiers_in_the_query_raise_the_share_of_words(query: str, share: float) -> None:
    assert HybridScorer(0.5).share(query) == share
    assert HybridScorer(0.5, adaptive=False).share(query) == 0.5
    assert HybridScorer(0.1).share(query) == max(share if share > 0.5 else 0.1, 0.3)
    assert HybridScorer(1.0).share(query) == 0.9


def test_without_a_model_a_match_counts_more_than_in_bm25() -> None:
    items = ["db 17 refused", "db 18", "weather", "wind", "rain", "sun"]
    two, one, none, *_ = HybridScorer().score_items(items, "17 refused db")
    assert one.score >= 0.3 and none.score == 0
    assert two.score >= 0.5
    plain = BM25Scorer().score_items(items, "17 refused db")
    assert two.score > plain[0].score and one.score > plain[1].score


def test_alpha_out_of_range_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        HybridScorer(1.5)


@pytest.mark.parametrize(
    ("scorer_type", "model", "kind"),
    [
        ("bm25", True, BM25Scorer),
        ("embedding", True, VectorScorer),
        ("hybrid", True, HybridScorer),
        ("hybrid", False, HybridScorer),
    ],
)
def test_a_config_makes_its_scorer(scorer_type: ScorerType, model: bool, kind: type) -> None:
    assert type(scorer_for(RelevanceScorerConfig(scorer_type=scorer_type), embed if model else None)) is kind


def test_scores_by_embedding_need_a_model() -> None:
    with pytest.raises(ConfigurationError, match="create_scorer"):
        scorer_for(RelevanceScorerConfig(scorer_type="embedding"))


ITEMS = ["disk full full full", "disk " + "and more words " * 20, "node denied", "a vehicle", "refused 4711"]


@pytest.mark.parametrize(
    ("change", "query"),
    [
        ({"bm25_k1": 0.5}, "full disk"),
        ({"bm25_b": 0.0}, "full disk"),
        ({"hybrid_alpha": 0.8}, "refused"),
        ({"adaptive_alpha": False}, "refused 4711"),
    ],
)
def test_a_field_of_the_config_changes_scores(change: dict[str, float], query: str) -> None:
    def scores(**fields: float) -> list[float]:
        config = RelevanceScorerConfig(scorer_type="hybrid")
        for name, value in fields.items():
            setattr(config, name, value)
        return [r.score for r in scorer_for(config, embed).score_items(ITEMS, query)]

    assert scores() != scores(**change)
