"""The provider of a client, and of a model."""

from __future__ import annotations

from typing import Any

import anthropic
import openai
import pytest
from google import genai

from headroom_stream.errors import ConfigurationError, ProviderError
from headroom_stream.providers import (
    AnthropicProvider,
    GoogleProvider,
    LiteLLMProvider,
    OpenAICompatibleProvider,
    OpenAIProvider,
    Provider,
    create_anyscale_provider,
    create_fireworks_provider,
    create_groq_provider,
    create_lmstudio_provider,
    create_ollama_provider,
    create_together_provider,
    create_vllm_provider,
    provider_for,
    provider_of,
)
from tests.support.provider_stub import ProviderStub


class Own(openai.OpenAI):
    """A client that somebody made theirs."""


@pytest.mark.parametrize(
    ("client", "provider", "shape"),
    [
        (openai.OpenAI(api_key="k"), OpenAIProvider, "openai"),
        (openai.AsyncOpenAI(api_key="k"), OpenAIProvider, "openai"),
        (openai.AzureOpenAI(api_key="k", api_version="1", azure_endpoint="https://x"), OpenAIProvider, "openai"),
        (Own(api_key="k"), OpenAIProvider, "openai"),
        (anthropic.Anthropic(api_key="k"), AnthropicProvider, "anthropic"),
        (anthropic.AsyncAnthropic(api_key="k"), AnthropicProvider, "anthropic"),
        (genai.Client(api_key="k"), GoogleProvider, "gemini"),
    ],
)
def test_a_client_tells_its_provider(client: Any, provider: type[Provider], shape: str) -> None:
    found = provider_of(client)
    assert type(found) is provider
    assert found.shape == shape


def test_a_provider_counts_with_the_client_it_was_found_by() -> None:
    with ProviderStub(counts=9) as stub:
        client = anthropic.Anthropic(base_url=stub.url, api_key="k")
        counter = provider_of(client).get_token_counter("claude-opus-5")
        assert counter.count_messages([{"role": "user", "content": "Go."}]) == 9


def test_another_object_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(ProviderError, match="pass provider=") as caught:
        provider_of(object())
    assert caught.value.details == {"class": "builtins.object"}


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("gpt-4o", OpenAIProvider),
        ("openai/o3-mini", OpenAIProvider),
        ("ft:gpt-4o:acme", OpenAIProvider),
        ("claude-opus-5", AnthropicProvider),
        ("eu.anthropic.claude-sonnet-4-5-20250929-v1:0", AnthropicProvider),
        ("gemini/gemini-2.5-pro", GoogleProvider),
        ("llama-3", OpenAICompatibleProvider),
        ("", OpenAICompatibleProvider),
    ],
)
def test_a_model_tells_its_provider(model: str, provider: type[Provider]) -> None:
    assert type(provider_for(model)) is provider


def test_litellm_counts_as_the_models_maker() -> None:
    provider = LiteLLMProvider()
    assert provider.get_token_counter("gpt-4").name == "cl100k_base"
    assert provider.get_token_counter("anthropic/claude-opus-5").name == "cl100k_base x 1.43"
    assert provider.supports_model("anything")


@pytest.mark.parametrize(
    ("provider", "name", "url"),
    [
        (create_ollama_provider(), "ollama", "http://localhost:11434/v1"),
        (create_lmstudio_provider(), "lmstudio", "http://localhost:1234/v1"),
        (create_vllm_provider("http://gpu:8000/v1"), "vllm", "http://gpu:8000/v1"),
        (create_together_provider("k"), "together", "https://api.together.xyz/v1"),
        (create_groq_provider("k"), "groq", "https://api.groq.com/openai/v1"),
        (create_fireworks_provider("k"), "fireworks", "https://api.fireworks.ai/inference/v1"),
        (create_anyscale_provider("k"), "anyscale", "https://api.endpoints.anyscale.com/v1"),
    ],
)
def test_servers_by_name_have_their_address(provider: OpenAICompatibleProvider, name: str, url: str) -> None:
    assert (provider.name, str(provider.client().base_url).rstrip("/")) == (name, url)


def test_a_client_of_a_server_calls_it_with_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "from-environment")
    with ProviderStub() as stub:
        for given, sent in (("given", "given"), (None, "from-environment")):
            provider = OpenAICompatibleProvider("mine", stub.openai_url, given, key_variable="MY_KEY")
            provider.client(max_retries=0).chat.completions.create(model="m", messages=[{"role": "user", "content": "Go."}])
            assert stub.last.headers["authorization"] == f"Bearer {sent}"


def test_a_server_without_address_has_no_client() -> None:
    with pytest.raises(ConfigurationError, match="pass base_url"):
        OpenAICompatibleProvider().client()


def test_a_server_of_ones_own_is_counted_by_an_estimate() -> None:
    counter = OpenAICompatibleProvider("mine", default_model="llama-3").get_token_counter("")
    counted = counter.count_prompt([{"role": "user", "content": "hello world"}])
    assert (counter.model, counted.tokens, counted.exact) == ("llama-3", 9, False)
    assert "not the model's own encoding" in counted.why
