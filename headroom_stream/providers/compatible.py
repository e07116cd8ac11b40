"""Servers that speak OpenAI's protocol with models of others: what those hold and cost is for the user to say."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from msgspec import Struct

from headroom_stream.errors import ConfigurationError
from headroom_stream.pricing.cost import Price
from headroom_stream.providers.base import Provider
from headroom_stream.providers.counter import TokenCounter
from headroom_stream.providers.estimate import ScaledTokenizer
from headroom_stream.tokenizers import load_tokenizer


class ModelCapabilities(Struct, frozen=True, kw_only=True):
    """What a model of the server holds and costs."""

    model: str = ""
    context_window: int = 128_000
    """Tokens that a prompt may have."""
    max_output_tokens: int = 4_096
    input_cost_per_1m: float | None = None
    """USD for a million tokens of prompts; None: not known."""
    cached_cost_per_1m: float | None = None
    """Of those, for tokens from the server's cache; None: as all others."""
    output_cost_per_1m: float | None = None
    """USD for a million tokens of answers; None: not known."""


class OpenAICompatibleProvider(Provider):
    """A server that speaks OpenAI's protocol. Any name may be a model of it; tokens are estimated by o200k_base."""

    shape = "openai"
    usual_context = 128_000

    def __init__(
        self,
        name: str = "openai_compatible",
        base_url: str | None = None,
        api_key: str | None = None,
        default_model: str | None = None,
        models: Mapping[str, ModelCapabilities] | None = None,
        *,
        key_variable: str = "",
        context_limits: Mapping[str, int] | None = None,
        warn: bool = True,
    ) -> None:
        """`base_url` and `api_key` are for `client`; the environment's `key_variable` stands in for a key that is not given.

        `default_model` is meant where a call names none.
        """
        self.name = name
        super().__init__(context_limits=context_limits, warn=warn)
        self.base_url = base_url
        self.default_model = default_model or ""
        self.models = dict(models or {})
        self._api_key = api_key
        self._key_variable = key_variable

    def client(self, **options: Any) -> Any:
        """An `openai.OpenAI` for this server. Raises ConfigurationError where its address is not known."""
        if self.base_url is None:
            raise ConfigurationError(f"the address of {self.name} is not known: pass base_url")
        from openai import OpenAI  # noqa: PLC0415 - needed here alone

        # Servers without keys want none, and the SDK wants some text.
        key = self._api_key or os.environ.get(self._key_variable) or "none"
        return OpenAI(base_url=self.base_url, api_key=key, **options)

    def get_token_counter(self, model: str) -> TokenCounter:
        """An estimate: each family has its own encoding, and the server tells none."""
        return TokenCounter(model or self.default_model, ScaledTokenizer(load_tokenizer("o200k_base"), 100))

    def supports_model(self, model: str) -> bool:
        """Any model: only the server knows."""
        return bool(model or self.default_model)

    def get_context_limit(self, model: str) -> int:
        """As given in `context_limits` or `models`, else the model's own in the table, else `usual_context`, with a warning."""
        known = self.models.get(model or self.default_model)
        if known is not None and self._given(model or self.default_model) is None:
            return known.context_window
        return super().get_context_limit(model or self.default_model)

    def get_output_buffer(self, model: str, default: int = 4000) -> int:
        """`default`, or all that the model can answer where that is less."""
        known = self.models.get(model or self.default_model)
        return min(default, known.max_output_tokens) if known else super().get_output_buffer(model or self.default_model, default)

    def cost_unknown_reason(self, model: str, day: date | None = None) -> str | None:
        """Why `estimate_cost` gives None for this model; None: it doesn't. The price of its maker is not that of the server."""
        price = self._price(model, day)
        if price is not None and price.output is not None:
            return None
        known = f"ModelCapabilities(input_cost_per_1m=…, output_cost_per_1m=…) of {model or self.default_model!r}"
        return f"what {self.name} takes is not known: pass {known} in models"

    def _price(self, model: str, day: date | None) -> Price | None:  # noqa: ARG002 - these prices have no day
        known = self.models.get(model or self.default_model)
        if known is None or known.input_cost_per_1m is None:
            return None
        paid = _pico(known.input_cost_per_1m)
        cached = paid if known.cached_cost_per_1m is None else _pico(known.cached_cost_per_1m)
        output = None if known.output_cost_per_1m is None else _pico(known.output_cost_per_1m)
        return Price(input=paid, cache_read=cached, cache_write=paid, cache_ttl_s=0, min_prefix=0, output=output)


def _pico(usd_per_million: float) -> int:
    """USD a million tokens as pico-USD a token. By its digits: 0.07 is meant to be 0.07."""
    return int(Decimal(str(usd_per_million)) * 1_000_000)


def create_ollama_provider(base_url: str = "http://localhost:11434/v1") -> OpenAICompatibleProvider:
    """Ollama on this machine."""
    return OpenAICompatibleProvider("ollama", base_url)


def create_lmstudio_provider(base_url: str = "http://localhost:1234/v1") -> OpenAICompatibleProvider:
    """LM Studio on this machine."""
    return OpenAICompatibleProvider("lmstudio", base_url)


def create_vllm_provider(base_url: str) -> OpenAICompatibleProvider:
    """A vLLM server."""
    return OpenAICompatibleProvider("vllm", base_url)


def create_together_provider(api_key: str | None = None) -> OpenAICompatibleProvider:
    """Together; the key is else TOGETHER_API_KEY."""
    return OpenAICompatibleProvider("together", "https://api.together.xyz/v1", api_key, key_variable="TOGETHER_API_KEY")


def create_groq_provider(api_key: str | None = None) -> OpenAICompatibleProvider:
    """Groq; the key is else GROQ_API_KEY."""
    return OpenAICompatibleProvider("groq", "https://api.groq.com/openai/v1", api_key, key_variable="GROQ_API_KEY")


def create_fireworks_provider(api_key: str | None = None) -> OpenAICompatibleProvider:
    """Fireworks; the key is else FIREWORKS_API_KEY."""
    url = "https://api.fireworks.ai/inference/v1"
    return OpenAICompatibleProvider("fireworks", url, api_key, key_variable="FIREWORKS_API_KEY")


def create_anyscale_provider(api_key: str | None = None) -> OpenAICompatibleProvider:
    """Anyscale; the key is else ANYSCALE_API_KEY."""
    url = "https://api.endpoints.anyscale.com/v1"
    return OpenAICompatibleProvider("anyscale", url, api_key, key_variable="ANYSCALE_API_KEY")
