"""Scores by meaning: the angle between vectors that an embedding model makes of texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headroom_stream.errors import ValidationError
from headroom_stream.relevance.scorer import BaseScorer, RelevanceScore, text_of

Embed = Callable[[Sequence[str]], NDArray[np.floating[Any]]]
"""Texts to vectors: one row a text, all rows of one length."""


class VectorScorer(BaseScorer):
    """Scores items by the cosine between their vector and the query's; opposite meanings score 0. Deterministic if `embed` is."""

    def __init__(self, embed: Embed) -> None:
        self.embed = embed

    def score_items(self, items: Sequence[Any], query: str) -> list[RelevanceScore]:
        """One score an item. Meaning has no words to point at: `matched_terms` are empty.

        Raises ValidationError if `embed` does not give one vector a text.
        """
        if not items or not query.strip():
            return [RelevanceScore(score=0.0, reason="no query") for _ in items]
        vectors = np.asarray(self.embed([query, *map(text_of, items)]), dtype=np.float64)
        if vectors.ndim != 2 or len(vectors) != len(items) + 1 or not np.isfinite(vectors).all():
            raise ValidationError(f"embed has to give {len(items) + 1} finite vectors of one length, got shape {vectors.shape}")
        lengths = np.linalg.norm(vectors, axis=1)
        lengths[lengths == 0] = 1.0  # a text without meaning is at a right angle to all
        cosines = np.clip((vectors[1:] @ vectors[0]) / (lengths[1:] * lengths[0]), 0.0, 1.0)
        return [RelevanceScore(score=value, reason=f"similar meaning, {value:.2f}") for value in cosines.tolist()]
