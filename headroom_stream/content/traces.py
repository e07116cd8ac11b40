"""Frames of Python's stack traces as `  path:12 in function`. Nothing is left out."""

from __future__ import annotations

import re

from headroom_stream.config.cuts import TracesConfig
from headroom_stream.content import Compressed, Hints

_OPENING = re.compile(r"^(?:Traceback \(most recent call last\):|Exception occurred:)$", re.MULTILINE)
"""At the start of a line: in a docstring or in documentation it is indented, and there it belongs to code."""
_FRAME = re.compile(r'^  File "(?P<path>[^"\n]{1,500})", line (?P<line>[0-9]{1,9})(?:, in (?P<name>[^\n]{1,300}))?$', re.MULTILINE)


def compress(text: str, hints: Hints, config: TracesConfig) -> Compressed | None:  # noqa: ARG001  # every compressor has this signature
    """`text` with short frames, or None if it holds no trace."""
    if not config.enabled or '\n  File "' not in text or not is_trace(text):
        return None
    return Compressed(text=_FRAME.sub(_short, text), kind="traces", lossless=True)


def is_trace(text: str) -> bool:
    """Whether the text holds a stack trace, with short frames or as it was printed."""
    return _OPENING.search(text) is not None


def _short(frame: re.Match[str]) -> str:
    place = f"  {frame['path']}:{frame['line']}"
    return place if frame["name"] is None else f"{place} in {frame['name']}"
