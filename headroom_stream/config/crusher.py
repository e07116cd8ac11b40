"""What `SmartCrusher` keeps of a list, and which scorer finds the items that matter to a query."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Literal

from msgspec import Meta

from headroom_stream.config.aliases import Alias, PageConfig, Refused

ScorerType = Literal["bm25", "embedding", "hybrid"]
Count = Annotated[int, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]


class RelevanceScorerConfig(PageConfig):
    """Which scorer ranks items, and how it weighs them."""

    scorer_type: ScorerType = "bm25"
    bm25_k1: Annotated[float, Meta(gt=0)] = 1.5
    """How soon a further occurrence of a word stops to count."""
    bm25_b: Share = 0.75
    """How much longer items are marked down: 0 not at all, 1 in proportion to their length."""
    embedding_model: str | None = None
    """Name of a model that `fastembed` knows; null: the default of `headroom_stream.embeddings`."""
    hybrid_alpha: Share = 0.5
    """Share of BM25 in a hybrid score; the rest is the embedding's."""
    adaptive_alpha: bool = True
    """Whether a query with identifiers, which embeddings do not see, raises the share of BM25."""
    relevance_threshold: Share | None = None
    """Takes the place of `SmartCrusherConfig.relevance_threshold`; null: that one holds."""

    tier = Alias[ScorerType]("scorer_type")


class SmartCrusherConfig(PageConfig):
    """What stays of a long list of items. Whatever the cap, errors, anomalies and items that the query names stay."""

    enabled: bool = True
    """False: `apply` and `crush` leave everything as it is."""
    min_tokens_to_crush: Count = 200
    """Smaller texts are left alone."""
    min_items_to_analyze: Annotated[int, Meta(ge=1)] = 5
    """Lists with fewer items lose none."""
    max_items_after_crush: Annotated[int, Meta(ge=1)] = 50
    """Items of one list that stay, unless those that have to stay are more."""
    keep_first: Count = 3
    """Items at the start that stay."""
    keep_last: Count = 2
    """Items at the end that stay."""
    relevance_threshold: Share = 0.3
    """Items with at least this score for the query stay, best first, as far as the cap allows."""
    relevance_tier: ScorerType = "bm25"
    """The scorer where neither a scorer nor a `RelevanceScorerConfig` is given."""
    anomaly_std_threshold: Annotated[float, Meta(gt=0)] = 2.0
    """Numbers further than this many standard deviations from the middle of their field are anomalies."""
    uniqueness_threshold: Share = 0.1
    """A field with at most this share of distinct values is a category, whose rare values stay."""
    similarity_threshold: Share = 0.8
    """Items that share at least this much of their words are shown once, with how many more there are."""
    preserve_errors: bool = True
    """Whether items that tell of an error stay."""
    preserve_change_points: bool = True
    """Whether items stay where a series of numbers moves to another level."""
    dedup_identical_items: bool = True
    """Whether equal items are shown once, with how many there are."""
    factor_out_constants: bool = False
    """Whether fields that are the same in all items stand once above them."""
    include_summaries: bool = False
    """Whether the range and the commonest values of what was left out are told."""
    lossless_min_savings_ratio: Share = 0.15
    """The compact notation is used where it saves at least this share of the JSON; else items stay JSON."""
    lossless_only: bool = False
    """Never leave an item out."""
    protected_patterns: list[str] = field(default_factory=list)
    """Regular expressions; items whose JSON matches one stay."""

    variance_threshold = Alias[float]("anomaly_std_threshold")
    use_feedback_hints = Refused("nothing is learnt here; see IntelligentContextConfig.toin_integration")
    toin_confidence_threshold = Refused("nothing is learnt here; see IntelligentContextConfig.toin_integration")
    relevance = Refused("give it as SmartCrusher(relevance_config=...)")
    anchor = Refused("keep_first and keep_last say how many items of each end stay")
    first_fraction = Refused("keep_first says how many items stay, whatever the length of the list")
    last_fraction = Refused("keep_last says how many items stay, whatever the length of the list")
    audit_safe = Refused("lossless_only keeps every item, protected_patterns those that you name")
    compaction_core_field_fraction = Refused("tables are made where columns cost less than the keys they save")
    compaction_heterogeneous_core_ratio = Refused("tables are made where columns cost less than the keys they save")
    compaction_max_flatten_inner_keys = Refused("nested objects become columns where that costs less, however many keys they have")
    compaction_min_buckets = Refused("lists are not split into tables by kind")
    compaction_max_buckets = Refused("lists are not split into tables by kind")
