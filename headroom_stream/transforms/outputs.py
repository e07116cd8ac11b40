"""Compresses one tool output when it arrives. What comes out is final for the epoch: later turns only append."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from typing import Literal

from msgspec import Struct, structs

from headroom_stream.config.crusher import SmartCrusherConfig
from headroom_stream.config.policy import CrushConfig, Policy, for_tool
from headroom_stream.content import Compressed, Hints
from headroom_stream.content.budget import fit
from headroom_stream.content.detect import compress_text
from headroom_stream.content.large import LARGE
from headroom_stream.references import Mark, Shown, refer
from headroom_stream.references.shown import digest
from headroom_stream.tokens import Tokenizer
from headroom_stream.transforms.crush.cut import crush_records

MIN_LOSSY_GAIN = 12
"""Tokens that a lossy step has to save. Keeping an original costs a row for ever, which a few blanks are not worth."""
MARKER_TOKENS = 40
"""Room in a budget for the line that says what was left out."""
MIN_REFERENCE_GAIN = 6
"""Tokens that references have to save: a reader has to look them up."""

Compressor = Callable[[str, Hints, Policy], Compressed | None]


class Decision(Struct, frozen=True, kw_only=True):
    """What was done to a tool output, and why."""

    text: str
    """To send."""
    action: Literal["compressed", "kept", "failed"]
    tokens_before: int
    tokens_after: int
    kind: str = ""
    reason: str = ""
    lossless: bool = True
    ref: str = ""
    """Name of the original, where the text does not say everything any more."""
    compact: bool = False
    """Whether the text, but for a marker below it, can be read back with `records.restore`."""
    marks: tuple[Mark, ...] = ()
    """Where the text points at earlier outputs."""
    repeats: bytes = b""
    """Digest of the text before references were put into it, if any were."""


def reference(tenant: str, session_id: str, text: str) -> str:
    """Name of an original: 12 hex digits, the same for the same text of a session."""
    return hashlib.blake2b(f"{tenant}\0{session_id}\0{text}".encode(errors="replace"), digest_size=6).hexdigest()


def compress_output(
    text: str,
    hints: Hints,
    policy: Policy,
    tokenizer: Tokenizer,
    *,
    ref: Callable[[str], str],
    shown: Shown | None = None,
    compress: Compressor = compress_text,
) -> Decision:
    """The shortest form of a tool output under `policy`; the output as it came where nothing pays.

    What `shown` knows from earlier outputs is pointed at. A compressor that raises, or that would enlarge the output, leaves it alone,
    and the decision says so.
    """
    before = tokenizer.count(text)
    if before < policy.min_tokens:
        return kept(text, before, "small")
    own = for_tool(policy, hints.tool)
    if own is None:
        return kept(text, before, "protected tool")
    made = _compressed(text, before, hints, own, tokenizer, ref, compress)
    return made if shown is None else _referred(made, shown, own, tokenizer)


def kept(text: str, tokens: int, reason: str, action: Literal["kept", "failed"] = "kept", kind: str = "") -> Decision:
    """The decision to leave an output of so many tokens as it came."""
    return Decision(text=text, action=action, tokens_before=tokens, tokens_after=tokens, kind=kind, reason=reason)


def _compressed(
    text: str, before: int, hints: Hints, policy: Policy, tokenizer: Tokenizer, ref: Callable[[str], str], compress: Compressor
) -> Decision:
    try:
        result = _shortest(text, before, hints, policy, tokenizer, compress)
    except Exception as error:  # noqa: BLE001 - a fault in a compressor must not cost the agent its turn: the output goes as it came
        return kept(text, before, f"{type(error).__name__} in a compressor", "failed")
    if result is None:
        return kept(text, before, "nothing to gain")
    # White space and escapes that no reader sees need no marker, but the original is kept all the same.
    name = "" if result.lossless else ref(text)
    short, removed = result.text, result.removed
    if name and not short.strip() and text.strip():
        # Nothing can be seen of it, but providers refuse a text of nothing.
        short = f"[{removed or f'{len(text)} characters that show nothing'} left out, original {name}]"
    elif removed:
        short = f"{short}\n[{removed} left out, original {name}]"
    after = tokenizer.count_within(short, text, before)
    if after > before - (1 if result.lossless else MIN_LOSSY_GAIN):
        return kept(text, before, "would not shrink", kind=result.kind)
    return Decision(
        text=short,
        action="compressed",
        tokens_before=before,
        tokens_after=after,
        kind=result.kind,
        lossless=result.lossless,
        ref=name,
        compact=result.compact,
    )


def _shortest(
    text: str, before: int, hints: Hints, policy: Policy, tokenizer: Tokenizer, compress: Compressor
) -> Compressed | None:
    made = compress(text, hints, policy)
    if not policy.lossy:
        return None if made is not None and made.removed else made
    if policy.crush.enabled and before >= policy.crush.min_tokens and len(text) <= LARGE:
        crushed = crush_records(text, hints, _crusher(policy.crush))
        made = min((one for one in (made, crushed) if one is not None), key=lambda one: len(one.text), default=None)
    if policy.output_tokens is not None:
        room = max(1, policy.output_tokens - MARKER_TOKENS)
        cut = fit(text if made is None else made.text, hints, room, tokenizer.count)
        if cut is not None:
            removed = ", ".join(one.removed for one in (made, cut) if one is not None and one.removed)
            made = structs.replace(cut, kind=made.kind if made else cut.kind, removed=removed)
    return made


@lru_cache(maxsize=64)
def _crusher(config: CrushConfig) -> SmartCrusherConfig:
    """The settings of a policy under the names of the page."""
    return SmartCrusherConfig(
        min_tokens_to_crush=config.min_tokens,
        max_items_after_crush=config.max_items,
        keep_first=config.keep_first,
        keep_last=config.keep_last,
        relevance_threshold=config.relevance_threshold,
        anomaly_std_threshold=config.anomaly_std_threshold,
        preserve_errors=config.preserve_errors,
    )


def _referred(made: Decision, shown: Shown, policy: Policy, tokenizer: Tokenizer) -> Decision:
    try:
        sent = refer(made.text, shown, policy.references)
    except Exception as error:  # noqa: BLE001 - as above
        return structs.replace(made, reason=f"{type(error).__name__} in references")
    if sent is None:
        return made
    after = tokenizer.count(sent.text)
    if after > made.tokens_after - MIN_REFERENCE_GAIN:
        return made
    return structs.replace(
        made,
        text=sent.text,
        action="compressed",
        tokens_after=after,
        kind="references" if made.tokens_after - after >= made.tokens_before - made.tokens_after else made.kind,
        reason="",
        marks=sent.marks,
        repeats=digest(made.text),
    )
