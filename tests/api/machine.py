"""The machine of somebody who tries the API: keys and addresses in the environment, a folder of their own, an embedding model."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

import pytest

from headroom_stream.embeddings import load_embed
from tests.support.provider_stub import ProviderStub

_FASTEMBED = """
    import numpy as np


    class TextEmbedding:
        '''Two models that see only how often each letter is in a text.'''

        def __init__(self, name, local_files_only):
            assert local_files_only

        @staticmethod
        def list_supported_models():
            return [{"model": "BAAI/bge-small-en-v1.5"}, {"model": "sentence-transformers/all-MiniLM-L6-v2"}]

        def embed(self, texts):
            return [np.array([text.count(chr(n)) for n in range(97, 123)], dtype=float) for text in texts]
"""
_LOGURU = """
    class logger:
        disable = enable = staticmethod(lambda name: None)
"""


@contextmanager
def machine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ProviderStub]:
    """The providers' SDKs find a server on this machine by their own variables; the stores that have no path lie in `folder`.

    A package stands in for `fastembed`, whose models would have to be fetched.
    """
    for name, text in {"fastembed": _FASTEMBED, "loguru": _LOGURU}.items():
        (folder / f"{name}.py").write_text(dedent(text))
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    with ProviderStub() as stub:
        keys = {"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k", "GEMINI_API_KEY": "k"}
        addresses = {"OPENAI_BASE_URL": stub.openai_url, "ANTHROPIC_BASE_URL": stub.url, "GOOGLE_GEMINI_BASE_URL": stub.url}
        for name, value in (keys | addresses).items():
            monkeypatch.setenv(name, value)
        load_embed.cache_clear()
        yield stub
        load_embed.cache_clear()
        for name in ("fastembed", "loguru"):
            sys.modules.pop(name, None)
