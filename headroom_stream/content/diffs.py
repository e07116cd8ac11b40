"""Patches: the line `diff --git` goes where the lines `---` and `+++` under it say the same. Everything else stays as it is."""

from __future__ import annotations

import re

from headroom_stream.config.cuts import DiffsConfig
from headroom_stream.content import Compressed, Hints

_HEADER = re.compile(
    r"^diff --git a/[^\n]{1,500} b/(?P<path>[^\n]{1,500})\n"
    r"(?P<rest>(?:(?:new|deleted) file mode [0-7]{6}\n)?index [0-9a-f]{7,40}\.\.[0-9a-f]{7,40}(?: [0-7]{6})?\n"
    r"(?:--- a/(?P=path)\n\+\+\+ b/(?P=path)|--- /dev/null\n\+\+\+ b/(?P=path)|--- a/(?P=path)\n\+\+\+ /dev/null)\n)",
    re.MULTILINE,
)


def compress(text: str, hints: Hints, config: DiffsConfig) -> Compressed | None:  # noqa: ARG001  # every compressor has this signature
    """`text` without the lines that only repeat a path, or None if it is no patch of git's."""
    if not config.enabled or "\nindex " not in text or "diff --git " not in text:
        return None
    short = _HEADER.sub(r"\g<rest>", text)
    return Compressed(text=short, kind="diffs", lossless=True) if len(short) < len(text) else None
