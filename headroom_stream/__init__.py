"""The context layer of an agent fleet, as a stream.

`HeadroomClient` wraps a provider's client, `compress` is one call; `TurnPublisher` and `ContextConsumer` talk to workers over Kafka. `fold`
is the engine as a pure function, and `PolicySession` the same without a broker. The transforms, their configurations and the relevance
scorers can be used directly as well.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from headroom_stream.config import (
    CacheAlignerConfig,
    HeadroomConfig,
    IntelligentContextConfig,
    Policy,
    RelevanceScorerConfig,
    RollingWindowConfig,
    ScoringWeights,
    Settings,
    SmartCrusherConfig,
    ToolProfile,
)
from headroom_stream.errors import (
    CacheError,
    CompressionError,
    ConfigurationError,
    HeadroomAuthError,
    HeadroomCompressError,
    HeadroomConnectionError,
    HeadroomError,
    ProviderError,
    StorageError,
    TokenizationError,
    TransformError,
    ValidationError,
    map_proxy_error,
)
from headroom_stream.evaluation import PolicySession
from headroom_stream.events import ContextBatch, TurnEvent
from headroom_stream.session.fold import fold
from headroom_stream.session.state import Position, Session
from headroom_stream.settings import load_settings
from headroom_stream.tokenizers import load_tokenizer

if TYPE_CHECKING:
    from headroom_stream.client import ContextConsumer, TurnPublisher
    from headroom_stream.client.headroom import HeadroomClient
    from headroom_stream.counting import Tokenizer, count_tokens_messages, count_tokens_text
    from headroom_stream.direct import CacheAligner, IntelligentContextManager, RollingWindow, SmartCrusher, TransformPipeline
    from headroom_stream.embeddings import EmbeddingScorer, HybridScorer, create_scorer, embedding_available
    from headroom_stream.in_process import CompressionHooks, compress, retrieve
    from headroom_stream.learning import ToolUsage
    from headroom_stream.providers import AnthropicProvider, GoogleProvider, OpenAICompatibleProvider, OpenAIProvider
    from headroom_stream.relevance import BM25Scorer, RelevanceScore
    from headroom_stream.report import generate_report
    from headroom_stream.results import CompressResult, HeadroomMode, RequestMetrics, SimulationResult, WasteSignals
    from headroom_stream.transforms import TransformResult

try:
    __version__ = version("headroom-stream")
except PackageNotFoundError:  # run from a source tree that was not installed
    __version__ = "0"

__all__ = [
    "AnthropicProvider",
    "BM25Scorer",
    "CacheAligner",
    "CacheAlignerConfig",
    "CacheError",
    "CompressResult",
    "CompressionError",
    "CompressionHooks",
    "ConfigurationError",
    "ContextBatch",
    "ContextConsumer",
    "EmbeddingScorer",
    "GoogleProvider",
    "HeadroomAuthError",
    "HeadroomClient",
    "HeadroomCompressError",
    "HeadroomConfig",
    "HeadroomConnectionError",
    "HeadroomError",
    "HeadroomMode",
    "HybridScorer",
    "IntelligentContextConfig",
    "IntelligentContextManager",
    "OpenAICompatibleProvider",
    "OpenAIProvider",
    "Policy",
    "PolicySession",
    "Position",
    "ProviderError",
    "RelevanceScore",
    "RelevanceScorerConfig",
    "RequestMetrics",
    "RollingWindow",
    "RollingWindowConfig",
    "ScoringWeights",
    "Session",
    "Settings",
    "SimulationResult",
    "SmartCrusher",
    "SmartCrusherConfig",
    "StorageError",
    "TokenizationError",
    "Tokenizer",
    "ToolProfile",
    "ToolUsage",
    "TransformError",
    "TransformPipeline",
    "TransformResult",
    "TurnEvent",
    "TurnPublisher",
    "ValidationError",
    "WasteSignals",
    "__version__",
    "compress",
    "count_tokens_messages",
    "count_tokens_text",
    "create_scorer",
    "embedding_available",
    "fold",
    "generate_report",
    "load_settings",
    "load_tokenizer",
    "map_proxy_error",
    "retrieve",
]

_LATER = {
    **dict.fromkeys(("ContextConsumer", "TurnPublisher"), "client"),
    **dict.fromkeys(("CacheAligner", "IntelligentContextManager", "RollingWindow", "SmartCrusher", "TransformPipeline"), "direct"),
    **dict.fromkeys(("EmbeddingScorer", "HybridScorer", "create_scorer", "embedding_available"), "embeddings"),
    **dict.fromkeys(("BM25Scorer", "RelevanceScore"), "relevance"),
    **dict.fromkeys(("AnthropicProvider", "GoogleProvider", "OpenAICompatibleProvider", "OpenAIProvider"), "providers"),
    **dict.fromkeys(("Tokenizer", "count_tokens_messages", "count_tokens_text"), "counting"),
    **dict.fromkeys(("CompressionHooks", "compress", "retrieve"), "in_process"),
    **dict.fromkeys(("CompressResult", "HeadroomMode", "RequestMetrics", "SimulationResult", "WasteSignals"), "results"),
    "HeadroomClient": "client.headroom",
    "ToolUsage": "learning",
    "generate_report": "report",
    "TransformResult": "transforms",
}
"""Names by the module that has them, loaded when they are first asked for: commands start faster without."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
