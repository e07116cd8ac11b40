"""Groups log entries by kind: equal but for their values, and equal but for one word where many such words were seen."""

from __future__ import annotations

import re
from collections import Counter

from msgspec import Struct

from headroom_stream.content.log_lines import Head, Masks, begins_entry, fields, head, matters, tells

_VARIANTS = 5
"""Kinds that differ in one word only become one kind from this many on. Fewer are states and verbs, which tell events apart."""
_NAME = re.compile(r"\w[._/:@#-]\w|[a-z][A-Z]")
"""Names of units, packages, classes and files; plain words are verbs and states."""
_LONGEST_MERGED = 60
"""Fields of a line that are tried as that word."""
_BASE = 1_000_003
_PRIME = (1 << 61) - 1
"""Of the sums that tell which kinds are equal but for one word; large, so that no two of a log are equal by chance."""
_RUN = re.compile(r"#(?:,? #){2,}")
_DIGITS = re.compile("[0-9]+")
_FEW_VALUES = 8
"""A field with no more different values is a state; a state that is seen once or twice is news."""
_SEEN_EACH = 5
"""Entries to each value of a field, on average, that make the field a state."""
PROCESS_FIELD = re.compile(r"\S*\[[\w.:/@-]{0,80}[0-9]\]:?")
"""A program and its number, or the thread in brackets: new at every start, and says nothing."""


class Entry(Struct):
    """One entry: its lines from `first` to before `end`, and the head of its first line."""

    first: int
    end: int
    head: Head


class Kind(Struct):
    """The entries of one kind, by their places in the list of entries."""

    masks: list[str]
    """Of the first lines; `#` where values stand."""
    important: bool
    entries: list[int]
    left_out: list[int]
    varying: int | None = None
    """The field whose words were taken for values, once kinds were merged."""


def entries(lines: list[str]) -> list[Entry]:
    """Each line that begins an entry, with the lines that continue it. Blank lines at the end stay an entry of their own."""
    out: list[Entry] = []
    for at, line in enumerate(lines):
        if out and line[:1] in (" ", "\t") and lines[out[-1].first]:
            out[-1].end = at + 1
            continue
        found = head(line)
        if not out or not line or not lines[out[-1].first] or begins_entry(line, bool(found[1])):
            out.append(Entry(at, at + 1, found))
        else:
            out[-1].end = at + 1
    return out


def kinds(lines: list[str], found: list[Entry], rare: int) -> list[Kind]:
    """The kinds of the entries, in the order of their first ones. Those with at most `rare` entries are not looked at closely."""
    masks = Masks()
    # The fields themselves would take several times the log.
    known: dict[str, str] = {}
    keys = [known.setdefault(key, key) for key in (_key(masks.of(lines[entry.first], entry.head)) for entry in found)]
    count = Counter(keys)
    out: dict[str, Kind] = {}
    for at, (entry, key) in enumerate(zip(found, keys, strict=True)):
        several = count[key] > rare
        whole = key
        if entry.end > entry.first + 1:
            rest = lines[entry.first + 1 : entry.end]
            whole = "\n".join([key, *(map(masks.of_rest, rest) if several else rest)])
        kind = out.get(whole)
        if kind is None:
            important = (several or whole is key) and any(map(matters, lines[entry.first : entry.end]))
            first = masks.of(lines[entry.first], entry.head)
            out[whole] = kind = Kind(masks=first, important=important, entries=[], left_out=[])
        kind.entries.append(at)
    merged = _merge([kind for key, kind in out.items() if "\n" not in key])
    return sorted([*merged, *(kind for key, kind in out.items() if "\n" in key)], key=lambda kind: kind.entries[0])


def _key(first: list[str]) -> str:
    """What entries of one kind have in common."""
    key = " ".join(first)
    return _RUN.sub("#…", key) if "# #" in key or "#, #" in key else key  # lists of values of any length


def _merge(alone: list[Kind]) -> list[Kind]:
    """Makes one kind of those that differ in one name, where `_VARIANTS` of them or more do.

    A sum over the fields, each weighed by its place, tells which are equal but for one: taking that field's part out gives equal
    sums. Work grows with the fields, not with the pairs of kinds.
    """
    numbers: dict[str, tuple[int, bool]] = {}
    weights = [pow(_BASE, place + 1, _PRIME) for place in range(_LONGEST_MERGED)]
    sums: list[list[tuple[int, int, bool, int]]] = []
    sizes: Counter[tuple[int, int, bool, int]] = Counter()
    for kind in alone:
        own: list[tuple[int, int, bool, int]] = []
        if len(kind.masks) <= _LONGEST_MERGED:
            for mask in kind.masks:
                if mask not in numbers:
                    numbers[mask] = (len(numbers) + 1, _NAME.search(mask) is not None)
            known = [numbers[mask] for mask in kind.masks]
            # What is left must tell of something by itself: of a message without blanks nothing would be left.
            if tells([mask for mask, (_, is_name) in zip(kind.masks, known, strict=True) if not is_name]):
                parts = [number * weight for (number, _), weight in zip(known, weights, strict=False)]
                total = sum(parts)
                own = [
                    (len(parts), place, kind.important, (total - parts[place]) % _PRIME)
                    for place, (_, is_name) in enumerate(known)
                    if is_name
                ]
            sizes.update(own)
        sums.append(own)
    out: dict[tuple[int, int, bool, int], Kind] = {}
    single: list[Kind] = []
    for kind, own in zip(alone, sums, strict=True):
        best = max(own, key=lambda key: sizes[key], default=None)
        if best is None or sizes[best] < _VARIANTS:
            single.append(kind)
        elif best in out:
            out[best].entries += kind.entries
        else:
            out[best] = kind
            kind.varying = best[1]
    for kind in out.values():
        kind.entries.sort()
    return single + list(out.values())


def news(kind: Kind, lines: list[str], found: list[Entry], rare: int) -> list[int]:
    """Entries of a kind in which a field has a value that at most `rare` of them have, while few others are ever seen there."""
    if len(kind.entries) < 2 * rare:
        return []
    few = len(kind.entries) < 2 * _SEEN_EACH
    most = 2 if few else min(_FEW_VALUES, len(kind.entries) // _SEEN_EACH)
    counts = {
        place: Counter[str]()
        for place, (mask, field) in enumerate(zip(kind.masks, fields_of(kind.entries[0], lines, found), strict=False))
        if "#" in mask and field != "#" and not PROCESS_FIELD.fullmatch(field)
    }
    for at in kind.entries:
        row = fields_of(at, lines, found)
        for place in list(counts):
            counts[place][_state(row, place, few)] += 1
            if len(counts[place]) > most:
                del counts[place]
        if not counts:
            return []
    rare_values = {
        place: {value for value, number in each.items() if number <= rare} for place, each in counts.items() if len(each) > 1
    }
    return [
        at
        for at in (kind.entries if any(rare_values.values()) else [])
        for row in [fields_of(at, lines, found)]
        if any(_state(row, place, few) in values for place, values in rare_values.items())
    ]


def _state(row: list[str], place: int, letters: bool) -> str:
    """What a field says; of few entries the letters alone, since their numbers differ by chance."""
    field = row[place] if place < len(row) else ""
    return _DIGITS.sub("", field) if letters else field


def fields_of(at: int, lines: list[str], found: list[Entry]) -> list[str]:
    """The fields of the first line of an entry."""
    return fields(lines[found[at].first], found[at].head)
