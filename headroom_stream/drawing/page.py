"""A page that needs nothing from elsewhere: light and dark, readable on a phone and in print."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --dim: #60666d; --line: #d8dbdf; --ground: #ffffff; --raised: #f5f6f8; --pale: #c3cbd6;
  --p0: #1a6fb5; --p1: #c2571a; --p2: #2c8049; --p3: #8a4bb3; --p4: #a8324a; --p5: #6b6412; }
@media screen and (prefers-color-scheme: dark) { :root { --ink: #e6e8ea; --dim: #9aa1a9; --line: #373c42; --ground: #15181b;
  --raised: #1e2226; --pale: #4a535e; --p0: #6db3ef; --p1: #f09a5e; --p2: #6fc78d; --p3: #c593ea; --p4: #ef8398; --p5: #cfc55a; } }
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
@media print { body { padding: 0; max-width: none; } .scroll { overflow: visible; } * { print-color-adjust: exact; } }
"""


def document(title: str, body: Iterable[str], *, style: str = "") -> str:
    """The whole page, as HTML; `style` is added to that of all pages."""
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}{style}</style>\n" + "\n".join(body) + "\n</html>\n"
    )


def key(items: Iterable[tuple[str, str]]) -> str:
    """What the colours of a plot mean: pairs of a CSS colour and its meaning."""
    lines = (f'<li><span class="dot" style="background:{colour}"></span>{escape(name)}</li>' for colour, name in items)
    return f'<ul class="key">{"".join(lines)}</ul>'


def table(names: Sequence[str], heads: Sequence[str], rows: Iterable[tuple[str, Sequence[str], Sequence[str]]]) -> str:
    """A table: columns of names, then of figures. A row is its CSS class, its names and its figures."""
    top = "".join(f'<th class="name">{escape(n)}</th>' for n in names) + "".join(f"<th>{escape(h)}</th>" for h in heads)
    lines = []
    for style, labels, cells in rows:
        inner = "".join(f'<td class="name">{escape(n)}</td>' for n in labels) + "".join(f"<td>{escape(c)}</td>" for c in cells)
        lines.append(f'<tr class="{style}">{inner}</tr>' if style else f"<tr>{inner}</tr>")
    return f'<div class="scroll"><table><tr>{top}</tr>{"".join(lines)}</table></div>'
