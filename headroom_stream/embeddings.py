"""Embedding models of this machine, and the scorers that use them. Nothing is ever downloaded: a model is there or it is not.

Models are run by the optional package `fastembed`, from its cache: FASTEMBED_CACHE_PATH, else `fastembed_cache` among the temporary
files. To fill it once, on a machine with a network: `python -c "import fastembed; fastembed.TextEmbedding('BAAI/bge-small-en-v1.5')"`.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headroom_stream.config.crusher import RelevanceScorerConfig, ScorerType
from headroom_stream.errors import ConfigurationError
from headroom_stream.relevance import Embed, Scorer, VectorScorer, scorer_for
from headroom_stream.relevance import HybridScorer as PureHybridScorer

DEFAULT_MODEL = "BAAI/bge-small-en-v1.5"
_SENTENCE_TRANSFORMERS = "sentence-transformers/"
_PACKAGE = "fastembed"
Load = Callable[[str], Embed]


@functools.lru_cache(maxsize=4)
def load_embed(model: str = DEFAULT_MODEL) -> Embed:
    """The model as a function from texts to vectors. A name without an owner is one of sentence-transformers.

    Raises ConfigurationError, which says what to install or to fetch, if the package or the model's files are not on this machine.
    """
    if importlib.util.find_spec(_PACKAGE) is None:
        raise ConfigurationError("no embeddings here: pip install 'headroom-stream[embeddings]'")
    package = importlib.import_module(_PACKAGE)
    name = model if "/" in model else _SENTENCE_TRANSFORMERS + model
    known = {entry["model"].lower() for entry in package.TextEmbedding.list_supported_models()}
    if name.lower() not in known:
        raise ConfigurationError(f"fastembed knows no model {name!r}; fastembed.TextEmbedding.list_supported_models() has them")
    log = importlib.import_module("loguru").logger  # fastembed logs as an error what the one below says
    log.disable(_PACKAGE)
    try:
        loaded = package.TextEmbedding(name, local_files_only=True)
    except Exception as error:  # fastembed raises ValueError, OSError and those of its download library alike
        fetch = f"python -c \"import fastembed; fastembed.TextEmbedding('{name}')\""
        raise ConfigurationError(f"the model {name!r} is not on this machine; fetch it once with: {fetch}") from error
    finally:
        log.enable(_PACKAGE)

    def embed(texts: Sequence[str]) -> NDArray[np.floating[Any]]:
        return np.stack(list(loaded.embed(list(texts))))

    return embed


def embedding_available(model: str = DEFAULT_MODEL, *, load: Load = load_embed) -> bool:
    """Whether `EmbeddingScorer(model)` would work: the package is installed and the model's files are here. Loads the model to know."""
    try:
        load(model)
    except ConfigurationError:
        return False
    return True


class EmbeddingScorer(VectorScorer):
    """Scores by meaning. Raises ConfigurationError, which says what to do, if the model is not on this machine.

    `model_name` is the original's word for `model`.
    """

    def __init__(self, model: str | None = None, *, model_name: str | None = None, load: Load = load_embed) -> None:
        self.model = model or model_name or DEFAULT_MODEL
        super().__init__(load(self.model))


class HybridScorer(PureHybridScorer):
    """BM25 and the embedding model of this machine; without one BM25 alone, as `relevance.HybridScorer` says."""

    def __init__(
        self,
        alpha: float = 0.5,
        *,
        adaptive: bool = True,
        bm25_scorer: Scorer | None = None,
        embedding_scorer: Scorer | None = None,
        load: Load = load_embed,
    ) -> None:
        if embedding_scorer is None and (embed := _embed_if_there(DEFAULT_MODEL, load)) is not None:
            embedding_scorer = VectorScorer(embed)
        super().__init__(alpha, adaptive=adaptive, bm25_scorer=bm25_scorer, embedding_scorer=embedding_scorer)


def create_scorer(
    scorer_type: ScorerType | None = None,
    *,
    tier: ScorerType | None = None,
    alpha: float = 0.5,
    adaptive: bool = True,
    model: str | None = None,
    k1: float = 1.5,
    b: float = 0.75,
    load: Load = load_embed,
) -> Scorer:
    """A scorer: "bm25", "embedding" or "hybrid"; by default "hybrid" where there is an embedding model, else "bm25".

    `alpha` and `adaptive` concern "hybrid", `k1` and `b` the words in "bm25" and "hybrid", `model` the embedding. `tier` is the
    original's word for `scorer_type`. Raises ConfigurationError for other types and values, and for "embedding" without a model.
    """
    chosen = scorer_type or tier
    if chosen is None:
        chosen = "bm25" if _embed_if_there(model or DEFAULT_MODEL, load) is None else "hybrid"
    config = RelevanceScorerConfig(
        scorer_type=chosen, bm25_k1=k1, bm25_b=b, embedding_model=model, hybrid_alpha=alpha, adaptive_alpha=adaptive
    )
    return find_scorer(config, load=load)


def find_scorer(config: RelevanceScorerConfig, *, load: Load = load_embed) -> Scorer:
    """The scorer of a configuration, with its model where it needs one. Raises ConfigurationError for "embedding" without a model."""
    if config.scorer_type == "bm25":
        return scorer_for(config)
    name = config.embedding_model or DEFAULT_MODEL
    return scorer_for(config, load(name) if config.scorer_type == "embedding" else _embed_if_there(name, load))


def _embed_if_there(model: str, load: Load) -> Embed | None:
    try:
        return load(model)
    except ConfigurationError:
        return None
