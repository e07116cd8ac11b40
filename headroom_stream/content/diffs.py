"""Patches: lines that tell of the bytes of a file and not of the change go. Hunks, `+`, `-` and context stay as they are."""

from __future__ import annotations

import re

from headroom_stream.config.policy import DiffsConfig
from headroom_stream.content import Compressed, Hints

_HEADER = re.compile(
    r"^diff --git a/(?P<old>[^\n]{1,500}) b/(?P<new>[^\n]{1,500})\n(?P<modes>(?:(?:new|deleted) file mode [0-7]{6}\n)?)"
    r"index [0-9a-f]{7,40}\.\.[0-9a-f]{7,40}(?: [0-7]{6})?\n--- (?P<before>[^\n]{1,500})\n\+\+\+ (?P<after>[^\n]{1,500})\n",
    re.MULTILINE,
)


def compress(text: str, hints: Hints, config: DiffsConfig) -> Compressed | None:  # noqa: ARG001  # every compressor has this signature
    """`text` with the two lines `---` and `+++` for the head of each file, or None if it is no patch of git's."""
    if not config.enabled or "\nindex " not in text or "diff --git " not in text:
        return None
    short = _HEADER.sub(_head, text)
    return Compressed(text=short, kind="diffs", lossless=False) if len(short) < len(text) else None


def _head(header: re.Match[str]) -> str:
    """`---` and `+++` name both paths; a new or deleted file has /dev/null as one of them."""
    return f"--- {header['before']}\n+++ {header['after']}\n"
