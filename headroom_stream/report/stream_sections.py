"""Sections that only the stream's own rows fill."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from headroom_stream.report.columns import BARS_SHOWN, TOKENS, tokens_of
from headroom_stream.report.figures import Counted, Outputs, StreamFigures
from headroom_stream.report.model import Bar, Bars, Column, Section, Table


def stream_sections(found: StreamFigures) -> Iterator[Section]:
    """Tool outputs, tenants, and what happened to sessions and events."""
    yield _outputs("Tool outputs by content", "kind", "content", found.kinds, "left as it was")
    yield _outputs("Tool outputs by tool", "tool", "tool", found.tools, "(unnamed)")
    yield Section(
        title="By tenant",
        plots=[Bars("Input tokens, before and sent", "count", [Bar(u.name or "(none)", u.before, u.sent) for u in found.tenants])],
        table=Table(
            [Column("tenant", "tenant", "name"), Column("contexts", "contexts"), *TOKENS],
            # One alone is everybody, and says nothing new.
            [[u.name or "(none)", u.calls, *tokens_of(u)] for u in found.tenants] if len(found.tenants) > 1 else [],
        ),
    )
    yield _counts("Rewrites of history", "reason", "Each ends the provider's cached prefix of a session.", found.rewrites)
    yield _counts("Events without a context", "outcome", "Counted, and not folded into a session again.", found.events)
    yield _counts("Dead letters", "stage", "Events that can never be folded, by the check that refused them.", found.dead)


def _outputs(title: str, key: str, head: str, rows: Sequence[Outputs], unnamed: str) -> Section:
    named = [(row.name or unnamed, row) for row in rows]
    return Section(
        title=title,
        note="Each output counts once, when it arrived, and not again with every call.",
        plots=[Bars("Tokens, before and after", "count", [Bar(name, r.before, r.after) for name, r in named[:BARS_SHOWN]])],
        table=Table(
            [
                Column(key, head, "name"),
                Column("outputs", "outputs"),
                Column("lossless", "lossless"),
                Column("tokens_before", "tokens before"),
                Column("tokens_after", "after"),
                Column("saved_percent", "saved", "percent"),
            ],
            [
                [name, r.count, r.lossless, r.before, r.after, 100 * (r.before - r.after) / r.before if r.before else None]
                for name, r in named
            ],
        ),
    )


def _counts(title: str, key: str, note: str, rows: Sequence[Counted]) -> Section:
    return Section(
        title=title,
        note=note,
        plots=[Bars("How often", "count", [Bar(row.name or "(none)", row.count) for row in rows[:BARS_SHOWN]])],
        table=Table([Column(key, key, "name"), Column("count", "count")], [[row.name or "(none)", row.count] for row in rows]),
    )
