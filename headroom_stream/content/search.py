"""Search hits by file: `path:12:text` and `path:text`, as grep and ripgrep print them, with each path said once.

Hits in a row from one file stand under its path, without it: `12:text`, `:text`, and context lines `13-text`. A hit that stands
alone keeps its path, so that the text says what it said before. Cut are only hits whose very text many files share (translations,
licences, copies), that binary files match, and the middle of very long lines; the first ones stay, and what the query names.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import groupby

from headroom_stream.config.cuts import SearchConfig
from headroom_stream.content import Compressed, Hints
from headroom_stream.content.named import Named

_HIT = re.compile(r"(?P<path>[\w./@+~-]{1,250}?)(?::(?![/\\]{2}|:)|-(?=[0-9]{1,7}-))")
"""A path at the start of a line. Blanks are not allowed in it: prose has colons too; `tests/a.py::test_b` names a test."""
_LINE_NUMBER = re.compile(r"([:-])[0-9]{1,7}\1")
_BARE = re.compile(r"[0-9]{1,7}[:-]|:")
"""What a hit without its path begins with. Another line that does so would be read as one of the path above it."""
_BINARY = re.compile(r"grep: [^\n]{1,500}?: binary file matches\Z|Binary file [^\n]{1,500}? matches\Z")
_SHARE = 0.8
"""Of the lines, those that must be hits; the rest are separators and what grep itself says."""
_LEAST_LINE = 12
"""Characters of a line, on average. Shorter ones say hardly more than their path, and there may be a million of them."""
_WORTH = 0.75
"""The most that may be left of a text by a cut."""


def compress(text: str, hints: Hints, config: SearchConfig) -> Compressed | None:
    """`text` with hits grouped by file, or None if it holds no search hits, or no two in a row of one file."""
    if not config.enabled or text.count("\n") * _LEAST_LINE > len(text) or not _may_be_hits(text):
        return None
    lines = text.split("\n")
    known: dict[str, str] = {}
    paths = [known.setdefault(path, path) for path in map(_path, lines)]
    filled = sum(line not in ("", "--") for line in lines)
    if sum(path != "" for path in paths) < max(2, _SHARE * filled):
        return None
    grouped = _grouped(lines, paths)
    left_out = _repeated(lines, paths, config.same_text)
    left_out.difference_update(Named(hints.query, hints.intent).lines(lines) if left_out else ())
    kept = [at for at in range(len(lines)) if at not in left_out]
    shown = [_window(lines[at], config.longest) for at in kept]
    cut = _grouped(shown, [paths[at] for at in kept])
    if len(cut) <= _WORTH * len(grouped):
        long = sum(len(lines[at]) > config.longest for at in kept)
        what = [f"{len(left_out)} lines that repeat a text or tell of a binary file"] * bool(left_out)
        what += [f"parts of {long} long line{'s' * (long > 1)}"] * bool(long)
        return Compressed(text=cut, kind="search", lossless=False, removed=", ".join(what))
    return Compressed(text=grouped, kind="search", lossless=True) if len(grouped) < len(text) else None


def _window(line: str, longest: int) -> str:
    """A line of minified code, beginning and end; other lines whole."""
    if len(line) <= longest:
        return line
    return f"{line[: longest // 2]}…{line[-(longest // 4) :]}"


def _may_be_hits(text: str) -> bool:
    """Whether one of the first lines looks like a hit; most texts end here."""
    return any(_path(line) for line in text[:1000].split("\n", 4)[:4])


def _path(line: str) -> str:
    """The path that a hit begins with; empty for other lines. Of what grep says of binary files, the word before."""
    if (hit := _HIT.match(line)) is not None:
        path = hit["path"]
        if ("/" in path or "." in path[1:-1]) and not path[0].isdigit():
            return path
    return "grep:" if _BINARY.match(line) else ""


def _grouped(lines: list[str], paths: list[str]) -> str:
    out: list[str] = []
    for path, run in groupby(range(len(lines)), key=paths.__getitem__):
        places = list(run)
        end = places[-1] + 1
        if path in ("", "grep:") or len(places) < 2 or (end < len(lines) and not paths[end] and _BARE.match(lines[end])):
            out += [lines[at] for at in places]
            continue
        out.append(path)
        for at in places:
            start = len(path)
            out.append(lines[at][start + 1 if _LINE_NUMBER.match(lines[at], start) else start :])
    return "\n".join(out)


def _repeated(lines: list[str], paths: list[str], allowed: int) -> set[int]:
    """The places of hits whose text stood before in `allowed` other files."""
    seen: Counter[tuple[str, str]] = Counter()
    out: set[int] = set()
    for at, (line, path) in enumerate(zip(lines, paths, strict=True)):
        if path:
            text = "" if path == "grep:" else line[len(path) :]
            number = _LINE_NUMBER.match(text)
            text = text if number is None else text[number.end() :]
            # A file may hold a text twice; counted are texts of the same file name, such as one catalogue in many languages.
            key = (path.rpartition("/")[2], text)
            seen[key] += 1
            if seen[key] > allowed:
                out.add(at)
    return out
