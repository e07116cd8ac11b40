"""What a transform of messages returns, and what every transform is to a pipeline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from msgspec import Struct, field

from headroom_stream.results import MessageDecision, WasteSignals
from headroom_stream.tokens import Tokenizer

Message = dict[str, Any]
"""A chat message of OpenAI, Anthropic or Gemini, as their clients take it."""
Clock = Callable[[], float]
"""Seconds since some moment, such as `time.perf_counter`. The core reads no clock: who wants durations hands one in."""


class CachePrefixMetrics(Struct, frozen=True, kw_only=True):
    """The start of a context that can be the same at the next call, which is what a provider's prompt cache needs."""

    stable_prefix_bytes: int
    stable_prefix_tokens_est: int
    """By the tokenizer at hand; "est" because providers add a frame of their own."""
    stable_prefix_hash: str
    """Equal for equal prefixes, in any process. Empty: there is none."""
    prefix_changed: bool = False
    """Whether it differs from that of the call before."""
    previous_hash: str | None = None
    """Of the call before; None at the first."""


class TransformDiff(Struct, frozen=True, kw_only=True):
    """What one transform of a pipeline did."""

    transform_name: str
    tokens_before: int
    tokens_after: int
    items_removed: int = 0
    """Messages that left."""
    items_kept: int = 0
    """Messages that stayed, markers not counted."""
    details: str = ""
    duration_ms: float | None = None
    """None where no clock was given."""

    @property
    def tokens_saved(self) -> int:
        """Negative where the transform added tokens."""
        return self.tokens_before - self.tokens_after


class DiffArtifact(Struct, frozen=True, kw_only=True):
    """What a pipeline did, transform by transform."""

    request_id: str
    original_tokens: int
    optimized_tokens: int
    transforms: tuple[TransformDiff, ...] = ()

    @property
    def total_tokens_saved(self) -> int:
        """Negative where tokens were added."""
        return self.original_tokens - self.optimized_tokens


class TransformResult(Struct, frozen=True, kw_only=True):
    """Messages after a transform, and all that is known of the way there."""

    messages: list[Message]
    """Messages that did not change are the very objects that came."""
    tokens_before: int
    """Of the whole context, by the rule of `tokens.count_message`."""
    tokens_after: int
    transforms_applied: list[str] = field(default_factory=list)
    """Names of what changed something, in order."""
    markers_inserted: list[str] = field(default_factory=list)
    """Texts put in to say what was left out."""
    warnings: list[str] = field(default_factory=list)
    """What the caller ought to know: a budget that could not be kept, a transform that failed."""
    originals: dict[str, str] = field(default_factory=dict)
    """What markers name, by reference: the text of a tool output, or a JSON list of messages. Keep it, and nothing is lost."""
    messages_removed: int = 0
    """Messages of the caller's that left."""
    units_removed: int = 0
    """Rounds that left: an assistant message with its calls and their results is one."""
    cache_metrics: CachePrefixMetrics | None = None
    diff_artifact: DiffArtifact | None = None
    timing: dict[str, float] = field(default_factory=dict)
    """Milliseconds by transform; empty where no clock was given."""
    waste_signals: WasteSignals | None = None
    """Of the messages as they came. A pipeline looks for it; a transform by itself does not, and has None."""
    message_decisions: list[MessageDecision] = field(default_factory=list)
    """What a pipeline did to each message, in order; empty where messages left or came, and of a transform by itself."""

    @property
    def tokens_saved(self) -> int:
        """Negative where tokens were added."""
        return self.tokens_before - self.tokens_after

    @property
    def transforms_summary(self) -> dict[str, int]:
        """How often each transform was applied."""
        return {name: self.transforms_applied.count(name) for name in dict.fromkeys(self.transforms_applied)}


class Transform(Protocol):
    """What a pipeline runs. Configuration goes to the constructor, what is known of one call to `apply`."""

    @property
    def name(self) -> str:
        """For `transforms_applied` and timings: `smart_crusher`."""

    def apply(self, messages: Sequence[Message], tokenizer: Tokenizer | None = None, **options: Any) -> TransformResult:
        """The messages transformed. Never changes the objects that came.

        `options` is what a pipeline knows of the call; a transform takes what concerns it and leaves the rest: `query` (str, what the
        agent looks for), `model_limit` and `output_buffer` (tokens), `frozen` (leading messages that have to stay as they are),
        `protected_tools` (names whose outputs have to stay as they are).
        """
