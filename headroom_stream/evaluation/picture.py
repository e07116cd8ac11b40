"""The report as a page that stands by itself: saving against retention, the figures, and the facts that were lost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from headroom_stream.evaluation.chart import Point, chart
from headroom_stream.evaluation.lost import Excerpt, Lost
from headroom_stream.evaluation.report import Outputs
from headroom_stream.evaluation.summary import Summary
from headroom_stream.evaluation.text import bounded_percent, percent

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --dim: #60666d; --line: #d8dbdf; --ground: #ffffff; --raised: #f5f6f8;
  --p0: #1a6fb5; --p1: #c2571a; --p2: #2c8049; --p3: #8a4bb3; --p4: #a8324a; --p5: #6b6412; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8ea; --dim: #9aa1a9; --line: #373c42; --ground: #15181b; --raised: #1e2226;
  --p0: #6db3ef; --p1: #f09a5e; --p2: #6fc78d; --p3: #c593ea; --p4: #ef8398; --p5: #cfc55a; } }
body { margin: 0 auto; padding: 2rem 1.5rem 4rem; max-width: 68rem; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .3rem; } h2 { font-size: 1.1rem; margin: 2.4rem 0 .6rem; }
p { margin: .3rem 0; max-width: 46rem; } .dim { color: var(--dim); }
svg { width: 100%; height: auto; margin-top: 1rem; } svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
svg .lead { stroke: var(--dim); stroke-opacity: .5; }
svg .dim { fill: var(--dim); } svg .grid { stroke: var(--line); } svg .aim { stroke: var(--dim); stroke-dasharray: 4 4; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .8rem .25rem 0; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th { color: var(--dim); font-weight: 500; } th.name, td.name { text-align: left; } tr.all td { font-weight: 600; }
ul.key { list-style: none; display: flex; flex-wrap: wrap; gap: .2rem 1.4rem; padding: 0; margin: .6rem 0 0; }
.dot { display: inline-block; width: .7em; height: .7em; border-radius: 50%; margin-right: .45em; }
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
        _key(summary.shown),
        "<h2>By family</h2>",
        _families(summary),
    ]
    for policy in summary.shown:
        of = f" under {escape(policy)}" if len(summary.shown) > 1 else ""
        body += [f"<h2>Tool outputs by content{of}</h2>", _outputs("content", summary.kinds(policy))]
        body += [f"<h2>Tool outputs by tool{of}</h2>", _outputs("tool", summary.tools(policy))]
    if lost:
        body += ["<h2>Facts that were used and no longer there</h2>", *map(_lost, lost)]
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width">\n'
        f"<title>Retention and cost</title>\n<style>{_STYLE}</style>\n" + "\n".join(body) + "\n</html>\n"
    )


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


def _key(policies: Sequence[str]) -> str:
    items = (f'<li><span class="dot" style="background:var(--p{i % 6})"></span>{escape(p)}</li>' for i, p in enumerate(policies))
    return f'<ul class="key">{"".join(items)}</ul>'


def _families(summary: Summary) -> str:
    rows = [
        ("" if line.family else "all", [line.family or "all", line.policy], summary.cells(line)) for line in summary.with_totals()
    ]
    return _table(["family", "policy"], summary.columns(), rows)


def _outputs(name: str, rows: dict[str, Outputs]) -> str:
    heads = ["outputs", "tokens before", "after", "facts used", "in context", "lost"]
    cells = [("", [kind or "(unnamed)"], [f"{value:,}" for value in _values(row)]) for kind, row in rows.items()]
    return _table([name], heads, cells)


def _values(row: Outputs) -> tuple[int, ...]:
    return (row.outputs, row.tokens_before, row.tokens_after, row.used, row.in_context, row.lost)


def _table(names: Sequence[str], heads: Sequence[str], rows: Iterable[tuple[str, Sequence[str], Sequence[str]]]) -> str:
    top = "".join(f'<th class="name">{escape(n)}</th>' for n in names) + "".join(f"<th>{escape(h)}</th>" for h in heads)
    lines = []
    for style, labels, cells in rows:
        inner = "".join(f'<td class="name">{escape(n)}</td>' for n in labels) + "".join(f"<td>{escape(c)}</td>" for c in cells)
        lines.append(f'<tr class="{style}">{inner}</tr>' if style else f"<tr>{inner}</tr>")
    return f'<div class="scroll"><table><tr>{top}</tr>{"".join(lines)}</table></div>'


def _lost(one: Lost) -> str:
    about = ", ".join(filter(None, (one.conversation, one.tool, one.content, one.policy)))
    source, used = _excerpt("from", one.source), _excerpt("used in", one.used)
    return f'<div class="lost"><span class="dim">{escape(about)}</span><br>{source}<br>{used}</div>'


def _excerpt(label: str, one: Excerpt) -> str:
    fact = f"{escape(one.before)}<mark>{escape(one.fact)}</mark>{escape(one.after)}"
    return f'<span class="dim">{label} message {one.message}</span> <code>{fact}</code>'
