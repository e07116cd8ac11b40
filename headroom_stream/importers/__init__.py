"""Transcripts people already have, as turn events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Literal

from headroom_stream.importers import anthropic, claude_code, openai, turns
from headroom_stream.importers.detect import Detection, Format, detect
from headroom_stream.importers.session import Session
from headroom_stream.importers.source import Document, documents

__all__ = ["FORMATS", "Detection", "Format", "Session", "detect_file", "read"]

FORMATS: dict[Format, Callable[[Iterable[Document]], Iterator[Session]]] = {
    "openai": openai.sessions,
    "anthropic": anthropic.sessions,
    "claude-code": claude_code.sessions,
    "turns": turns.sessions,
}
"""Readers by the name that `--format` takes."""


def detect_file(path: str | Path) -> Detection:
    """What format a file has, and the evidence. Reads its beginning only. Raises ImportFormatError."""
    return detect(documents(Path(path)))


def read(path: str | Path, *, format: Format | Literal["auto"] = "auto", limit: int | None = None) -> Iterator[Session]:  # noqa: A002 - the flag's name
    """The conversations of a file, at most `limit`; `auto` decides by `detect_file`.

    The file may be JSON lines, one JSON value, or gzip of either. JSON lines are read one at a time.
    Raises ImportFormatError, which names file and line.
    """
    chosen = detect_file(path).format if format == "auto" else format
    return islice(FORMATS[chosen](documents(Path(path))), limit)
