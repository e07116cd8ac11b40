"""How well items fit a query: by words (`BM25Scorer`), by meaning (`VectorScorer`), by both (`HybridScorer`).

Pure: an embedding model comes in as a function. `headroom_stream.embeddings` finds one on this machine.
"""

from __future__ import annotations

from headroom_stream.relevance.bm25 import BM25Scorer
from headroom_stream.relevance.build import scorer_for
from headroom_stream.relevance.hybrid import HybridScorer
from headroom_stream.relevance.scorer import BaseScorer, RelevanceScore, Scorer, text_of
from headroom_stream.relevance.vectors import Embed, VectorScorer

__all__ = [
    "BM25Scorer",
    "BaseScorer",
    "Embed",
    "HybridScorer",
    "RelevanceScore",
    "Scorer",
    "VectorScorer",
    "scorer_for",
    "text_of",
]
