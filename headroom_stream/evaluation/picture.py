"""The report as a page that stands by itself: saving against retention, the figures, and the facts that were lost."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from headroom_stream.drawing.page import document, key, table
from headroom_stream.evaluation.chart import Point, chart
from headroom_stream.evaluation.lost import Excerpt, Lost
from headroom_stream.evaluation.report import Outputs
from headroom_stream.evaluation.summary import Summary
from headroom_stream.evaluation.text import bounded_percent, percent

_STYLE = """
.lost { margin: 0 0 .9rem; padding: .6rem .9rem; background: var(--raised); border-radius: 6px; overflow-wrap: anywhere; }
.lost code { font: 13px/1.5 ui-monospace, monospace; } mark { background: none; color: var(--p4); font-weight: 700; }
"""


_ABOUT = """Net saved is the saving on the input bill under prompt caching, after one more call is charged for every tool output whose fact
the agent used and no longer saw. In context is the share of facts from tool outputs that still stood amid their surroundings when the
agent first wrote them. Computed from the conversations alone, without a model."""


def page(summary: Summary, lost: Sequence[Lost]) -> str:
    """The page, as HTML."""
    body = [
        "<h1>Retention at use, and the bill</h1>",
        f"<p>{escape(_headline(summary))}</p>",
        f'<p class="dim">{_ABOUT}</p>',
        chart(_points(summary)),
        key((f"var(--p{i % 6})", policy) for i, policy in enumerate(summary.shown)),
        "<h2>By family</h2>",
        _families(summary),
    ]
    for policy in summary.shown:
        of = f" under {escape(policy)}" if len(summary.shown) > 1 else ""
        body += [f"<h2>Tool outputs by content{of}</h2>", _outputs("content", summary.kinds(policy))]
        body += [f"<h2>Tool outputs by tool{of}</h2>", _outputs("tool", summary.tools(policy))]
    if lost:
        body += ["<h2>Facts that were used and no longer there</h2>", *map(_lost, lost)]
    return document("Retention and cost", body, style=_STYLE)


def _headline(summary: Summary) -> str:
    parts = []
    for line in summary.overall():
        name = f"{line.policy}: " if len(summary.shown) > 1 else ""
        saved = f"{bounded_percent(line.score.net_saved, line.score.net_bound)} % net saved"
        parts.append(f"{name}{saved}, {percent(line.score.in_context)} % of facts in context")
    what = summary.overall()[0].score
    return f"{what.conversations:,} conversations, {what.turns:,} calls of the model. " + "; ".join(parts) + "."


def _points(summary: Summary) -> list[Point]:
    return [
        Point(line.score.net_saved, line.score.in_context, line.family, summary.shown.index(line.policy), line.policy)
        for line in summary.lines
        if line.score.net_saved is not None and line.score.in_context is not None
    ]


def _families(summary: Summary) -> str:
    rows = [
        ("" if line.family else "all", [line.family or "all", line.policy], summary.cells(line)) for line in summary.with_totals()
    ]
    return table(["family", "policy"], summary.columns(), rows)


def _outputs(name: str, rows: dict[str, Outputs]) -> str:
    heads = ["outputs", "tokens before", "after", "facts used", "in context", "lost"]
    cells = [("", [kind or "(unnamed)"], [f"{value:,}" for value in _values(row)]) for kind, row in rows.items()]
    return table([name], heads, cells)


def _values(row: Outputs) -> tuple[int, ...]:
    return (row.outputs, row.tokens_before, row.tokens_after, row.used, row.in_context, row.lost)


def _lost(one: Lost) -> str:
    about = ", ".join(filter(None, (one.conversation, one.tool, one.content, one.policy)))
    source, used = _excerpt("from", one.source), _excerpt("used in", one.used)
    return f'<div class="lost"><span class="dim">{escape(about)}</span><br>{source}<br>{used}</div>'


def _excerpt(label: str, one: Excerpt) -> str:
    fact = f"{escape(one.before)}<mark>{escape(one.fact)}</mark>{escape(one.after)}"
    return f'<span class="dim">{label} message {one.message}</span> <code>{fact}</code>'
