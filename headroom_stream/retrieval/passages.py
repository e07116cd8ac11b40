"""Search within one original: the passages that a query is about, best first, within a number of tokens.

A unit (a line, or a record or sentence of a long line) counts where the query stands in it as it is, then where it is named (by an
identifier, a number, a quoted string or a rare word), then by BM25 over all units. What is found is shown with its neighbours, and
passages that touch are one.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

from msgspec import Struct

from headroom_stream.content.named import Named
from headroom_stream.errors import ValidationError
from headroom_stream.relevance import BM25Scorer
from headroom_stream.retrieval.units import Unit, units

_NEIGHBOURS = 2
"""Units shown before and after one that is found."""
_WORTH = 0.4
"""Of the best score by words: units below share only common words with the query."""


class Passage(Struct, frozen=True, kw_only=True):
    """A part of a text."""

    start_line: int
    """From 1."""
    end_line: int
    """This one included."""
    text: str
    score: float
    """2 and more: the query stands there as it is; 1 and more: it names something there; what is above that,
    up to 1, is BM25 as a share of the best."""


def lines(text: str, first: int, last: int) -> Passage:
    """The lines from `first` to `last`, counted from 1, both included, as far as there are any.

    Raises ValidationError if there are none.
    """
    found = text.split("\n")
    if not 1 <= first <= last:
        raise ValidationError(f"no lines {first}-{last}: lines are counted from 1, the first before the last")
    if first > len(found):
        raise ValidationError(f"no line {first}: the original has {len(found)}")
    last = min(last, len(found))
    return Passage(start_line=first, end_line=last, text="\n".join(found[first - 1 : last]), score=0.0)


def passages(text: str, query: str, *, max_tokens: int, count: Callable[[str], int]) -> list[Passage]:
    """The parts of `text` that `query` is about, best first; none where no word of it stands in the text.

    They do not overlap, and have `max_tokens` together at most, by `count`.
    """
    pieces = units(text)
    scores = _scores([text[unit.start : unit.end] for unit in pieces], query)
    found = sorted(scores, key=lambda at: (-scores[at], at))
    costs: dict[int, int] = {}
    left = max_tokens
    for at in found:
        around = range(max(0, at - _NEIGHBOURS), min(len(pieces), at + _NEIGHBOURS + 1))
        # A line break may be a token of its own.
        new = {near: count(text[pieces[near].start : pieces[near].end]) + 1 for near in around if near not in costs}
        if sum(new.values()) > left:
            new = {at: new[at]} if at in new else {}
        if sum(new.values()) > left:
            break
        costs |= new
        left -= sum(new.values())
    if found and not costs:
        return _beginning(text, pieces[found[0]], scores[found[0]], max_tokens, count)
    return sorted(_merged(text, pieces, sorted(costs), scores), key=lambda one: (-one.score, one.start_line))


def _scores(pieces: list[str], query: str) -> dict[int, float]:
    """By place, the score of the units that are worth to be shown."""
    words = BM25Scorer().raw(pieces, query)
    best = float(words.max(initial=0.0)) or 1.0
    whole = query.strip().lower()
    named = Named(query).lines(pieces)
    out: dict[int, float] = {}
    for at, (piece, word) in enumerate(zip(pieces, words.tolist(), strict=True)):
        level = 2 if whole and whole in piece.lower() else 1 if at in named else 0
        share = word / best
        if level or share >= _WORTH:
            out[at] = round(level + share, 4)
    return out


def _merged(text: str, pieces: list[Unit], chosen: list[int], scores: dict[int, float]) -> list[Passage]:
    """The chosen units, those in a row as one passage."""
    out: list[Passage] = []
    for _, group in groupby(enumerate(chosen), key=lambda one: one[1] - one[0]):
        run = [at for _, at in group]
        first, last = pieces[run[0]], pieces[run[-1]]
        score = max(scores.get(at, 0.0) for at in run)
        out.append(Passage(start_line=first.line, end_line=last.line, text=text[first.start : last.end], score=score))
    return out


def _beginning(text: str, unit: Unit, score: float, max_tokens: int, count: Callable[[str], int]) -> list[Passage]:
    """Of a unit that is too long by itself what fits."""
    end = unit.end
    while end > unit.start and count(text[unit.start : end]) > max_tokens:
        end = unit.start + (end - unit.start) * 3 // 4
    if end == unit.start:
        return []
    return [Passage(start_line=unit.line, end_line=unit.line, text=text[unit.start : end], score=score)]
