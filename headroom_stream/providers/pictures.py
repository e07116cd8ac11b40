"""Images in messages: their size, read from their first bytes, and what providers count for it."""

from __future__ import annotations

import base64
import binascii
import re
import struct
from math import ceil, sqrt
from typing import NamedTuple

_DATA = re.compile(r"data:image/[\w.+-]{1,40};base64,")
_HEAD = 262_144
"""Characters of base64 in which the size is looked for: what cameras write before it in a JPEG is shorter."""
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of JPEG that a frame's size follows."""


class Size(NamedTuple):
    """In pixels."""

    width: int
    height: int


def size_of_url(url: str) -> Size | None:
    """Of the image in a `data:` URL; None for addresses."""
    head = _DATA.match(url)
    return size_of(url[head.end() : head.end() + _HEAD]) if head else None


def size_of(encoded: str) -> Size | None:
    """Of a PNG, GIF, JPEG or WebP in base64, of which the beginning suffices; None for anything else."""
    part = encoded[: len(encoded[:_HEAD]) // 4 * 4]
    try:
        data = base64.b64decode(part, validate=True)
    except (binascii.Error, ValueError):
        return None
    try:
        size = _read(data)
    except (struct.error, IndexError):  # it ends before its size
        return None
    return size if size is not None and 0 < size.width <= 1 << 16 and 0 < size.height <= 1 << 16 else None


def _read(data: bytes) -> Size | None:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return Size(*struct.unpack_from(">II", data, 16))
    if data.startswith(b"GIF8"):
        return Size(*struct.unpack_from("<HH", data, 6))
    if data.startswith(b"\xff\xd8"):
        return _read_jpeg(data)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return _read_webp(data)
    return None


def _read_jpeg(data: bytes) -> Size | None:
    at = 2
    while data[at] == 0xFF:
        marker, length = data[at + 1], struct.unpack_from(">H", data, at + 2)[0]
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return Size(width, height)
        at += 2 + length
    return None


def _read_webp(data: bytes) -> Size | None:
    kind = data[12:16]
    if kind == b"VP8X":
        return Size(int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1)
    if kind == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        return Size((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return Size(width & 0x3FFF, height & 0x3FFF)
    return None


def tiles(size: Size) -> int:
    """Squares of 512 pixels that OpenAI cuts an image into, once it fits 2048 x 2048 and its shorter side 768."""
    shrink = min(1.0, 2048 / max(size))
    shrink = min(shrink, 768 / min(size))
    return ceil(size.width * shrink / 512) * ceil(size.height * shrink / 512)


def patches(size: Size) -> int:
    """Squares of 32 pixels that OpenAI's smaller models see, at most 1,536: a greater image is shrunk until so many cover it."""
    whole = ceil(size.width / 32) * ceil(size.height / 32)
    if whole <= 1536:
        return whole
    shrink = sqrt(1536 * 32 * 32 / (size.width * size.height))
    across, down = size.width * shrink / 32, size.height * shrink / 32
    shrink *= min(int(across) / across, int(down) / down) if across >= 1 <= down else 1
    return min(1536, ceil(size.width * shrink / 32) * ceil(size.height * shrink / 32))
