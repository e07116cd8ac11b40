"""The transforms as a program uses them directly: with this machine's best tokenizer where none is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headroom_stream.config import HeadroomConfig
from headroom_stream.providers import Provider
from headroom_stream.tokenizers import load_tokenizer
from headroom_stream.tokens import Tokenizer
from headroom_stream.transforms import Transform, cache_aligner, intelligent_context, pipeline, rolling_window, smart_crusher


class _LoadsTokenizer:
    def default_tokenizer(self) -> Tokenizer:
        """That of `load_tokenizer`."""
        return load_tokenizer()


class CacheAligner(_LoadsTokenizer, cache_aligner.CacheAligner):
    __doc__ = cache_aligner.CacheAligner.__doc__


class SmartCrusher(_LoadsTokenizer, smart_crusher.SmartCrusher):
    __doc__ = smart_crusher.SmartCrusher.__doc__


class RollingWindow(_LoadsTokenizer, rolling_window.RollingWindow):
    __doc__ = rolling_window.RollingWindow.__doc__


class IntelligentContextManager(_LoadsTokenizer, intelligent_context.IntelligentContextManager):
    __doc__ = intelligent_context.IntelligentContextManager.__doc__


class TransformPipeline(_LoadsTokenizer, pipeline.TransformPipeline):
    __doc__ = (
        f"{pipeline.TransformPipeline.__doc__}\n    `provider` counts for the model of a call, where no tokenizer is given.\n    "
    )

    def __init__(
        self,
        given: Sequence[Transform] | HeadroomConfig | None = None,
        /,
        *,
        provider: Provider | None = None,
        tokenizer: Tokenizer | None = None,
        **options: Any,
    ) -> None:
        super().__init__(given, tokenizer=tokenizer, **options)
        self._provider = provider

    def tokenizer_of(self, model: str) -> Tokenizer:
        """The constructor's, else the provider's for the model, else that of `load_tokenizer`."""
        if self._tokenizer is None and self._provider is not None:
            return self._provider.get_token_counter(model).tokenizer
        return super().tokenizer_of(model)
