"""What a policy falls short by: the facts that were lost and the tokens that are left, those first of which there are most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from msgspec import Struct

from headroom_stream.evaluation.report import Outcome, Outputs


class Part(Struct, frozen=True, kw_only=True):
    """Some of what is missing."""

    what: str
    count: int
    share: float
    """Of all of it, per cent."""


def lost_facts(outcome: Outcome, most: int) -> list[Part]:
    """Facts that were lost, by the content that held them, its tool and the kind of fact. Needs an outcome in which all are described."""
    return _parts(Counter(f"{one.content or 'output'}, {one.tool or '(unnamed)'}, {one.kind}" for one in outcome.lost), most)


def facts_moved(outcome: Outcome, most: int) -> list[Part]:
    """Facts that the context held, but not amid what had surrounded them: by what the output was taken for."""
    return _parts(Counter({name: row.used - row.lost - row.in_context for name, row in outcome.kinds.items()}), most)


def tokens_left(outcome: Outcome, most: int) -> dict[str, list[Part]]:
    """Tokens of tool outputs that were left when they arrived: by what they were taken for, and by tool."""
    return {
        title: _parts(Counter({f"{name or '(unnamed)'}, {_cut(row)} off": row.tokens_after for name, row in rows.items()}), most)
        for title, rows in _rows(outcome).items()
    }


def _rows(outcome: Outcome) -> Mapping[str, dict[str, Outputs]]:
    return {"content": outcome.kinds, "tool": outcome.tools}


def _cut(row: Outputs) -> str:
    return f"{100 * (1 - row.tokens_after / row.tokens_before):.0f} %" if row.tokens_before else "0 %"


def _parts(counts: Counter[str], most: int) -> list[Part]:
    whole = counts.total()
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most]
    return [Part(what=what, count=count, share=100 * count / whole) for what, count in ordered if count]
