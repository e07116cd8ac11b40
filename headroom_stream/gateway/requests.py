"""What requests bring, as Structs: they are checked against them, and the OpenAPI document shows them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Raw, Struct

from headroom_stream.config.cuts import PositiveInt

Name = Annotated[str, Meta(min_length=1, max_length=256)]
MOST = 2**31 - 1
Count = Annotated[int, Meta(ge=0, le=MOST)]
Section = dict[str, Any]


class CompressConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to compress. Every field has its effect or is refused with the reason; an unknown one is refused by name."""

    session_id: Name | None = None
    """The call is the next turn of this session: only what is new is compressed, and the answer starts with the one before."""
    default_mode: Literal["audit", "optimize", "simulate"] | None = None
    """audit: count only, the messages come back as they are; simulate: as optimize, but the session stays as it was, with more fields in
    the answer."""
    mode: Literal["ccr", "lossy_inline", "lossless_then_lossy", "lossless"] | None = None
    """lossless: nothing is left out. All others mean what holds anyway: lossless first, and what is left out has a marker and is kept."""
    generate_diff_artifact: bool = False
    """Whether the answer says what each kind of compression did."""
    frozen_message_count: Count | None = None
    """Messages at the start that stay as they came."""
    protect_recent: Count | None = None
    """Messages at the end that stay as they came. Only without a session, where later calls may change them."""
    keep_turns: Count | None = None
    """Rounds at the end that stay when a budget makes others leave."""
    tool_profiles: dict[str, Section] = {}  # msgspec copies an empty default
    """By a tool's name or a pattern of names: skip_compression, lossy, kinds, output_tokens."""
    policy: Section = {}  # msgspec copies an empty default
    """Any part of the stream's policy."""
    smart_crusher: Section | None = None
    """As SmartCrusherConfig, in the page's names or the original's."""
    cache_aligner: Section | None = None
    """As CacheAlignerConfig: values that change leave the system prompt, and stand at the end."""
    rolling_window: Section | None = None
    """As RollingWindowConfig."""
    intelligent_context: Section | None = None
    """As IntelligentContextConfig; refused where enabled and the call has a budget: the gateway leaves out by age."""
    model_context_limits: dict[str, PositiveInt] = {}  # msgspec copies an empty default
    """Tokens that a model takes: with `output_buffer_tokens` less, a budget for its calls."""
    output_buffer_tokens: Count | None = None
    cache_optimizer: Section | None = None
    """enabled: whether the answer says where cache breakpoints pay."""
    ccr: Section | None = None
    """As CCRConfig; `enabled: false` is refused: what is left out always has a marker and is kept."""
    compress_user_messages: bool | None = None
    compress_system_messages: bool | None = None
    protect_analysis_context: bool | None = None
    target_ratio: float | None = None
    tool_crusher: Section | None = None
    prefix_freeze: Section | None = None
    content_router_enabled: bool | None = None
    store_url: str | None = None


class CompressRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Messages to compress, in the shape of OpenAI, Anthropic or Gemini; the answer has the same shape."""

    messages: list[Raw]
    model: Name
    token_budget: PositiveInt | None = None
    """Of the messages in the answer, kept exactly."""
    query: Annotated[str, Meta(max_length=100_000)] | None = None
    """What the agent looks for now: steers what stays of what is cut."""
    config: CompressConfig | None = None


class UsageRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the provider reported for the last call of a session, in its own names."""

    session_id: Name
    usage: dict[str, Any]


class RetrieveRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An original to be brought back, whole or the passages that a query is about."""

    hash: Annotated[str, Meta(max_length=256)] = ""
    query: Annotated[str, Meta(max_length=10_000)] | None = None


class ToolCallRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model's call of the tool `headroom_retrieve`, in its provider's shape."""

    tool_call: dict[str, Any]
    provider: Literal["openai", "anthropic", "gemini", "google"] | None = None


class FieldCount(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often a field was used."""

    field: Annotated[str, Meta(max_length=1_000)]
    used: Count


class ToolCounts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was learnt of the outputs of one shape of a tool."""

    tool: Annotated[str, Meta(max_length=256)]
    schema: Annotated[str, Meta(max_length=64)]
    outputs: Count = 0
    used: Count = 0
    retrievals: Count = 0
    fields: Annotated[list[FieldCount], Meta(max_length=256)] = []  # msgspec copies an empty default


class Telemetry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one gateway learnt, for another: names of tools and of fields with counts, nothing of any conversation."""

    version: Literal[1] = 1
    tools: Annotated[list[ToolCounts], Meta(max_length=1_000)] = []  # msgspec copies an empty default
