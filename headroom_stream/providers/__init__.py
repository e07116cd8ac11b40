"""What differs between model providers: how they count tokens, what their models hold and cost, and how their caches are steered.

    provider = OpenAIProvider()
    provider.get_token_counter("gpt-4o").count_text("Hello, world!")  # 4
    provider.get_context_limit("gpt-4o")  # 128000
    provider.estimate_cost(1000, 500, "gpt-4o")  # 0.0075

`provider_of(client)` finds the provider of an SDK's client, `provider_for(model)` that of a model by its name.
"""

from __future__ import annotations

from headroom_stream.providers.anthropic import AnthropicProvider
from headroom_stream.providers.base import Provider
from headroom_stream.providers.choose import LiteLLMProvider, provider_for, provider_of
from headroom_stream.providers.compatible import (
    ModelCapabilities,
    OpenAICompatibleProvider,
    create_anyscale_provider,
    create_fireworks_provider,
    create_groq_provider,
    create_lmstudio_provider,
    create_ollama_provider,
    create_together_provider,
    create_vllm_provider,
)
from headroom_stream.providers.counter import Count, TokenCounter
from headroom_stream.providers.google import GoogleProvider
from headroom_stream.providers.openai import OpenAIProvider

__all__ = [
    "AnthropicProvider",
    "Count",
    "GoogleProvider",
    "LiteLLMProvider",
    "ModelCapabilities",
    "OpenAICompatibleProvider",
    "OpenAIProvider",
    "Provider",
    "TokenCounter",
    "create_anyscale_provider",
    "create_fireworks_provider",
    "create_groq_provider",
    "create_lmstudio_provider",
    "create_ollama_provider",
    "create_together_provider",
    "create_vllm_provider",
    "provider_for",
    "provider_of",
]
