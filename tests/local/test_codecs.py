"""Content encodings of the endpoint."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.errors import ValidationError
from headroom_stream.local.codecs import decode_body, encode_body

ENCODINGS = ("lz4", "zstd", "gzip", "deflate")


@given(st.sampled_from(ENCODINGS), st.lists(st.binary(), min_size=1, max_size=5))
def test_every_frame_of_a_body_is_read(encoding: str, blocks: list[bytes]) -> None:
    body = b"".join(encode_body(block, encoding)[0] for block in blocks)
    assert decode_body(body, encoding) == b"".join(blocks)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_body_that_is_cut_off_is_refused(encoding: str) -> None:
    body, _ = encode_body(b"row\n" * 1000, encoding)
    with pytest.raises(ValidationError):
        decode_body(body + body[:-3], encoding)


@pytest.mark.parametrize("encoding", ["lz4", "zstd", "gzip", "br"])
def test_what_is_not_in_the_encoding_is_refused(encoding: str) -> None:
    with pytest.raises(ValidationError):
        decode_body(b"SELECT 1", encoding)


def test_the_first_encoding_the_client_accepts_is_used() -> None:
    assert encode_body(b"x", "br, zstd;q=0, gzip, lz4")[1] == "gzip"
    assert encode_body(b"x", "identity") == (b"x", None)
