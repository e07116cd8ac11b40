"""The transforms as a program uses them directly: with this machine's best tokenizer where none is given."""

from __future__ import annotations

from headroom_stream.tokenizers import load_tokenizer
from headroom_stream.tokens import Tokenizer
from headroom_stream.transforms import cache_aligner, intelligent_context, pipeline, rolling_window, smart_crusher


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
    __doc__ = pipeline.TransformPipeline.__doc__
