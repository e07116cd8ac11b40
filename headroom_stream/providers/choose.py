"""Which provider a client or a model belongs to."""

from __future__ import annotations

from typing import Any

from headroom_stream.errors import ProviderError
from headroom_stream.messages import detect_provider
from headroom_stream.providers.anthropic import AnthropicProvider
from headroom_stream.providers.base import Provider
from headroom_stream.providers.compatible import OpenAICompatibleProvider
from headroom_stream.providers.counter import TokenCounter
from headroom_stream.providers.google import GoogleProvider
from headroom_stream.providers.names import plain_name
from headroom_stream.providers.openai import OpenAIProvider


def provider_of(client: Any) -> Provider:
    """The provider of a client of `openai`, `anthropic` or `google-genai`, sync or async, by the package that its class comes from.

    Anthropic's and Google's count with the client. Raises ProviderError for any other object.
    """
    for ancestor in type(client).__mro__:
        package = ancestor.__module__
        if package.partition(".")[0] == "openai":
            return OpenAIProvider()
        if package.partition(".")[0] == "anthropic":
            return AnthropicProvider(client)
        if package.startswith("google.genai."):
            return GoogleProvider(client)
    what = f"{type(client).__name__} is no client of openai, anthropic or google-genai: pass provider= with the one whose shape it speaks"
    raise ProviderError(what, {"class": f"{type(client).__module__}.{type(client).__qualname__}"})


def provider_for(model: str) -> Provider:
    """The provider of a model by its name; one that speaks OpenAI's protocol where the name tells none."""
    shape = detect_provider((), plain_name(model))
    if shape == "anthropic":
        return AnthropicProvider()
    if shape == "gemini":
        return GoogleProvider()
    return OpenAIProvider() if shape == "openai" else OpenAICompatibleProvider(default_model=model)


class LiteLLMProvider(Provider):
    """LiteLLM: OpenAI's protocol with the models of all providers. Each is counted and priced as its maker's, wherever it is called."""

    name = "litellm"
    shape = "openai"
    usual_context = 128_000

    def get_token_counter(self, model: str) -> TokenCounter:
        """That of the model's maker."""
        return provider_for(model).get_token_counter(model)

    def supports_model(self, model: str) -> bool:
        """Any model: LiteLLM knows hundreds."""
        return bool(model)
