"""The scorers of this machine: with a model that is there, and with none."""

from __future__ import annotations

import importlib.util

import pytest

from headroom_stream.config.crusher import ScorerType
from headroom_stream.embeddings import (
    DEFAULT_MODEL,
    EmbeddingScorer,
    HybridScorer,
    create_scorer,
    embedding_available,
    load_embed,
)
from headroom_stream.errors import ConfigurationError
from headroom_stream.relevance import BM25Scorer, Embed, VectorScorer
from headroom_stream.relevance import HybridScorer as PureHybridScorer
from tests.relevance.embedder import embed

ITEMS = ["request denied", "weather", "wind"]


def there(model: str) -> Embed:
    """A loader of a machine that has one model besides the default."""
    if model not in (DEFAULT_MODEL, "all-MiniLM-L6-v2"):
        raise ConfigurationError(f"no {model}")
    return embed


def nowhere(model: str) -> Embed:
    raise ConfigurationError(f"no {model}")


def test_a_model_is_available_if_it_can_be_loaded() -> None:
    assert embedding_available(load=there)
    assert embedding_available("all-MiniLM-L6-v2", load=there)
    assert not embedding_available("other", load=there)
    assert not embedding_available(load=nowhere)


@pytest.mark.parametrize("given", [{}, {"model": "all-MiniLM-L6-v2"}, {"model_name": "all-MiniLM-L6-v2"}])
def test_an_embedding_scorer_uses_the_model_that_is_named(given: dict[str, str]) -> None:
    scorer = EmbeddingScorer(load=there, model=given.get("model"), model_name=given.get("model_name"))
    assert scorer.model == (next(iter(given.values()), DEFAULT_MODEL))
    assert scorer.score_items(ITEMS, "refused")[0].score == 1


def test_hybrid_finds_the_model_by_itself_and_does_without() -> None:
    with_model, without = HybridScorer(alpha=0.5, load=there), HybridScorer(alpha=0.5, load=nowhere)
    assert with_model.score_items(ITEMS, "refused")[0].score == 0.5
    assert without.score_items(ITEMS, "refused")[0].score == 0


@pytest.mark.parametrize(
    ("scorer_type", "kind"),
    [(None, PureHybridScorer), ("bm25", BM25Scorer), ("embedding", VectorScorer), ("hybrid", PureHybridScorer)],
)
def test_a_scorer_of_each_type_is_made(scorer_type: ScorerType | None, kind: type) -> None:
    assert type(create_scorer(scorer_type, load=there)) is kind
    assert type(create_scorer(tier=scorer_type, load=there)) is kind


def test_the_best_scorer_without_a_model_is_bm25() -> None:
    assert type(create_scorer(load=nowhere)) is BM25Scorer


def test_the_options_reach_the_scorer() -> None:
    hybrid = create_scorer("hybrid", alpha=0.7, adaptive=False, k1=2.0, b=0.1, load=nowhere)
    assert isinstance(hybrid, PureHybridScorer) and isinstance(hybrid.bm25_scorer, BM25Scorer)
    assert (hybrid.alpha, hybrid.adaptive, hybrid.bm25_scorer.k1, hybrid.bm25_scorer.b) == (0.7, False, 2.0, 0.1)


def test_an_unknown_type_and_a_model_that_is_not_there_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="scorer_type"):
        create_scorer("tfidf", load=there)  # type: ignore[arg-type]  # that is the test
    with pytest.raises(ConfigurationError, match="no other"):
        create_scorer("embedding", model="other", load=there)


@pytest.mark.skipif(importlib.util.find_spec("fastembed") is not None, reason="the package is installed here")
def test_without_the_package_the_error_says_what_to_install() -> None:
    with pytest.raises(ConfigurationError, match=r"headroom-stream\[embeddings\]"):
        load_embed()
    assert not embedding_available()
