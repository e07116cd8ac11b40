"""Long unbroken runs (base64, hexadecimal, minified code) by what they are and how long: `<base64 png, 12,345 characters>`."""

from __future__ import annotations

import re

from headroom_stream.config.policy import BlobsConfig
from headroom_stream.content import Compressed, Hints

_RUN = re.compile(r"(?:data:(?P<media>[\w.+/-]{1,60});base64,)?(?<![A-Za-z0-9+/_=-])(?P<run>[A-Za-z0-9+/_=-]{200,}+)")
_BASE64 = re.compile(r"(?=[^\n]{0,400}[A-Z])(?=[^\n]{0,400}[a-z])(?=[^\n]{0,400}[0-9+/])[A-Za-z0-9+/_-]+={0,2}")
_HEX = re.compile(r"[0-9a-fA-F]+")
_STARTS = {
    "iVBORw0KGg": "png",
    "/9j/": "jpeg",
    "R0lGOD": "gif",
    "UklGR": "webp",
    "JVBERi0": "pdf",
    "UEsDB": "zip",
    "H4sIA": "gzip",
}
_SHOWN = 24
"""Characters shown of the beginning: enough to compare two of them."""
_UNBROKEN = 100
"""Characters without a blank, from some multiple of them on, that every run has, and lines of base64: most texts have none."""
_WRAPPED = re.compile(r"(?:^[A-Za-z0-9+/]{60,76}\n){8,}+(?:[A-Za-z0-9+/]{1,76}={0,2}(?:\n|\Z))?", re.MULTILINE)
"""Base64 in lines, as of certificates and mail."""


def compress(text: str, hints: Hints, config: BlobsConfig) -> Compressed | None:  # noqa: ARG001  # every compressor has this signature
    """`text` with blobs of `min_characters` named instead of shown, or None if it has none."""
    if not config.enabled or len(text) < config.min_characters or not _may_hold_blobs(text, config.min_characters):
        return None
    if not any(" " not in text[at : at + _UNBROKEN] for at in range(0, len(text) - _UNBROKEN + 1, _UNBROKEN)):
        return None
    found: list[str] = []

    def named(blob: re.Match[str]) -> str:
        parts = blob.groupdict()
        run = parts.get("run") or blob.group()
        what = _what(run)
        if len(run) < config.min_characters or what is None:
            return blob.group()
        found.append(what)
        name = f"<{parts.get('media') or what}, {len(run):,} characters, {run[:_SHOWN]}…>"
        return name + "\n" * blob.group().endswith("\n")

    short = _RUN.sub(named, _WRAPPED.sub(named, text))
    if not found:
        return None
    return Compressed(text=short, kind="blobs", lossless=False, removed=f"{len(found)} blob{'s' * (len(found) > 1)}")


def _may_hold_blobs(text: str, least: int) -> bool:
    """Whether a line is long enough, or lines of base64 are near: they stand under a heading, or nothing has blanks."""
    return "-----BEGIN " in text or "base64" in text or text.count(" ") * 50 < len(text) or _has_long_line(text, least)


def _has_long_line(text: str, least: int) -> bool:
    """Whether a line has `least` characters: that many without a break between, looked for from the last break among so many."""
    at = 0
    while at + least <= len(text):
        broken = text.rfind("\n", at, at + least)
        if broken < 0:
            return True
        at = broken + 1
    return False


def _what(run: str) -> str | None:
    """What an unbroken run is, by evidence; None for words and identifiers."""
    if _HEX.fullmatch(run):
        return "hex"
    if _BASE64.fullmatch(run) or ("\n" in run and _BASE64.fullmatch(run.replace("\n", ""))):
        kind = next((kind for start, kind in _STARTS.items() if run.startswith(start)), "")
        return f"base64 {kind}".rstrip()
    return None
