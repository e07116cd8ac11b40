"""Replaces in a new output what the session was shown before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise, takewhile

from msgspec import Struct, structs

from headroom_stream.config import ReferencesConfig
from headroom_stream.references.marks import Edits, Referring, Span
from headroom_stream.references.numbers import Lines, Numbers, numbered
from headroom_stream.references.shown import LONG_LINE, Document, Place, Shown, digest
from headroom_stream.references.values import LEAST_CHARS, Value, fields, identity, name

_LEAST_RUN_CHARS = 80
"""A shorter run costs about as many tokens as its marker."""
_LEAST_RENUMBERED_CHARS = 300
"""The same of lines under other numbers: agents name lines by number, so that numbers go only where that saves much."""
_LEAST_WHOLE_CHARS = 60
_BEGINNING = 24
"""Characters of a long line, at the most, that are written before the marker for the rest of it."""
HEAD = 30
_NEAR_RESULTS = 6
"""How far back keys may stand from the values that belong to them: a reader has to put the two side by side."""


def refer(text: str, shown: Shown, config: ReferencesConfig) -> Referring | None:
    """`text` with markers for what it repeats, or None if it repeats nothing that is worth one."""
    if not config.enabled or not shown.documents:
        return None
    if len(text) >= _LEAST_WHOLE_CHARS and (number := shown.whole.get(digest(text))) is not None:
        marker = f"[same as result {number}]"
        edits = Edits(text)
        edits.skip(len(text))
        edits.mark(marker, (Span(number, 0, 0),))
        return edits.done()
    parts = shown.read(text)
    edits = Edits(text)
    if parts.root is None:
        _lines(parts.lines, shown, config, edits)
    else:
        _values(text, parts.root, shown, edits)
    return edits.done() if edits.marks else None


class _Run(Struct, frozen=True):
    """Lines that were shown before."""

    start: int
    there: int
    """Where they start in their source."""
    count: int
    numbers: Numbers | None = None
    """Under which they stand here, if the source has them under others."""


def _lines(own: Lines, shown: Shown, config: ReferencesConfig, edits: Edits) -> None:
    free = 0
    for at, place in _places(own.bare, shown):
        if at < free:
            continue
        source = shown.documents[place.output]
        run = _equal(own, free, at, source, place.start)
        long = run.count == 1 and len(own.lines[run.start]) >= LONG_LINE
        if not long and not _worth(run, own, config.min_lines, _LEAST_RUN_CHARS):
            run = _renumbered(own, free, at, source, place.start)
            if not _worth(run, own, max(2, config.min_lines), _LEAST_RENUMBERED_CHARS):
                continue
        free = run.start + run.count
        begin, end = own.start(run.start), own.start(free) - 1
        there, there_end = source.lines.start(run.there), source.lines.start(run.there + run.count) - 1
        marker = f"[{_said(run, own, source.lines)} result {place.output}]"
        if run.count == 1:
            kept = _beginning(own.lines[run.start])
            begin, there, marker = begin + kept, there + kept, f"…as in result {place.output}"
        edits.keep(begin)
        edits.skip(end)
        edits.mark(marker, (Span(place.output, there, there_end),), run.numbers)


def _places(lines: list[str], shown: Shown) -> Iterator[tuple[int, Place]]:
    """Lines that were shown, with the next one or as long ones, and where."""
    known = shown.grams
    for at, gram in enumerate(pairwise([*lines, ""])):
        if gram in known:
            yield at, known[gram]
        elif len(gram[0]) >= LONG_LINE and gram[:1] in known:
            yield at, known[gram[:1]]


def _beginning(line: str) -> int:
    """How much of a line a reader needs to find the rest of it."""
    return line.rfind(" ", _BEGINNING // 2, _BEGINNING) + 1 or _BEGINNING


def _worth(run: _Run, own: Lines, least: int, chars: int) -> bool:
    return run.count >= least and own.start(run.start + run.count) - own.start(run.start) > chars


def _equal(own: Lines, free: int, at: int, source: Document, there: int) -> _Run:
    """The lines around `at`, from `free` on, that are those of the source around `there`."""
    lines, others, hidden = own.lines, source.lines.lines, source.hidden

    def same(k: int) -> bool:
        return lines[at + k] == others[there + k] and there + k not in hidden

    return _around(same, own, free, at, source, there)


def _renumbered(own: Lines, free: int, at: int, source: Document, there: int) -> _Run:
    """The same of lines whose numbers differ, and rise by one from line to line in both."""
    others, hidden = source.lines, source.hidden
    first, second = own.number(at), others.number(there)
    if not first or not second:
        return _Run(at, there, 0)
    numbers = own.written(at)

    def same(k: int) -> bool:
        return (
            own.bare[at + k] == others.bare[there + k]
            and others.number(there + k) == second + k
            and own.lines[at + k] == numbered(own.bare[at + k], numbers, first + k)
            and there + k not in hidden
        )

    run = _around(same, own, free, at, source, there)
    return structs.replace(run, numbers=structs.replace(numbers, first=own.number(run.start)))


def _around(same: Callable[[int], bool], own: Lines, free: int, at: int, source: Document, there: int) -> _Run:
    ahead = sum(1 for _ in takewhile(same, range(min(len(own.lines) - at, len(source.lines.lines) - there))))
    back = sum(1 for _ in takewhile(same, range(-1, -min(at - free, there) - 1, -1))) if ahead else 0
    return _Run(at - back, there - back, back + ahead)


def _said(run: _Run, own: Lines, source: Lines) -> str:
    first, there, more = own.number(run.start), source.number(run.there), run.count - 1
    rising = first and own.number(run.start + more) == first + more
    here = f"lines {first}-{first + more}" if rising else f"{run.count} lines"
    return f"{here} as in" if run.numbers is None else f"{here} as {there}-{there + more} in"


class _Hide(Struct, frozen=True):
    """An entry of an object, with the comma before it, that is left out."""

    start: int
    end: int


class _Rest(Struct, frozen=True):
    """The marker that stands for the entries left out, at the end of their object."""

    at: int
    output: int
    parts: tuple[Span, ...]


class _Keyless(Struct, frozen=True):
    """A place where a key is left out, or where it is said whose keys they are."""

    start: int
    end: int
    marker: str = ""
    parts: tuple[Span, ...] = ()


def _values(text: str, root: Value, shown: Shown, edits: Edits) -> None:
    todo: list[Value | _Hide | _Rest | _Keyless] = [root]
    while todo:
        one = todo.pop()
        if isinstance(one, _Hide):
            edits.keep(one.start)
            edits.skip(one.end)
        elif isinstance(one, _Keyless):
            edits.keep(one.start)
            edits.skip(one.end)
            edits.mark(one.marker, one.parts)
        elif isinstance(one, _Rest):
            edits.keep(one.at)
            edits.write(",")
            edits.mark(f"…rest as in result {one.output}", one.parts)
        elif one.end - one.start < LEAST_CHARS:
            continue
        elif place := shown.values.get(name(text, one)):
            edits.keep(one.start)
            edits.skip(one.end)
            marker = f"{{…as in result {place.output}}}" if one.header else f"…as in result {place.output}"
            edits.mark(marker, (Span(place.output, place.start, place.end),))
        elif not one.header:
            todo += reversed(_changed(text, one, shown) or _keyless(text, one, shown) or one.inner)


def _keyless(text: str, value: Value, shown: Shown) -> list[Value | _Hide | _Rest | _Keyless]:
    """What to do with an object whose keys were shown, in this order, with another; nothing if they were not."""
    if value.table or value.ordered or text[value.start] != "{":
        return []
    entries = fields(text, value)
    keys = shown.shapes.get(tuple(key for key, _, _ in entries))
    if keys is None or keys.output < next(reversed(shown.documents)) - _NEAR_RESULTS:
        return []
    inside = value.start + 1
    out: list[Value | _Hide | _Rest | _Keyless] = [_Keyless(inside, inside, f"…keys as in result {keys.output}:")]
    inner = iter(value.inner)
    nested = next(inner, None)
    for (key, start, end), place in zip(entries, keys.places, strict=True):
        out.append(_Keyless(start, start + len(key) + 1, "", (Span(keys.output, *place),)))
        while nested is not None and nested.start < end:
            out.append(nested)
            nested = next(inner, None)
    return out


def _changed(text: str, value: Value, shown: Shown) -> list[Value | _Hide | _Rest]:
    """What to do with an object of which the session knows an earlier state; nothing if it knows none, or little stayed.

    What stayed moves to the end, so that an object whose entries have an order is written whole.
    """
    thing = "" if value.ordered else identity(text, value)
    known = shown.objects.get(thing) if thing else None
    if known is None:
        return []
    source = shown.documents[known.output].text
    entries = fields(text, value)
    if not known.fields.keys() <= {key for key, _, _ in entries}:
        return []
    out: list[Value | _Hide | _Rest] = []
    parts: list[Span] = []
    inner = iter(value.inner)
    nested = next(inner, None)
    for key, start, end in entries:
        old = known.fields.get(key)
        # The first entry names the thing, and every other has a comma before it.
        same = old is not None and start > value.start + 1 and source[old[0] : old[1]] == text[start:end]
        if same and old is not None:
            out.append(_Hide(start - 1, end))
            parts.append(Span(known.output, *old))
        while nested is not None and nested.start < end:
            if not same:
                out.append(nested)
            nested = next(inner, None)
    if sum(part.end - part.start + 1 for part in parts) < LEAST_CHARS:
        return []
    return [*out, _Rest(value.end - 1, known.output, tuple(parts))]
