"""What models can hold: from the table, from the user, or a guess that says so."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest

from headroom_stream.errors import ConfigurationError, ProviderError
from headroom_stream.providers import (
    AnthropicProvider,
    GoogleProvider,
    LiteLLMProvider,
    ModelCapabilities,
    OpenAICompatibleProvider,
    OpenAIProvider,
)
from headroom_stream.providers.limits import VARIABLE, limits_in_effect


@pytest.mark.parametrize(
    ("model", "limit"),
    [
        ("gpt-4o", 128_000),
        ("gpt-4o-2024-08-06", 128_000),
        ("gpt-4.1", 1_047_576),
        ("gpt-5", 272_000),
        ("gpt-4", 8_192),
        ("gpt-4-32k", 32_768),
        ("gpt-3.5-turbo", 16_385),
        ("o3-mini", 200_000),
        ("ft:gpt-4o-mini-2024-07-18", 128_000),
        ("claude-opus-4-6", 1_000_000),
        ("claude-sonnet-5-5", 1_000_000),
        ("claude-sonnet-4-5-20250929", 200_000),
        ("claude-3-5-sonnet-latest", 200_000),
        ("us.anthropic.claude-sonnet-4-6", 1_000_000),
        ("gemini-1.5-pro", 2_000_000),
        ("gemini-2.0-flash", 1_000_000),
        ("gemini-1.0-pro", 32_768),
    ],
)
def test_limits_are_those_of_the_model(model: str, limit: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert LiteLLMProvider().get_context_limit(model) == limit


@pytest.mark.parametrize(
    ("provider", "model", "limit"),
    [
        (OpenAIProvider(), "gpt-9", 128_000),
        (AnthropicProvider(), "claude-opus-9", 200_000),
        (GoogleProvider(), "gemini-9-pro", 1_000_000),
        (OpenAICompatibleProvider("mine"), "llama-9", 128_000),
    ],
)
def test_a_new_model_gets_the_usual_limit_with_a_warning(
    provider: OpenAIProvider | AnthropicProvider | GoogleProvider | OpenAICompatibleProvider, model: str, limit: int
) -> None:
    with pytest.warns(UserWarning, match=f"context limit of '{model}' is not known"):
        assert provider.get_context_limit(model) == limit


def test_warnings_can_be_switched_off() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert OpenAIProvider(warn=False).get_context_limit("gpt-9") == 128_000


def test_a_model_of_another_provider_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(ProviderError, match="pass its limit: context_limits=") as caught:
        OpenAIProvider().get_context_limit("my-deployment")
    assert caught.value.details == {"provider": "openai", "model": "my-deployment"}
    with pytest.raises(ProviderError):
        AnthropicProvider().get_context_limit("gpt-4o")


def test_limits_that_are_given_win() -> None:
    provider = OpenAIProvider(context_limits={"gpt-4o": 9_000, "My-Deployment": 64_000})
    assert provider.get_context_limit("gpt-4o") == provider.get_context_limit("openai/gpt-4o") == 9_000
    assert provider.get_context_limit("my-deployment") == 64_000
    assert provider.supports_model("my-deployment") and not OpenAIProvider().supports_model("my-deployment")


def test_providers_support_their_own_models() -> None:
    names = ("gpt-4o", "o3", "chatgpt-4o-latest", "claude-opus-5", "anthropic.claude-3-haiku", "gemini-2.5-pro", "llama-3")
    assert [OpenAIProvider().supports_model(n) for n in names] == [True, True, True, False, False, False, False]
    assert [AnthropicProvider().supports_model(n) for n in names] == [False, False, False, True, True, False, False]
    assert [GoogleProvider().supports_model(n) for n in names] == [False, False, False, False, False, True, False]
    assert OpenAICompatibleProvider().supports_model("llama-3")


def test_the_output_buffer_is_at_most_what_the_model_answers() -> None:
    provider = OpenAIProvider()
    assert provider.get_output_buffer("gpt-4o") == 4_000
    assert provider.get_output_buffer("gpt-4o", 9_000) == 9_000
    assert provider.get_output_buffer("gpt-4o", 90_000) == 16_384
    assert provider.get_output_buffer("gpt-9", 90_000) == 90_000


def test_a_server_of_ones_own_holds_what_is_said() -> None:
    capable = ModelCapabilities(context_window=32_000, max_output_tokens=2_000)
    provider = OpenAICompatibleProvider("mine", default_model="m", models={"m": capable, "n": capable}, context_limits={"n": 5_000})
    assert provider.get_context_limit("") == provider.get_context_limit("m") == 32_000
    assert provider.get_context_limit("n") == 5_000
    assert provider.get_output_buffer("m") == 2_000
    assert provider.get_output_buffer("deepseek-v4-pro") == 4_000


@pytest.mark.parametrize(
    "tree",
    [
        {"m": 5},
        {"context_limits": {"m": 5}, "pricing": {"m": {"input": 1}}},
        {"openai": {"context_limits": {"m": 5}}, "anthropic": {"context_limits": {"m": 7}}},
        {"openai": {"m": 5}, "m": 6},
    ],
)
@pytest.mark.parametrize("as_file", [False, True])
def test_the_environment_gives_limits_as_json_or_by_a_file(tree: dict[str, object], as_file: bool, tmp_path: Path) -> None:
    value = json.dumps(tree)
    if as_file:
        (tmp_path / "models.json").write_text(value)
        value = str(tmp_path / "models.json")
    assert limits_in_effect("openai", None, {VARIABLE: value}) == {"m": 5}
    assert limits_in_effect("openai", {"M": 8}, {VARIABLE: value}) == {"m": 8}


def test_the_environment_is_read_when_a_provider_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, '{"gpt-4o": 77}')
    provider = OpenAIProvider()
    monkeypatch.delenv(VARIABLE)
    assert provider.get_context_limit("gpt-4o") == 77


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("{", "is not JSON"),
        ("/no/such/file", "neither JSON nor a file"),
        ('{"m": "8k"}', "whole number"),
        ('{"m": 0}', "whole number"),
        ('{"m": true}', "whole number"),
        ('{"context_limits": 5}', "context_limits has to be an object"),
    ],
)
def test_limits_that_can_not_be_read_are_refused(value: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        limits_in_effect("openai", None, {VARIABLE: value})
