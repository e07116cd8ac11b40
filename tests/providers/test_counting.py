"""The page's functions for counting, and the original's way of calling them."""

from __future__ import annotations

import pytest

from headroom_stream import Tokenizer, TransformPipeline, count_tokens_messages, count_tokens_text
from headroom_stream.errors import TokenizationError
from headroom_stream.providers import OpenAIProvider, TokenCounter
from headroom_stream.tokenizers import EstimatingTokenizer
from headroom_stream.tokens import Tokenizer as CoreTokenizer

MESSAGES = [{"role": "user", "content": "hello world"}]


def test_the_page_counts_by_the_name_of_a_model() -> None:
    assert count_tokens_text("Hello, world!", model="gpt-4o") == 4
    tokenizer = Tokenizer(model="gpt-4o")
    assert tokenizer.count_text("Hello") == 1
    assert tokenizer.count_messages(MESSAGES) == 6 + 3
    assert tokenizer.count_message(MESSAGES[0]) == 6
    assert (tokenizer.available, tokenizer.exact, tokenizer.name, tokenizer.model) == (True, True, "o200k_base", "gpt-4o")


def test_the_original_counts_by_a_counter() -> None:
    counter = OpenAIProvider().get_token_counter("gpt-4")
    assert Tokenizer(counter).name == "cl100k_base"
    assert Tokenizer(counter, "gpt-4").model == Tokenizer(counter).model == "gpt-4"
    assert count_tokens_text("Hello, world!", counter) == 4
    assert count_tokens_messages(MESSAGES, counter) == count_tokens_messages(MESSAGES, model="gpt-4") == 9


def test_models_have_the_count_of_their_provider() -> None:
    text = "Prüfe, ob die Maschine läuft: 0x1F4A9, bitte. " * 10
    counts = {m: count_tokens_text(text, model=m) for m in ("gpt-4o", "gpt-4", "claude-opus-4-5", "claude-opus-5")}
    assert len(set(counts.values())) == 4
    assert counts["claude-opus-5"] > counts["claude-opus-4-5"] > counts["gpt-4"]


def test_without_a_model_it_is_gpt_4o() -> None:
    assert Tokenizer().model == "gpt-4o"
    assert count_tokens_messages(MESSAGES) == 9


def test_without_an_encoding_it_is_not_available() -> None:
    lone = Tokenizer(TokenCounter("gpt-4o", EstimatingTokenizer()))
    assert (lone.available, lone.exact, lone.count_text("abcde")) == (False, False, 2)


def test_it_does_as_a_tokenizer_of_the_transforms() -> None:
    tokenizer: CoreTokenizer = Tokenizer(model="gpt-4o")
    assert tokenizer.exact_for("gpt-4o-mini") and not tokenizer.exact_for("gpt-4")
    result = TransformPipeline(tokenizer=tokenizer).transform(MESSAGES)
    assert result.tokens_before == 9


def test_only_text_has_tokens() -> None:
    with pytest.raises(TokenizationError, match="not int"):
        count_tokens_text(5)  # type: ignore[arg-type]
