"""Logs by template: each kind of line once, with how many more like it until when.

Kept whole, in their order: the first lines of each kind, kinds with few lines, lines with a state that is seldom seen, lines that the
query names. Of errors and warnings, of kinds with few lines and of words that were taken for values, what varies is told. Stack traces
belong to the line they follow.
"""

from __future__ import annotations

from headroom_stream.config import LogsConfig
from headroom_stream.content import Compressed, Hints
from headroom_stream.content.code import looks_like_diff, looks_numbered, sample
from headroom_stream.content.log_kinds import PROCESS_FIELD, Entry, Kind, entries, fields_of, kinds, news
from headroom_stream.content.log_lines import (
    NO_HEAD,
    Head,
    Masks,
    begins_entry,
    date_and_time,
    head,
    names_process,
    own_lines,
    stamp,
    tells,
)
from headroom_stream.content.named import Named

_SHARE = 0.5
"""Of the lines, those that must begin an entry; stack traces aside, the rest are wrapped messages."""
_LOOKED_AT = 100
_UNSTAMPED_LINES = 200
_SHOWN_VALUES = 12
"""Sets of values shown for one kind; an agent asks for the original when it needs them all."""
_LONGEST_VALUES = 60
"""Characters of one such set."""
_ALL_VALUES = 300
"""Characters of all of them."""
_MARKS = "[](){}<>,;:."
"""Punctuation around a value."""
_FEW = 3
"""Entries left out of which the values are told whatever they say."""
_SAMPLE = 400
"""Entries, taken from all over a long log, from which one sees that it has no kinds: every line tells something else."""
_WORTH = 0.75
"""The most that may be left of a text. A lossy cut that saves less costs more when the agent asks for the rest."""


def compress(text: str, hints: Hints, config: LogsConfig) -> Compressed | None:
    """`text` with repeated kinds of lines counted, or None if it is no log or would not shrink by a quarter."""
    if not config.enabled or text.count("\n") + 1 < config.min_lines:
        return None
    if not _is_log(text):
        return None
    lines = text.split("\n")
    found = entries(lines)
    if len(found) > 2 * _SAMPLE:
        some = found[:: len(found) // _SAMPLE]
        if len(kinds(lines, some, config.rare)) > _WORTH * len(some):
            return None
    grouped = kinds(lines, found, config.rare)
    whole: set[int] = set()
    for kind in grouped:
        whole.update(kind.entries if len(kind.entries) <= config.rare else kind.entries[: config.examples])
    # What the query names can only make it longer.
    if sum(len(line) + 1 for at in whole for line in lines[found[at].first : found[at].end]) > _WORTH * len(text) + 1:
        return None
    if hints.query:
        whole |= Named(hints.query).lines(["\n".join(lines[entry.first : entry.end]) for entry in found])
    after: dict[int, str] = {}
    for kind in grouped:
        whole.update(news(kind, lines, found, config.rare))
        kind.left_out = [at for at in kind.entries if at not in whole]
        if not kind.left_out:
            continue
        marker = _marker(kind, lines, found)
        if sum(len(line) + 1 for at in kind.left_out for line in lines[found[at].first : found[at].end]) > len(marker):
            after[kind.entries[: config.examples][-1]] = marker
        else:
            whole.update(kind.left_out)
            kind.left_out = []

    out: list[str] = []
    shown = 0
    for at, entry in enumerate(found):
        if at in whole:
            out += lines[entry.first : entry.end]
            shown += entry.end - entry.first
        if at in after:
            out.append(after[at])
    short = "\n".join(out)
    if shown == len(lines) or len(short) > _WORTH * len(text):
        return None
    return Compressed(text=short, kind="logs", lossless=False, removed=f"{len(lines) - shown} lines")


def _is_log(text: str) -> bool:
    """By evidence from both ends: most lines begin an entry, and their templates have words."""
    lines = own_lines(sample(text))
    some = lines[:: max(1, len(lines) // _LOOKED_AT)]
    begins: list[tuple[str, Head]] = []
    for at, line in enumerate(some):
        own = head(line)
        if begins_entry(line, own != NO_HEAD):
            begins.append((line, own))
        elif len(begins) + len(some) - at - 1 < _SHARE * len(some):
            return False  # most texts are no logs, and end here
    # `DEBUG: x = 3` without a time is what an agent makes a program print to read it; much of it is a log after all.
    if len(lines) < _UNSTAMPED_LINES and 2 * sum(own != NO_HEAD or names_process(line) for line, own in begins) < len(begins):
        return False
    masks = Masks()
    if sum(tells(masks.of(line, own)) for line, own in begins) < 0.7 * len(begins):
        return False
    return not looks_numbered(lines) and not looks_like_diff(text)


def _marker(kind: Kind, lines: list[str], found: list[Entry]) -> str:
    """`… ×412 more to 03:19:44`, and what varies in them where that is telling."""
    shown, last = found[kind.entries[0]], found[kind.left_out[-1]]
    text = f"… ×{len(kind.left_out)} more"
    begin, end = stamp(lines[shown.first]), stamp(lines[last.first])
    if begin and end:
        (first_date, _), (date, time) = date_and_time(begin), date_and_time(end)
        text += f" to {time}" if date == first_date else f" to {date} {time}"
    if kind.important or len(kind.left_out) <= _FEW:
        differing = _differing(kind, lines, found, range(len(kind.masks)))
    elif kind.varying is not None:
        differing = _differing(kind, lines, found, range(kind.varying, kind.varying + 1))
    else:
        return text
    return f"{text}: {differing}" if differing else text


def _differing(kind: Kind, lines: list[str], found: list[Entry], places: range) -> str:
    """Sets of values of the entries left out that differ from the one shown, in their order, each once."""
    known = fields_of(kind.entries[0], lines, found)
    told = [place for place in places if (place == kind.varying or "#" in kind.masks[place]) and _says_something(known, place)]
    sets: dict[str, None] = {}
    size = 0
    for at in kind.left_out:
        row = fields_of(at, lines, found)
        differs = [row[place] for place in told if place < len(row) and row[place : place + 1] != known[place : place + 1]]
        text = " ".join(field.strip(_MARKS) for field in differs)[:_LONGEST_VALUES]
        if not text or text in sets:
            continue
        size += len(text) + 2
        if len(sets) == _SHOWN_VALUES or size > _ALL_VALUES:
            return "; ".join(sets) + "; …"
        sets[text] = None
    return "; ".join(sets)


def _says_something(row: list[str], place: int) -> bool:
    return place < len(row) and row[place] != "#" and not PROCESS_FIELD.fullmatch(row[place])
