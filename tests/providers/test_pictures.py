"""The size of an image is read from its first bytes, whatever its format."""

from __future__ import annotations

import base64
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.providers.pictures import Size, patches, size_of, size_of_url, tiles

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 640, 480) + bytes(8)
JPEG = b"\xff\xd8\xff\xe0" + struct.pack(">H", 16) + bytes(14) + b"\xff\xc0" + struct.pack(">HBHH", 17, 8, 480, 640) + bytes(10)
WEBP = b"RIFF" + struct.pack("<I", 40) + b"WEBP"
FORMATS = {
    "png": PNG,
    "gif": b"GIF89a" + struct.pack("<HH", 640, 480) + bytes(6),
    "jpeg": JPEG,
    "lossy webp": WEBP + b"VP8 " + bytes(10) + struct.pack("<HH", 640, 480) + bytes(6),
    "lossless webp": WEBP + b"VP8L" + bytes(4) + b"\x2f" + struct.pack("<I", 639 | 479 << 14) + bytes(6),
    "extended webp": WEBP + b"VP8X" + bytes(8) + (639).to_bytes(3, "little") + (479).to_bytes(3, "little") + bytes(6),
}


@pytest.mark.parametrize("name", FORMATS)
def test_the_size_is_read(name: str) -> None:
    assert size_of(base64.b64encode(FORMATS[name]).decode()) == Size(640, 480)


@pytest.mark.parametrize("name", FORMATS)
def test_an_image_that_ends_before_its_size_has_none(name: str) -> None:
    assert size_of(base64.b64encode(FORMATS[name][:15]).decode()) in (None, Size(640, 480))


def test_only_images_in_the_message_are_seen() -> None:
    assert size_of_url("data:image/png;base64," + base64.b64encode(PNG).decode()) == Size(640, 480)
    assert size_of_url("https://example.com/a.png") is None
    assert size_of_url("data:image/png;base64,!!!!") is None
    assert size_of("") is None


@given(st.binary(max_size=200), st.sampled_from([b"", *(data[:24] for data in FORMATS.values())]))
def test_any_bytes_have_a_size_or_none(data: bytes, start: bytes) -> None:
    size = size_of(base64.b64encode(start + data).decode())
    assert size is None or (size.width > 0 and size.height > 0)


@given(st.integers(1, 65_536), st.integers(1, 65_536))
def test_tiles_and_patches_are_within_their_limits(width: int, height: int) -> None:
    assert 1 <= tiles(Size(width, height)) <= 8
    assert 1 <= patches(Size(width, height)) <= 1536
