"""Lines that stand twice in one output: stack traces of failures that fail alike, warnings, what a loop prints.

A run of lines that stood before is its first line and how many follow as they followed that line when it first stood; lines or blocks
that repeat at once are counted. Everything follows from the text alone, read from its beginning: `restore` does it.

The copies are found as in the compression of Ziv and Lempel (1977), with one place looked at for each line, so that the work is linear.
"""

from __future__ import annotations

import re

from headroom_stream.config.cuts import RepeatsConfig
from headroom_stream.content import Compressed, Hints

_MARK = re.compile(
    r"\[(?:(?P<line>this line) |these (?P<block>[0-9]{1,3}) lines |(?P<after>[0-9]{1,9}) lines as after the first such line)"
    r"(?:(?P<times>[0-9]{1,9}) more times?)?\]"
)
_MARKED = ("[this line ", "[these ", " lines as after the first such line]")
"""What may be read as a mark."""
_AFTER = "[{} lines as after the first such line]"
_MARK_CHARACTERS = 50
"""A run of fewer is as short as its mark."""
_LONGEST_BLOCK = 60
"""Lines of a block that repeats at once. Bounds the work where long blocks nearly repeat."""


def compress(text: str, hints: Hints, config: RepeatsConfig) -> Compressed | None:  # noqa: ARG001  # every compressor has this signature
    """`text` with each run of lines once, or None if none stands twice. A text with marks of this kind is left alone."""
    if not config.enabled:
        return None
    if len(text) < 2 * _MARK_CHARACTERS:
        return None
    lines = text.split("\n")
    once = set(lines)
    # Most texts repeat blank lines and brackets, and end here.
    if len(lines) - len(once) < config.min_lines or len(text) - len(lines) - sum(map(len, once)) < _MARK_CHARACTERS:
        return None
    if any(sign in text for sign in _MARKED):
        return None
    short = "\n".join(_once(lines, config.min_lines))
    return Compressed(text=short, kind="repeats", lossless=True) if len(short) < len(text) else None


def restore(text: str) -> str:
    """The text of which `compress` made this one."""
    out: list[str] = []
    first: dict[str, int] = {}
    for line in text.split("\n"):
        mark = _MARK.fullmatch(line)
        if mark is None:
            found = [line]
        elif mark["after"]:
            start = first[out[-1]] + 1
            found = out[start : start + int(mark["after"])]
        else:
            found = out[-int(mark["block"] or 1) :] * int(mark["times"])
        for one in found:
            first.setdefault(one, len(out))
            out.append(one)
    return "\n".join(out)


def _once(lines: list[str], least: int) -> list[str]:
    out: list[str] = []
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    at = 0
    while at < len(lines):
        line = lines[at]
        start = first.get(line)
        if start is not None:
            block = at - last[line]
            times = _times(lines, at, block)
            if times and _pays(lines, at, at + times * block, least):
                out.append(_again(block, times))
                last.update((lines[place], place) for place in range(at + (times - 1) * block, at + times * block))
                at += times * block
                continue
            end = _common(lines, start, at)
            if _pays(lines, at + 1, end, least):
                out += [line, _AFTER.format(end - at - 1)]
                last.update((lines[place], place) for place in range(at, end))
                at = end
                continue
        else:
            first[line] = at
        last[line] = at
        out.append(line)
        at += 1
    return out


def _again(block: int, times: int) -> str:
    what = "this line" if block == 1 else f"these {block} lines"
    return f"[{what} {times} more time{'s' * (times > 1)}]"


def _times(lines: list[str], at: int, block: int) -> int:
    """How often the `block` lines before a place follow again from it on."""
    if block > _LONGEST_BLOCK:
        return 0
    end = at
    while end < len(lines) and lines[end] == lines[end - block]:
        end += 1
    return (end - at) // block


def _common(lines: list[str], start: int, at: int) -> int:
    """The end of the lines from `at` that are as those from `start`, which end before `at`."""
    end = at
    while end < len(lines) and start + end - at < at and lines[end] == lines[start + end - at]:
        end += 1
    return end


def _pays(lines: list[str], at: int, end: int, least: int) -> bool:
    return end - at >= least and sum(len(lines[place]) + 1 for place in range(at, end)) > _MARK_CHARACTERS
