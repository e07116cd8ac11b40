"""A report as one HTML page that needs nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from headroom_stream.drawing.page import document, table
from headroom_stream.report.model import Report, Section, Table, written
from headroom_stream.report.plots import plot

_STYLE = """
p.headline { font-size: 1.1rem; max-width: 52rem; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: .4rem 2.4rem; max-width: 68rem; }
figure { margin: .6rem 0 0; max-width: 34rem; } figcaption { color: var(--dim); } figure svg { margin-top: .4rem; display: block; }
figure svg text { font-size: 13px; }
section .scroll { margin-top: .9rem; max-height: 26.8rem; overflow: auto; }
section th { position: sticky; top: 0; background: var(--ground); }
section td.name { max-width: 24rem; overflow: hidden; text-overflow: ellipsis; }
pre { background: var(--raised); padding: .8rem 1rem; border-radius: 6px; overflow-x: auto; font: 13px/1.5 ui-monospace, monospace; }
@media (max-width: 40rem) { body { padding: 1.2rem .9rem 3rem; } }
@media print { section .scroll { max-height: none; overflow: visible; } section th { position: static; }
  h2, figure, tr { break-inside: avoid; } h2 { break-after: avoid; }
  section td.name:first-child { white-space: normal; overflow-wrap: anywhere; } }
"""


def html(report: Report) -> str:
    """The page."""
    return document(report.title, _body(report), style=_STYLE)


def _body(report: Report) -> Iterator[str]:
    yield f"<h1>{escape(report.title)}</h1>"
    for sentence in report.headline:
        yield f'<p class="headline">{escape(sentence)}</p>'
    yield f'<p class="dim">{escape(report.about)}</p>'
    if report.example:
        yield f"<p>To fill it:</p><pre>{escape(report.example)}</pre>"
    for section in report.sections:
        yield "".join(_section(section))


def _section(section: Section) -> Iterator[str]:
    yield f"<section><h2>{escape(section.title)}</h2>"
    if section.note:
        yield f'<p class="dim">{escape(section.note)}</p>'
    if section.plots:
        yield f'<div class="plots">{"".join(map(plot, section.plots))}</div>'
    yield _table(section.table) + "</section>"


def _table(of: Table) -> str:
    kinds = [column.kind for column in of.columns]
    names = kinds.count("name")
    # Names come first in every table.
    heads = [column.head for column in of.columns]
    cells = [[written(value, kind) for value, kind in zip(row, kinds, strict=True)] for row in of.rows]
    return table(heads[:names], heads[names:], (("", row[:names], row[names:]) for row in cells))
