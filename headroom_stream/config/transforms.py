"""What the transforms of whole conversations do when they are used directly, under the names of the API page."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated

from msgspec import Meta

from headroom_stream.config.aliases import Alias, PageConfig, Refused
from headroom_stream.config.crusher import SmartCrusherConfig
from headroom_stream.results import Mode

Count = Annotated[int, Meta(ge=0)]
Positive = Annotated[int, Meta(ge=1)]
Weight = Annotated[float, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]

_NO_SUMMARIES = "no model is called here; what leaves is named by a marker and kept in the result's originals"
_NO_TIERS = "what leaves is in the result's originals; keep them where you like"


class CacheAlignerConfig(PageConfig):
    """What leaves the system prompt so that its start is the same at every call."""

    enabled: bool = True
    """False: `align` only reports."""
    extract_dates: bool = True
    """Whether dates and times leave: those of "today is" and the like and time stamps at once, others when they are seen to change."""
    normalize_whitespace: bool = True
    """Whether blanks that end lines and blank lines after the first go. Code and JSON keep theirs."""
    stable_prefix_min_tokens: Count = 100
    """A system prompt with fewer tokens is left alone: no provider caches it."""
    dynamic_patterns: list[str] = field(default_factory=list)
    """Regular expressions of values that leave at once. With a group, the first group is the value."""

    use_dynamic_detector = Refused("values that change are found by comparing calls, which needs no switch")
    detection_tiers = Refused("values that change are found by comparing calls, with no tiers")
    extra_dynamic_labels = Refused("give a pattern with a group in dynamic_patterns, such as 'session: (\\S+)'")
    entropy_threshold = Refused("a random value is one that changes between calls, whatever it looks like")
    date_patterns = Refused("give further patterns in dynamic_patterns")
    collapse_blank_lines = Refused("normalize_whitespace does that too")
    dynamic_tail_separator = Refused("the values stand in a message of their own at the end")


class RollingWindowConfig(PageConfig):
    """A token budget, kept by leaving out whole rounds."""

    enabled: bool = True
    """False: `apply` leaves everything as it is."""
    max_tokens: Positive = 100_000
    """Of the whole context. `apply(max_tokens=…)` takes its place."""
    preserve_system: bool = True
    """Whether system messages stay, wherever they stand."""
    preserve_recent_turns: Count = 5
    """Rounds at the end that go last. The very last round stays whatever the budget."""
    drop_oldest_first: bool = True
    """False: the beginning stays longest, and what lies just before the recent turns goes first."""
    output_buffer_tokens: Count = 4_000
    """Kept free for the answer where the budget comes from a model's limit."""

    keep_system = Alias[bool]("preserve_system")
    keep_last_turns = Alias[int]("preserve_recent_turns")


class ScoringWeights(PageConfig):
    """What makes a round important. Only proportions count."""

    recency: Weight = 0.20
    """How near the end it is."""
    semantic_similarity: Weight = 0.20
    """How near to what the agent looks for."""
    toin_importance: Weight = 0.25
    """How often outputs of its tools were used before."""
    error_indicator: Weight = 0.15
    """Whether it tells of an error."""
    forward_reference: Weight = 0.15
    """How much of it is named again later."""
    token_density: Weight = 0.05
    """How little it repeats itself."""

    def normalized(self) -> ScoringWeights:
        """The same proportions with sum 1; the defaults where all are 0."""
        values = [getattr(self, f.name) for f in self._fields]
        total = sum(values)
        if not total:
            return ScoringWeights()
        return ScoringWeights(**{f.name: value / total for f, value in zip(self._fields, values, strict=True)})


class IntelligentContextConfig(PageConfig):
    """A token budget, kept by leaving out what matters least."""

    enabled: bool = False
    """Whether the pipeline of a `HeadroomConfig` leaves out by importance, and not by age. A manager that you build works either way."""
    keep_system: bool = True
    """Whether system messages stay, wherever they stand."""
    keep_last_turns: Count = 2
    """Rounds at the end that go last. The very last round stays whatever the budget."""
    output_buffer_tokens: Count = 4_000
    """Kept free for the answer: the budget is the model's limit less this."""
    use_importance_scoring: bool = True
    """False: the oldest go first, as in a rolling window."""
    scoring_weights: ScoringWeights = field(default_factory=ScoringWeights)
    recency_decay_rate: Weight = 0.1
    """A round's recency is e^(-rate · rounds after it)."""
    toin_integration: bool = True
    """Whether learned use counts, where a manager is given some."""
    toin_confidence_threshold: Share = 0.3
    """What is learned with less confidence than this does not count."""
    compress_threshold: Annotated[float, Meta(ge=0)] = 0.10
    """Where the context exceeds its budget by at most this share of it, tool outputs are compressed before anything leaves."""

    preserve_system = Alias[bool]("keep_system")
    preserve_recent_turns = Alias[int]("keep_last_turns")
    summarization_enabled = Refused(_NO_SUMMARIES)
    summarization_model = Refused(_NO_SUMMARIES)
    summary_max_tokens = Refused(_NO_SUMMARIES)
    summarize_threshold = Refused(_NO_SUMMARIES)
    memory_tiers_enabled = Refused(_NO_TIERS)
    warm_tier_enabled = Refused(_NO_TIERS)
    cold_tier_enabled = Refused(_NO_TIERS)


class HeadroomConfig(PageConfig):
    """Everything that the default pipeline does."""

    smart_crusher: SmartCrusherConfig = field(default_factory=SmartCrusherConfig)
    cache_aligner: CacheAlignerConfig = field(default_factory=CacheAlignerConfig)
    rolling_window: RollingWindowConfig = field(default_factory=RollingWindowConfig)
    intelligent_context: IntelligentContextConfig = field(default_factory=IntelligentContextConfig)
    model_context_limits: dict[str, Positive] = field(default_factory=dict)
    """Tokens that a model takes, by its name, for calls that name a model and no limit."""
    output_buffer_tokens: Count | None = None
    """Kept free for the answer, in place of what the transforms say; null: what they say."""
    generate_diff_artifact: bool = False
    """Whether results say what each transform did."""
    store_url: str | None = None
    """Of a `HeadroomClient` that is given none itself; a pipeline stores nothing."""
    default_mode: Mode | None = None
    """Of a `HeadroomClient` that is given none itself; a pipeline has none."""

    cache_optimizer = Refused("give enable_cache_optimizer to HeadroomClient")
    ccr = Refused("what is left out is always named by a marker, and comes back by retrieve")
    tool_crusher = Refused("smart_crusher does it; tool_profiles of a call say which tools it leaves alone")
    prefix_freeze = Refused("give frozen_message_count with a call")
    content_router_enabled = Refused("the kind of a content is always found from the content")
    intercept_tool_results = Refused("tool results are compressed where they stand")
    pipeline_extensions = Refused("give the transforms to TransformPipeline")
    discover_pipeline_extensions = Refused("give the transforms to TransformPipeline")
    rollout = Refused("every call is treated alike")
