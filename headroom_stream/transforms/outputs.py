"""Compresses one tool output when it arrives. What comes out is final for the epoch: later turns only append."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from headroom_stream.config import Policy
from headroom_stream.content import Compressed, Hints
from headroom_stream.content.detect import compress_text
from headroom_stream.tokens import Tokenizer

MIN_LOSSY_GAIN = 12
"""Tokens that a lossy step has to save. Keeping an original costs a row for ever, which a few blanks are not worth."""

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
    compress: Compressor = compress_text,
) -> Decision:
    """The shortest form of a tool output under `policy`; the output as it came where nothing pays.

    A compressor that raises, or that would enlarge the output, leaves it alone, and the decision says so.
    """
    before = tokenizer.count(text)

    def kept(reason: str, action: Literal["kept", "failed"] = "kept", kind: str = "") -> Decision:
        return Decision(text=text, action=action, tokens_before=before, tokens_after=before, kind=kind, reason=reason)

    if before < policy.min_tokens:
        return kept("small")
    if hints.tool in policy.protected_tools:
        return kept("protected tool")
    try:
        result = compress(text, hints, policy)
    except Exception as error:  # noqa: BLE001 - a fault in a compressor must not cost the agent its turn: the output goes as it came
        return kept(f"{type(error).__name__} in a compressor", "failed")
    if result is None:
        return kept("nothing to gain")
    # White space and escapes that no reader sees need no marker, but the original is kept all the same.
    name = "" if result.lossless else ref(text)
    shown = f"{result.text}\n[{result.removed} left out, original {name}]" if result.removed else result.text
    after = tokenizer.count(shown)
    if after > before - (1 if result.lossless else MIN_LOSSY_GAIN):
        return kept("would not shrink", kind=result.kind)
    return Decision(
        text=shown,
        action="compressed",
        tokens_before=before,
        tokens_after=after,
        kind=result.kind,
        lossless=result.lossless,
        ref=name,
    )
