"""Settings of the npm package's config types that ask for nothing here, as long as they have their usual values.

A program in TypeScript may spell out the whole config. What it says of machinery that there is none of here is taken where it is what the
package's documentation shows or the original has by itself, and refused by name where it asks for something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headroom_stream.errors import ConfigurationError

_LEARNT = "what was learnt of a tool is used as policy.learning says"
_ENDS = "keep_first and keep_last say how many items of each end stay"
_SCORER = "the question's words are scored by BM25; relevance_threshold says from which score on items stay"
_COMPARED = "values that change are found by comparing calls"
_ORIGINALS = "gateway.originals_bytes and gateway.originals_s of the gateway's own settings say what is kept, and for how long"
_NO_ANSWERS = "answers of models are not kept"
_SUMMARIES = "no model is called here; what leaves is named by a marker"
_PREFIX = "a session keeps what was sent; frozen_message_count says what else stays"

Usual = dict[str, tuple[tuple[Any, ...], str]]
_USUAL: dict[str, Usual] = {
    "smart_crusher": {
        "use_feedback_hints": ((True,), _LEARNT),
        "toin_confidence_threshold": ((0.3, 0.5), _LEARNT),
        "first_fraction": ((0.3,), _ENDS),
        "last_fraction": ((0.15,), _ENDS),
        "relevance.tier": (("hybrid", "bm25"), _SCORER),
        "relevance.bm25_k1": ((1.5,), _SCORER),
        "relevance.bm25_b": ((0.75,), _SCORER),
        "relevance.embedding_model": ((None,), _SCORER),
        "relevance.hybrid_alpha": ((0.5,), _SCORER),
        "relevance.adaptive_alpha": ((True,), _SCORER),
        "relevance.relevance_threshold": ((0.25,), _SCORER),
        "anchor.anchor_budget_pct": ((0.25,), _ENDS),
        "anchor.min_anchor_slots": ((3,), _ENDS),
        "anchor.max_anchor_slots": ((12,), _ENDS),
        "anchor.default_front_weight": ((0.5,), _ENDS),
        "anchor.default_back_weight": ((0.4,), _ENDS),
        "anchor.default_middle_weight": ((0.1,), _ENDS),
        "anchor.use_information_density": ((True,), _ENDS),
        "anchor.dedup_identical_items": ((True,), _ENDS),
    },
    "cache_aligner": {
        "use_dynamic_detector": ((True,), _COMPARED),
        "detection_tiers": ((["regex"],), _COMPARED),
        "extra_dynamic_labels": (([],), _COMPARED),
        "entropy_threshold": ((0.7,), _COMPARED),
        "date_patterns": (([],), "no regular expressions over HTTP, since one can take for ever"),
        "collapse_blank_lines": ((True,), "normalize_whitespace does that too"),
        "dynamic_tail_separator": (("\n\n---\n[Dynamic Context]\n",), "the values stand in a message of their own at the end"),
    },
    "intelligent_context": {
        "summarization_enabled": ((False,), _SUMMARIES),
        "summarization_model": ((None,), _SUMMARIES),
        "summary_max_tokens": ((500,), _SUMMARIES),
        "summarize_threshold": ((0.25,), _SUMMARIES),
    },
    "cache_optimizer": {
        "auto_detect_provider": ((True,), "the shape of the messages says whose they are"),
        "min_cacheable_tokens": ((1024,), "breakpoints are placed where the provider's own least size lets them pay"),
        "enable_semantic_cache": ((False,), _NO_ANSWERS),
        "semantic_cache_similarity": ((0.95,), _NO_ANSWERS),
        "semantic_cache_max_entries": ((1000,), _NO_ANSWERS),
        "semantic_cache_ttl_seconds": ((300,), _NO_ANSWERS),
    },
    "ccr": {
        "store_max_entries": ((1000,), _ORIGINALS),
        "store_ttl_seconds": ((1800,), _ORIGINALS),
        "min_items_to_cache": ((20,), _ORIGINALS),
        "feedback_enabled": ((True,), _LEARNT),
        "inject_retrieval_marker": ((True,), "what is left out always has a marker"),
        "inject_tool": ((True,), "an answer holds messages, no tools; give the model a tool headroom_retrieve that takes a hash"),
        "inject_system_instructions": ((False,), "system messages stay as they are"),
        "marker_template": ((), "markers are the same everywhere"),
    },
    "prefix_freeze": {
        "enabled": ((True,), _PREFIX),
        "min_cached_tokens": ((1024,), _PREFIX),
        "session_ttl_seconds": ((600,), _PREFIX),
        "force_compress_threshold": ((0.5,), _PREFIX),
    },
}
SECTIONS = frozenset(_USUAL)
"""Those that have any."""
_NESTED = {name.partition(".")[0] for usual in _USUAL.values() for name in usual if "." in name}


def without_usual(section: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """A section of a config without such settings. Raises ConfigurationError for one that has another value than its usual ones."""
    usual, out = _USUAL[section], {}
    for name, value in _flat(given).items():
        if name not in usual:
            out[name] = value
        elif not any(value is one or (value == one and type(value) is type(one)) or _equal(value, one) for one in usual[name][0]):
            raise ConfigurationError(f"config.{section}.{name}: {usual[name][1]}")
    return out


def _flat(given: Mapping[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, value in given.items():
        if name in _NESTED and isinstance(value, dict):
            out |= {f"{name}.{key}": one for key, one in value.items()}
        else:
            out[name] = value
    return out


def _equal(value: Any, usual: Any) -> bool:
    """Equal as numbers: TypeScript does not tell 2 from 2.0."""
    both = (value, usual)
    return all(isinstance(one, int | float) and not isinstance(one, bool) for one in both) and value == usual
