"""Logs by template: each kind of line once, with how many more like it until when.

Kept whole, in their order: the first lines of each template, templates with few lines, lines that the query names. Of errors and
warnings the values that vary are kept too. Stack traces belong to the line they follow.
"""

from __future__ import annotations

from msgspec import Struct

from headroom_stream.config import LogsConfig
from headroom_stream.content import Compressed, Hints
from headroom_stream.content.code import looks_like_diff, looks_numbered, sample
from headroom_stream.content.log_lines import (
    begins_entry,
    continues_trace,
    date_and_time,
    is_stamped,
    matters,
    stamp,
    tells,
    template,
    values,
)
from headroom_stream.content.named import Named

_SHARE = 0.5
"""Of the lines, those that must begin an entry; stack traces aside, the rest are wrapped messages."""
_UNSTAMPED_LINES = 200
_SHOWN_VALUES = 12
"""Sets of values shown for an important template; an agent asks for the original when it needs them all."""
_LONGEST_VALUES = 120
"""Characters of one such set."""
_WORTH = 0.75
"""The most that may be left of a text. A lossy cut that saves less costs more when the agent asks for the rest."""


class _Kind(Struct):
    """The entries of one template."""

    important: bool
    entries: list[int]
    left_out: list[int]


def compress(text: str, hints: Hints, config: LogsConfig) -> Compressed | None:
    """`text` with repeated kinds of lines counted, or None if it is no log or would not shrink by a quarter."""
    lines = text.split("\n")
    if not config.enabled or len(lines) < config.min_lines or not _is_log(text):
        return None
    entries = _entries(lines)
    kinds: dict[str, _Kind] = {}
    for at, entry in enumerate(entries):
        key = "\n".join(map(template, entry))
        kind = kinds.get(key)
        if kind is None:
            kinds[key] = kind = _Kind(important=any(map(matters, entry)), entries=[], left_out=[])
        kind.entries.append(at)
    whole = Named(hints.query).lines(["\n".join(entry) for entry in entries])
    for kind in kinds.values():
        whole.update(kind.entries if len(kind.entries) <= config.rare else kind.entries[: config.examples])
        kind.left_out = [at for at in kind.entries if at not in whole]

    after = {kind.entries[: config.examples][-1]: kind for kind in kinds.values() if kind.left_out}
    out: list[str] = []
    for at, entry in enumerate(entries):
        if at in whole:
            out += entry
        if at in after:
            out.append(_marker(after[at], entries))
    removed = sum(len(entries[at]) for kind in kinds.values() for at in kind.left_out)
    short = "\n".join(out)
    if not removed or len(short) > _WORTH * len(text):
        return None
    return Compressed(text=short, kind="logs", lossless=False, removed=f"{removed} lines")


def _is_log(text: str) -> bool:
    """By evidence from both ends: most lines begin an entry, and their templates have words."""
    lines = [line for line in sample(text) if line.strip() and not continues_trace(line)]
    begins = [line for line in lines if begins_entry(line)]
    # `DEBUG: x = 3` without a time is what an agent makes a program print to read it; much of it is a log after all.
    if len(lines) < _UNSTAMPED_LINES and 2 * sum(map(is_stamped, begins)) < len(begins):
        return False
    if len(begins) < _SHARE * len(lines) or sum(tells(template(line)) for line in begins) < 0.7 * len(begins):
        return False
    return not looks_numbered(lines) and not looks_like_diff(text)


def _entries(lines: list[str]) -> list[list[str]]:
    """Each line that begins an entry, with the lines that continue it. Blank lines at the end stay an entry of their own."""
    out: list[list[str]] = []
    for line in lines:
        if not out or not line or not out[-1][0] or begins_entry(line):
            out.append([line])
        else:
            out[-1].append(line)
    return out


def _marker(kind: _Kind, entries: list[list[str]]) -> str:
    """`… ×412 more to 03:19:44`, and for errors and warnings what varies in them."""
    shown, last = entries[kind.entries[0]], entries[kind.left_out[-1]]
    text = f"… ×{len(kind.left_out)} more"
    first_stamp, last_stamp = stamp(shown[0]), stamp(last[0])
    if first_stamp and last_stamp:
        (first_date, _), (date, time) = date_and_time(first_stamp), date_and_time(last_stamp)
        text += f" to {time}" if date == first_date else f" to {date} {time}"
    if kind.important and (differing := _differing(shown[0], [entries[at][0] for at in kind.left_out])):
        text += ": " + differing
    return text


def _differing(shown: str, others: list[str]) -> str:
    """The sets of values of the other lines that the shown line does not have, in order, each once."""
    rows = [values(line) for line in others]
    known = values(shown)
    wide = max(map(len, rows))
    varies = [n for n in range(wide) if any(len(row) > n and row[n] not in known[n : n + 1] for row in rows)]
    sets = dict.fromkeys(" ".join(row[n] for n in varies if n < len(row))[:_LONGEST_VALUES] for row in rows)
    sets.pop("", None)
    sets.pop(" ".join(known[n] for n in varies if n < len(known)), None)
    found = list(sets)
    more = f"; {len(found) - _SHOWN_VALUES} others" if len(found) > _SHOWN_VALUES else ""
    return "; ".join(found[:_SHOWN_VALUES]) + more
