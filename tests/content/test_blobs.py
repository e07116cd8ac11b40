"""Base64 and hexadecimal: named by what they are, and only where they are long."""

from __future__ import annotations

import base64
import random

import pytest

from headroom_stream.config.policy import BlobsConfig
from headroom_stream.content import Compressed, Hints
from headroom_stream.content.blobs import compress


def squeeze(text: str) -> Compressed | None:
    return compress(text, Hints(), BlobsConfig())


def data(size: int, start: bytes = b"") -> bytes:
    return start + random.Random(size).randbytes(size)


def test_an_image_is_named_by_its_kind_and_length() -> None:
    blob = base64.b64encode(data(3000, b"\x89PNG\r\n\x1a\n")).decode()
    out = squeeze(f'<img src="{blob}"> and text')
    assert out is not None and out.removed == "1 blob"
    assert out.text == f'<img src="<base64 png, {len(blob):,} characters, {blob[:24]}…>"> and text'


def test_the_media_type_of_a_data_address_is_kept() -> None:
    blob = base64.b64encode(data(3000)).decode()
    out = squeeze(f"a data:image/webp;base64,{blob} b")
    assert out is not None and "<image/webp, " in out.text and out.text.endswith(" b")


def test_lines_of_base64_are_one_blob() -> None:
    body = base64.encodebytes(data(3000)).decode()
    out = squeeze(f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n")
    assert out is not None and out.text.count("\n") == 3 and "-----END CERTIFICATE-----" in out.text


@pytest.mark.parametrize("before", [1, 50, 99, 100, 101, 163])
def test_the_shortest_blob_is_found_wherever_it_stands(before: int) -> None:
    text = "w " * (before // 2) + " " * (before % 2) + "key: " + data(100).hex()
    out = compress(f"{text} and the rest of the words of this text{' more' * 30}", Hints(), BlobsConfig(min_characters=200))
    assert out is not None and "<hex, 200 characters" in out.text


def test_hexadecimal_is_known() -> None:
    out = squeeze("key = " + data(1000).hex())
    assert out is not None and "<hex, 2,000 characters" in out.text


@pytest.mark.parametrize(
    "text",
    [
        "a" * 5000 + " ",
        "/very/long/path" * 100,
        "word " * 1000,
        "sha256:" + "0af3" * 16,
        base64.b64encode(data(300)).decode(),
        "=" * 4000,
    ],
)
def test_what_is_short_or_no_blob_stays(text: str) -> None:
    assert squeeze(text) is None or "a" * 5000 in text


@pytest.mark.parametrize("unit", ["a", "aA1", "=", "-", "data:image/png;base64,", "A1a" * 22 + "\n", "-----BEGIN "])
def test_long_texts_take_no_more_than_their_length(unit: str) -> None:
    """Without linear patterns these take minutes; the test's time limit is the judge."""
    squeeze(unit * (400_000 // len(unit)))
    squeeze((unit * 60)[:190].join([" "] * 2000))
