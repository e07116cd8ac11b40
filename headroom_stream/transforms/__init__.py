"""What is done to messages.

In the stream: to one tool output at its birth (`outputs`), and to the whole when a budget forces it (`window`). Used directly, on the
messages of one call: `SmartCrusher`, `CacheAligner`, `RollingWindow`, `IntelligentContextManager`, and `TransformPipeline`, which runs
them one after the other. Each returns a `TransformResult`. Here they need a tokenizer; those of `headroom_stream.direct` bring one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headroom_stream.transforms.use import (
        CacheAligner,
        IntelligentContextManager,
        RollingWindow,
        SmartCrusher,
        Transform,
        TransformPipeline,
        TransformResult,
    )

__all__ = [
    "CacheAligner",
    "IntelligentContextManager",
    "RollingWindow",
    "SmartCrusher",
    "Transform",
    "TransformPipeline",
    "TransformResult",
]


def __getattr__(name: str) -> Any:
    """The transforms, loaded when they are first asked for: the worker, which needs none of them, starts without their numerics."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from headroom_stream.transforms import use  # noqa: PLC0415 - see above; and `content` could not import from this package

    return getattr(use, name)
