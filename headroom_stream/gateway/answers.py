"""What the routes that compress answer, as Structs; those of counts stand with what counts them."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Raw, Struct, UnsetType


class Problem(Struct, frozen=True):
    """What went wrong."""

    type: str
    message: str


class ErrorBody(Struct, frozen=True):
    """The body of every 4xx and 5xx, but those that say `detail`."""

    error: Problem


class Detail(Struct, frozen=True):
    """The body of a 400 or 404 of the retrieval routes."""

    detail: str


class SessionState(Struct, frozen=True):
    """The session of a call."""

    id: str
    frozen_message_count: int
    """Messages at the start that are those of the answer before, byte for byte."""
    cached_prefix_replayed: bool


class TransformDiff(Struct, frozen=True, kw_only=True):
    """What one kind of compression did."""

    transform_name: str
    tokens_before: int
    tokens_after: int
    tokens_saved: int
    items_removed: int
    """Tool outputs of which something was left out."""
    items_kept: int
    """Tool outputs that are whole, in another form."""
    details: str
    duration_ms: float | None = None
    """Kinds are not timed one by one."""


class DiffArtifact(Struct, frozen=True, kw_only=True):
    """What compression did, kind by kind."""

    request_id: str
    original_tokens: int
    optimized_tokens: int
    total_tokens_saved: int
    transforms: list[TransformDiff]


class Compressed(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Messages ready to send. The fields from `transforms` on are those of a simulation."""

    messages: list[Raw]
    tokens_before: int
    tokens_after: int
    tokens_saved: int
    compression_ratio: float
    """Tokens left: after / before, 1 for no messages; as in TypeScript."""
    fraction_saved: float
    """Tokens gone: 1 - compression_ratio; what Python's SDK calls compression ratio."""
    transforms_applied: list[str]
    transforms_summary: dict[str, int]
    """Tool outputs by what was done to them."""
    ccr_hashes: list[str]
    """Names of the originals of what was left out, for /v1/retrieve."""
    cache_breakpoints: list[int]
    """Indexes of messages after which a cache breakpoint pays; at most 4."""
    lossless: bool
    over_budget: bool
    """What must stay exceeds the budget by itself."""
    session: SessionState | UnsetType = UNSET
    compression_skipped: bool = False
    skip_reason: str | None = None
    """Why the messages are those that came."""
    transforms: list[str] | UnsetType = UNSET
    savings_percent: float | UnsetType = UNSET
    estimated_savings: str | UnsetType = UNSET
    estimated_savings_usd: float | UnsetType | None = UNSET
    messages_optimized: list[Raw] | UnsetType = UNSET
    block_breakdown: dict[str, int] | UnsetType = UNSET
    waste_signals: dict[str, int] | UnsetType = UNSET
    stable_prefix_hash: str | UnsetType = UNSET
    cache_alignment_score: float | UnsetType = UNSET
    diff_artifact: DiffArtifact | UnsetType = UNSET


class Used(Struct, frozen=True):
    """Whether a session took note of what the provider reported."""

    session_id: str
    frozen_message_count: int
    applied: bool


class Retrieved(Struct, frozen=True, kw_only=True):
    """An original."""

    hash: str
    original_content: str
    original_tokens: int
    original_item_count: int
    """Its lines."""
    compressed_item_count: int
    """Lines that stand in its place, by the share of its tokens that does."""
    compressed_tokens: int
    tool_name: str
    retrieval_count: int


class FoundPassage(Struct, frozen=True):
    """A part of an original, best first."""

    text: str
    start_line: int
    end_line: int
    score: float


class Found(Struct, frozen=True):
    """The passages of an original that a query is about."""

    hash: str
    query: str
    results: list[FoundPassage]
    count: int


class ToolAnswer(Struct, frozen=True):
    """What to give the model as the result of its call."""

    tool_result: dict[str, Any]
    """A message or block of the provider's shape."""
    success: bool
    data: dict[str, Any]
