"""The transforms for direct use, in one place."""

from __future__ import annotations

from headroom_stream.transforms.cache_aligner import CacheAligner
from headroom_stream.transforms.intelligent_context import IntelligentContextManager
from headroom_stream.transforms.pipeline import TransformPipeline
from headroom_stream.transforms.result import Transform, TransformResult
from headroom_stream.transforms.rolling_window import RollingWindow
from headroom_stream.transforms.smart_crusher import SmartCrusher

__all__ = [
    "CacheAligner",
    "IntelligentContextManager",
    "RollingWindow",
    "SmartCrusher",
    "Transform",
    "TransformPipeline",
    "TransformResult",
]
