"""What calls give back: values, with the names of the API page first and those of the original as second names."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from msgspec import Struct, field

Mode = Literal["audit", "optimize", "simulate"]
"""What a client does with messages: count only, send compressed ones, or send nothing."""


class HeadroomMode(StrEnum):
    """The modes, for programs that name them so. Their values do as well."""

    AUDIT = "audit"
    OPTIMIZE = "optimize"
    SIMULATE = "simulate"


class WasteSignals(Struct, frozen=True, kw_only=True):
    """Tokens in messages that a model has little use for, by kind. Found in the text, whether or not anything was done about them."""

    json_bloat_tokens: int = 0
    """Of JSON: what its layout, quotes and repeated keys cost over the same data in a table."""
    html_noise_tokens: int = 0
    """Of tags, comments, scripts and styles."""
    base64_tokens: int = 0
    whitespace_tokens: int = 0
    """Of runs of four blanks and more, and of blank lines after the first."""
    dynamic_date_tokens: int = 0
    """Of dates and times in the system prompt, where each ends the cached prefix."""
    repetition_tokens: int = 0
    """Of lines that stood before in the same messages."""
    reread_tokens: int = 0
    """Of whole tool outputs that stood before."""
    reread_compressed_tokens: int = 0
    """How many of `reread_tokens` are not sent."""

    def total(self) -> int:
        """Sum of all but `reread_compressed_tokens`, which are part of `reread_tokens`."""
        return sum(value for name, value in self._values() if name != "reread_compressed_tokens")

    def to_dict(self) -> dict[str, int]:
        """By kind, the names without `_tokens`."""
        return {name.removesuffix("_tokens"): value for name, value in self._values()}

    def _values(self) -> list[tuple[str, int]]:
        return [(name, getattr(self, name)) for name in self.__struct_fields__]


class MessageDecision(Struct, frozen=True, kw_only=True):
    """What became of one message."""

    message_index: int
    role: str
    tokens_before: int
    tokens_after: int
    action: str
    """`kept`, `compressed` or `failed`, with the kind of content or the reason after a colon where there is one."""


class CompressResult(Struct, frozen=True, kw_only=True):
    """Messages ready to send, and what that saves."""

    messages: list[Any]
    """Dictionaries; the caller's own objects where nothing changed in them."""
    tokens_before: int
    tokens_after: int
    transforms_applied: list[str] = field(default_factory=list)
    refs: list[str] = field(default_factory=list)
    """Names of the originals of what was left out, for `retrieve`."""
    diagnostics: list[MessageDecision] | None = None
    """One a message, where they were asked for."""
    lossless: bool = True
    """Whether nothing was left out of the messages."""
    reverted_messages: int = 0
    """Messages that went as they came because compressing them failed."""
    cache_breakpoints: list[int] = field(default_factory=list)
    """Indexes of messages after which a cache breakpoint pays; at most 4."""
    over_budget: bool = False
    """What must stay exceeds the budget by itself."""
    session_id: str = ""
    error: str | None = None
    """Why the messages are those that came: compression failed, and the caller has to know."""

    @property
    def tokens_saved(self) -> int:
        """`tokens_before - tokens_after`."""
        return self.tokens_before - self.tokens_after

    @property
    def fraction_saved(self) -> float:
        """Share of the tokens that is gone: 0 nothing, 1 all."""
        return self.tokens_saved / self.tokens_before if self.tokens_before else 0.0

    @property
    def fraction_left(self) -> float:
        """Share of the tokens that is left: 1 all, 0 nothing. What the HTTP API and the npm package call compression ratio."""
        return 1.0 - self.fraction_saved

    @property
    def compression_ratio(self) -> float:
        """`fraction_saved`, under the name that the original has for it in Python. In TypeScript the same name means `fraction_left`."""
        return self.fraction_saved

    @property
    def compressed(self) -> bool:
        """Whether fewer tokens are sent than came."""
        return self.tokens_after < self.tokens_before


class SimulationResult(Struct, frozen=True, kw_only=True):
    """What a call would send, without sending it."""

    tokens_before: int
    tokens_after: int
    transforms_applied: list[str]
    waste_signals: WasteSignals
    messages_optimized: list[Any]
    """What would be sent."""
    block_breakdown: dict[str, int]
    """Tokens as they came, by the role that holds them: system, user, assistant, tool_call, tool_result, other."""
    stable_prefix_hash: str
    cache_alignment_score: float
    """0 to 100: the share of the prompt's tokens before the first value in the system prompt that changes from call to call."""
    estimated_savings_usd: float | None
    """Of this call's input bill under prompt caching; None: the model's price is not known."""

    @property
    def tokens_saved(self) -> int:
        """`tokens_before - tokens_after`."""
        return self.tokens_before - self.tokens_after

    @property
    def savings_percent(self) -> float:
        """Of the tokens, 0 to 100."""
        return 100 * self.tokens_saved / self.tokens_before if self.tokens_before else 0.0

    @property
    def transforms(self) -> list[str]:
        """The original's name for `transforms_applied`."""
        return self.transforms_applied

    @property
    def estimated_savings(self) -> str:
        """In words: `$0.0012 per request`, or why it is not known."""
        if self.estimated_savings_usd is None:
            return "price of the model not known"
        return f"${self.estimated_savings_usd:.4f} per request"


class RequestMetrics(Struct, frozen=True, kw_only=True):
    """What is kept of one call: a row of a metrics store. It holds numbers and names, never content."""

    request_id: str
    timestamp: datetime
    """UTC, without a zone: as the original has it."""
    model: str
    mode: Mode
    tokens_input_before: int
    tokens_input_after: int
    session_id: str = ""
    provider: str = ""
    stream: bool = False
    tokens_output: int | None = None
    """As the provider reported; None: it did not, or the call was streamed."""
    cached_tokens: int | None = None
    """Input tokens that the provider read from its cache, as it reported."""
    cost_before: float | None = None
    """Input bill in USD under prompt caching of what came; None: the model's price is not known."""
    cost_after: float | None = None
    """The same of what was sent."""
    block_breakdown: dict[str, int] = field(default_factory=dict)
    waste_signals: dict[str, int] = field(default_factory=dict)
    stable_prefix_hash: str = ""
    cache_alignment_score: float = 0.0
    cache_optimizer_used: str | None = None
    cache_optimizer_strategy: str | None = None
    cacheable_tokens: int = 0
    """Tokens up to the last cache breakpoint."""
    breakpoints_inserted: int = 0
    estimated_cache_hit: bool = False
    """Whether the prompt starts with that of the call before."""
    semantic_cache_hit: bool = False
    transforms_applied: list[str] = field(default_factory=list)
    tool_units_dropped: int = 0
    turns_dropped: int = 0
    messages_hash: str = ""
    """Of the messages that were sent."""
    latency_ms: float | None = None
    """That compression took."""
    error: str | None = None
    """Why the messages went as they came; None: nothing failed."""

    @property
    def tokens_saved(self) -> int:
        """`tokens_input_before - tokens_input_after`; nothing is saved in audit mode."""
        return self.tokens_input_before - self.tokens_input_after if self.mode == "optimize" else 0

    @property
    def estimated_savings_percent(self) -> float:
        """Of the input bill under prompt caching, where the price is known, else of the tokens."""
        if self.cost_before and self.cost_after is not None:
            return 100 * (self.cost_before - self.cost_after) / self.cost_before
        before = self.tokens_input_before
        return 100 * (before - self.tokens_input_after) / before if before else 0.0
