"""Which compressor a text gets: it is taken apart, and each part gets the shortest that fits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

from msgspec import structs

from headroom_stream.config import Policy
from headroom_stream.content import (
    Compressed,
    Hints,
    accessibility,
    blobs,
    builds,
    delimited,
    diffs,
    ends,
    grids,
    hits,
    large,
    listings,
    logs,
    markup,
    noise,
    numbered,
    prose,
    repeats,
    runners,
    search,
    structured,
    traces,
)
from headroom_stream.content.code import looks_like_code
from headroom_stream.content.split import split

_PRINTED = frozenset({"noise", "tests", "builds", "logs", "traces"})
"""Kinds whose lines may stand for equal ones: what programs print."""
_WHOLE_LINES = frozenset({"noise", "repeats", "tables", "tests"})
"""Kinds that leave lines and rows whole, so that their beginnings and ends can be said once."""
_CUTTING = ("tests", "builds", "blobs", "markup", "logs", "prose", "hits")
_LIMITS = {"listings": ("names", "directories"), "search": ("same_text", "longest"), "tables": ("rows",)}
_NO_LIMIT = 1_000_000_000
"""More than any text has lines or characters."""


def compress_text(text: str, hints: Hints, policy: Policy) -> Compressed | None:
    """The shortest that `policy` allows to make of `text`, in characters; None if nothing applies.

    Its `kind` is that of the part that became shorter by most; what stands around the parts counts only where none did. Whether tokens
    are saved is the caller's to count.
    """
    if not policy.lossy:
        policy = _without_cuts(policy)
    pieces = large.pieces(text)
    return _compress(text, hints, policy) if pieces is None else _compress_pieces(text, pieces, hints, policy)


def _compress_pieces(text: str, pieces: list[large.Piece], hints: Hints, policy: Policy) -> Compressed | None:
    """Each piece by itself, on lines of its own. Nothing that holds for all of them is said once."""
    made = [_compress(piece.text, hints, policy) for piece in pieces]
    told = [one for one in made if one is not None]
    out = "\n".join(piece.before + (piece.text if one is None else one.text) for piece, one in zip(pieces, made, strict=True))
    if len(out) >= len(text) or not told:
        return None
    removed = [one.removed for one in told if one.removed]
    further = f" and as much of {len(removed) - 2} further parts" if len(removed) > 2 else ""
    return Compressed(
        text=out,
        kind=Counter(one.kind for one in told).most_common(1)[0][0],
        lossless=all(one.lossless for one in told),
        removed=", ".join(removed[:2]) + further,
    )


def _compress(text: str, hints: Hints, policy: Policy) -> Compressed | None:
    parts = split(text, policy.wrappers)
    made = [_compress_body(part.text, hints, policy) if part.body else None for part in parts]
    out = "".join(part.text if one is None else one.text for part, one in zip(parts, made, strict=True))
    if len(out) >= len(text):
        return None
    gains = [(len(part.text) - len(one.text), one.kind) for part, one in zip(parts, made, strict=True) if one is not None]
    return Compressed(
        text=out,
        kind=max(gains, key=lambda gain: gain[0])[1] if gains else "wrappers",
        lossless=all(one.lossless for one in made if one is not None),
        removed=", ".join(one.removed for one in made if one is not None and one.removed),
        compact=len(made) == 1 and made[0] is not None and made[0].compact,
    )


@lru_cache(maxsize=64)
def _without_cuts(policy: Policy) -> Policy:
    """`policy` with every kind that leaves something out switched off: what a cut would win over must still get its short form."""
    off = {name: structs.replace(getattr(policy, name), enabled=False) for name in _CUTTING}
    kept = {name: structs.replace(getattr(policy, name), **dict.fromkeys(fields, _NO_LIMIT)) for name, fields in _LIMITS.items()}
    return structs.replace(policy, **off, **kept)


def _compress_body(text: str, hints: Hints, policy: Policy) -> Compressed | None:
    """JSON is tried alone: its result is lossless. Other texts lose terminal noise first, and short forms of lines come last."""
    if (record := structured.compress(text, hints, policy)) is not None:
        return record
    made = markup.compress(text, hints, policy.markup)
    made = _then(made, noise.compress(text if made is None else made.text, hints, policy.noise))
    made = _then(made, _by_kind(text if made is None else made.text, hints, policy))
    made = _then(made, traces.compress(text if made is None else made.text, hints, policy.traces))
    made = _repeats(text, made, hints, policy)
    made = _then(made, blobs.compress(text if made is None else made.text, hints, policy.blobs))
    if made is None or made.kind in _WHOLE_LINES:
        made = _then(made, ends.compress(text if made is None else made.text, hints, policy.ends))
    return made


def _repeats(text: str, made: Compressed | None, hints: Hints, policy: Policy) -> Compressed | None:
    """`made` with repeated lines once. Tables keep their rows, and code its lines, but not what a run prints of it."""
    if made is not None and made.kind not in _PRINTED:
        return made
    text = text if made is None else made.text
    once = repeats.compress(text, hints, policy.repeats)
    if once is None or not (traces.is_trace(text) or runners.is_run(text) or not looks_like_code(text)):
        return made
    return _then(made, once)


def _then(first: Compressed | None, second: Compressed | None) -> Compressed | None:
    """What two steps made, one after the other."""
    if first is None or second is None:
        return first or second
    return Compressed(
        text=second.text,
        kind=second.kind if first.kind == "noise" else first.kind,
        lossless=first.lossless and second.lossless,
        removed=", ".join(one.removed for one in (first, second) if one.removed),
    )


def _by_kind(text: str, hints: Hints, policy: Policy) -> Compressed | None:
    """The answer of the one kind whose form is certain; else the shortest of the kinds that are guessed by their words."""
    if (sure := next((one for one in _sure(text, hints, policy) if one is not None), None)) is not None:
        return sure
    return min((one for one in _likely(text, hints, policy) if one is not None), key=lambda one: len(one.text), default=None)


def _sure(text: str, hints: Hints, policy: Policy) -> Iterator[Compressed | None]:
    yield numbered.compress(text, hints, policy.numbered)
    yield listings.compress(text, hints, policy.listings)
    yield search.compress(text, hints, policy.search)
    yield grids.compress(text, hints, policy.tables)
    yield diffs.compress(text, hints, policy.diffs)
    yield accessibility.compress(text, hints, policy.markup)
    yield delimited.compress(text, hints, policy.records)


def _likely(text: str, hints: Hints, policy: Policy) -> Iterator[Compressed | None]:
    yield runners.compress(text, hints, policy.tests)
    yield builds.compress(text, hints, policy.builds)
    yield logs.compress(text, hints, policy.logs)
    yield prose.compress(text, hints, policy.prose)
    yield hits.compress(text, hints, policy.hits)
