"""Replaces in a new output what the session was shown before."""

from __future__ import annotations

from msgspec import Struct

from headroom_stream.config import ReferencesConfig
from headroom_stream.references.marks import Edits, Referring, Span
from headroom_stream.references.shown import GRAM, Document, Shown, digest, starts
from headroom_stream.references.values import LEAST_CHARS, Value, fields, identity, name, scan

_LEAST_RUN_CHARS = 80
"""A shorter run costs about as many tokens as its marker."""
_LEAST_WHOLE_CHARS = 60
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
    root = scan(text)
    edits = Edits(text)
    if root is None:
        _lines(text, shown, config, edits)
    else:
        _values(text, root, shown, edits)
    return edits.done() if edits.marks else None


def _lines(text: str, shown: Shown, config: ReferencesConfig, edits: Edits) -> None:
    lines = text.split("\n")
    if len(lines) < GRAM:
        return
    begins = starts(lines)
    at = 0
    while at + GRAM <= len(lines):
        place = shown.grams.get((lines[at], lines[at + 1]))
        if place is None:
            at += 1
            continue
        source = shown.documents[place.output]
        count = _equal(lines, at, source, place.start)
        chars = begins[at + count] - begins[at] - 1
        if count < config.min_lines or chars < _LEAST_RUN_CHARS:
            at += 1
            continue
        begin = source.start_of(place.start)
        edits.keep(begins[at])
        edits.skip(begins[at] + chars)
        edits.mark(f"[{count} lines as in result {place.output}]", (Span(place.output, begin, begin + chars),))
        at += count


def _equal(lines: list[str], at: int, source: Document, start: int) -> int:
    """How many lines from `at` on are those of the source from `start` on."""
    count = 0
    most = min(len(lines) - at, len(source.lines) - start)
    while count < most and lines[at + count] == source.lines[start + count] and start + count not in source.hidden:
        count += 1
    return count


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
