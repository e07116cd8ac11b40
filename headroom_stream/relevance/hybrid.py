"""Words and meaning together. A query with identifiers leans on words: embeddings do not tell one id from another."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from headroom_stream.errors import ConfigurationError
from headroom_stream.relevance.bm25 import BM25Scorer
from headroom_stream.relevance.scorer import BaseScorer, RelevanceScore, Scorer

_UUID = re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b")
_ID = re.compile(r"\b[0-9]{4,}\b")
_HOST = re.compile(
    r"(?<![\w.@-])[\w+.-]{1,64}@[\w-]{1,63}\.\w|(?<![\w.@-])[a-z][\w-]{0,62}\.[\w-]{1,63}\.[a-z]{2,24}\b", re.IGNORECASE
)
"""An e-mail address, or a host of three parts: with two it could be a file or the end of a sentence."""
_LEAST, _MOST = 0.3, 0.9
"""Bounds of an adapted share: neither side is ever without a say."""
_ONE, _SEVERAL = 0.3, 0.2
"""Without embeddings: what a matched word is worth at least, and what several add. BM25 alone is low on short items."""


class HybridScorer(BaseScorer):
    """`alpha` of BM25 and the rest of an embedding.

    `adaptive`: a query with a UUID raises the share of BM25 to 0.85, with two ids (four digits or more) to 0.75, with one to 0.65, with a
    host name or an e-mail address to 0.6; it then stays from 0.3 to 0.9. Without an `embedding_scorer` it is BM25, where a match scores
    0.3 at least, and several matches 0.2 more.
    """

    def __init__(
        self,
        alpha: float = 0.5,
        *,
        adaptive: bool = True,
        bm25_scorer: Scorer | None = None,
        embedding_scorer: Scorer | None = None,
    ) -> None:
        if not 0 <= alpha <= 1:
            raise ConfigurationError(f"HybridScorer: alpha is from 0 to 1, not {alpha}")
        self.alpha = alpha
        self.adaptive = adaptive
        self.bm25_scorer: Scorer = bm25_scorer or BM25Scorer()
        self.embedding_scorer = embedding_scorer

    def share(self, query: str) -> float:
        """The share of BM25 in the scores for `query`."""
        if not self.adaptive:
            return self.alpha
        ids = len(set(_ID.findall(query)))
        if _UUID.search(query):
            wanted = 0.85
        elif ids:
            wanted = 0.75 if ids > 1 else 0.65
        else:
            wanted = 0.6 if _HOST.search(query) else 0.0
        return min(_MOST, max(_LEAST, self.alpha, wanted))

    def score_items(self, items: Sequence[Any], query: str) -> list[RelevanceScore]:
        """One score an item; `matched_terms` are those of BM25."""
        by_words = self.bm25_scorer.score_items(items, query)
        if self.embedding_scorer is None:
            return list(map(_lifted, by_words))
        share = self.share(query)
        by_meaning = self.embedding_scorer.score_items(items, query)
        return [
            RelevanceScore(
                score=min(1.0, share * word.score + (1 - share) * meaning.score),
                reason=f"{word.reason}; {meaning.reason}; {share:.2f} of it by words",
                matched_terms=word.matched_terms,
            )
            for word, meaning in zip(by_words, by_meaning, strict=True)
        ]


def _lifted(score: RelevanceScore) -> RelevanceScore:
    if not score.matched_terms:
        return score
    value = max(_ONE, score.score) + (_SEVERAL if len(score.matched_terms) > 1 else 0.0)
    return RelevanceScore(score=min(1.0, value), reason=score.reason, matched_terms=score.matched_terms)
