"""The scorer that a configuration asks for."""

from __future__ import annotations

from headroom_stream.config.crusher import RelevanceScorerConfig
from headroom_stream.errors import ConfigurationError
from headroom_stream.relevance.bm25 import BM25Scorer
from headroom_stream.relevance.hybrid import HybridScorer
from headroom_stream.relevance.scorer import Scorer
from headroom_stream.relevance.vectors import Embed, VectorScorer


def scorer_for(config: RelevanceScorerConfig, embed: Embed | None = None) -> Scorer:
    """The scorer of `config`, with `embed` as its model. Without one, "hybrid" scores by words alone.

    Raises ConfigurationError for "embedding" without `embed`.
    """
    words = BM25Scorer(config.bm25_k1, config.bm25_b)
    if config.scorer_type == "bm25":
        return words
    meaning = VectorScorer(embed) if embed is not None else None
    if config.scorer_type == "hybrid":
        return HybridScorer(config.hybrid_alpha, adaptive=config.adaptive_alpha, bm25_scorer=words, embedding_scorer=meaning)
    if meaning is None:
        raise ConfigurationError("scores by embedding need a model: hand in headroom_stream.embeddings.create_scorer('embedding')")
    return meaning
