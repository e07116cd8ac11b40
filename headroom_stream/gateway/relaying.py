"""What of a request and of its answer goes on between a caller and a provider."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import msgspec
from multidict import CIMultiDict, CIMultiDictProxy

_HOP = frozenset(
    (
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade",
    )
)  # fmt: skip
"""Headers that are between two neighbours."""
_OURS = "x-headroom-"
_KEYS = ("authorization", "x-api-key")
"""Headers that hold a provider's key."""
MOST_TAIL = 4 * 1024 * 1024
"""Bytes of an answer that are looked into for what was used."""


def request_headers(given: Mapping[str, str], *, ours: bool, key: tuple[str, str] | None = None) -> CIMultiDict[str]:
    """Of a caller's headers those for the provider. `ours`: the caller's `Authorization` was our own key, which is nobody else's.

    `key`: a header with a key of the provider, for callers that bring none.
    """
    left_out = {"host", "content-length", "expect", *_named(given)}
    if ours:
        left_out.add("authorization")
    out = _kept(given, left_out)
    if key is not None and not any(name in out for name in _KEYS):
        out.add(*key)
    return out


def response_headers(given: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    """Of a provider's headers those for the caller."""
    return _kept(given, _named(given))


def _named(given: Mapping[str, str]) -> set[str]:
    """Headers that `Connection` names: they are between neighbours too."""
    return {one.strip().lower() for one in given.get("Connection", "").split(",")}


def _kept(given: Mapping[str, str], left_out: set[str]) -> CIMultiDict[str]:
    out: CIMultiDict[str] = CIMultiDict()
    for name, value in given.items():
        lower = name.lower()
        if lower not in _HOP and lower not in left_out and not lower.startswith(_OURS):
            out.add(name, value)
    return out


class Tail:
    """The body of an answer in JSON, for its `usage`. Nothing of other answers is kept."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._encoding = headers.get("Content-Encoding", "identity").lower()
        kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
        self._wanted = kind == "application/json" and self._encoding in ("identity", "gzip", "deflate")
        self._body = bytearray()

    def add(self, chunk: bytes) -> None:
        """See a part of the body."""
        if self._wanted:
            self._body += chunk
            self._wanted = len(self._body) <= MOST_TAIL

    def usage(self) -> dict[str, Any] | None:
        """What the answer says was used; None: nothing that can be read."""
        if not self._wanted:
            return None
        try:
            body = bytes(self._body)
            if self._encoding != "identity":
                body = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32).decompress(body, MOST_TAIL)
            return msgspec.json.decode(body, type=_Answer).usage
        except (msgspec.MsgspecError, zlib.error, UnicodeDecodeError, RecursionError):
            return None


class _Answer(msgspec.Struct):
    usage: dict[str, Any] | None = None
