"""Content encodings of the ClickHouse endpoint. A body may hold several compressed frames, one a block: all of them are data."""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Callable
from typing import Any

import lz4.frame  # type: ignore[import-untyped]  # ships no types

from headroom_stream.errors import ValidationError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


def decode_body(body: bytes, encoding: str) -> bytes:
    """The whole of a request body. Raises ValidationError for an unknown encoding and for a frame that is damaged or cut off."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    make = _DECODERS.get(encoding)
    if make is None:
        raise ValidationError(f"Unknown compression method: {encoding}")
    parts: list[bytes] = []
    try:
        while body:
            frame = make()
            parts.append(frame.decompress(body))
            if not frame.eof:
                raise ValidationError(f"The last {encoding} frame is cut off")
            # Without this loop the rows of the second and later frames would be lost, and the insert reported as done.
            body = frame.unused_data or b""
    except (RuntimeError, zstd.ZstdError, zlib.error, EOFError) as error:
        raise ValidationError(f"Damaged {encoding} data: {error}") from error
    return b"".join(parts)


def encode_body(body: bytes, accepted: str) -> tuple[bytes, str | None]:
    """The body in the first of the encodings that the client accepts and we speak, and its name; (body, None) if there is none."""
    for wish in accepted.split(","):
        name, _, weight = wish.strip().lower().partition(";")
        if name in _ENCODERS and weight.replace(" ", "") not in ("q=0", "q=0.0"):
            return _ENCODERS[name](body), name
    return body, None


_DECODERS: dict[str, Callable[[], Any]] = {
    "lz4": lz4.frame.LZ4FrameDecompressor,
    "zstd": zstd.ZstdDecompressor,
    "gzip": lambda: zlib.decompressobj(wbits=31),
    "deflate": zlib.decompressobj,
}
_ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "lz4": lz4.frame.compress,
    "zstd": lambda body: zstd.compress(body, 1),
    "gzip": lambda body: gzip.compress(body, 3, mtime=0),
    "deflate": lambda body: zlib.compress(body, 3),
}
