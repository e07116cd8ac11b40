"""The plots of a report, as SVG that takes its colours from the page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape

from headroom_stream.drawing.axis import below, level, round_scale
from headroom_stream.drawing.page import key
from headroom_stream.report.model import PALE, STRONG, Bars, Columns, Series, brief, written

WIDTH = 480
"""Narrow, so that text keeps a readable size on a phone; a wide screen shows two plots side by side."""
HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 220, 56, 8, 12, 28
TICKS = 5
"""Labels across, at most."""
_CHARACTER = 7.8
"""Width of a character of a label; a guess on the wide side, since a page can't measure what it is shown in."""
DENSE = 120
"""More bars than this would each be thinner than the gaps between them: they become an outline."""
WIDEST = 48
"""A single bar across the whole plot would look like a ground."""
_NAME_LENGTH = 40
_ROW = 40


def plot(of: Columns | Bars) -> str:
    """The plot with its heading and the meaning of its colours."""
    drawn = _columns(of) if isinstance(of, Columns) else _bars(of)
    if isinstance(of, Columns):
        meaning = [(s.colour, s.name) for s in of.series]
    else:
        meaning = [(PALE, "before"), (STRONG, "sent")] if any(b.after is not None for b in of.bars) else []
    return f"<figure><figcaption>{escape(of.title)}</figcaption>{drawn}{key(meaning) if len(meaning) > 1 else ''}</figure>"


def _columns(of: Columns) -> str:
    values = [v for s in of.series for v in s.values if v is not None]
    # A share shows how much is missing from the whole.
    whole = [100.0] if of.kind == "percent" else []
    scale = round_scale([0.0, *whole, *values], steps=4)
    low, high = scale[0], scale[-1]
    count = len(of.labels)
    pitch = (WIDTH - LEFT - RIGHT) / count

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - BOTTOM - TOP)

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(of.title)}">']
    parts += [level(y(v), brief(v, of.kind), left=LEFT, right=WIDTH - RIGHT) for v in scale]
    room = int((WIDTH - LEFT - RIGHT) / (_CHARACTER * (max(map(len, of.ticks)) + 2)))
    ticks = max(1, min(TICKS, room, count))
    shown = [int(count * (n + 0.5) / ticks) for n in range(ticks)]
    parts += [below(LEFT + (at + 0.5) * pitch, of.ticks[at], HEIGHT - BOTTOM) for at in shown]
    for order, series in enumerate(of.series):
        if count > DENSE:
            parts.append(f'<path fill="{series.colour}" d="{"".join(_outline(series, pitch, y(0.0), y))}"/>')
            continue
        # Each later series is narrower, so that an earlier one stays in sight where it is lower.
        width = max(min(pitch, WIDEST) * (0.8 - 0.3 * order), min(pitch, 1.0))
        for at, value in enumerate(series.values):
            if value:
                x, top, base = LEFT + (at + 0.5) * pitch - width / 2, min(y(value), y(0.0)), max(y(value), y(0.0))
                about = f"{of.labels[at]}: {series.name} {written(value, of.kind)}"
                parts.append(
                    f'<rect x="{x:.1f}" y="{top:.1f}" width="{width:.1f}" height="{base - top:.1f}" fill="{series.colour}">'
                    f"<title>{escape(about)}</title></rect>"
                )
    return "".join([*parts, "</svg>"])


def _outline(series: Series, pitch: float, base: float, y: Callable[[float], float]) -> Iterator[str]:
    yield f"M{LEFT} {base:.1f}"
    for at, value in enumerate(series.values):
        yield f"V{y(value or 0.0):.1f}H{LEFT + (at + 1) * pitch:.1f}"
    yield f"V{base:.1f}Z"


def _bars(of: Bars) -> str:
    largest = max((max(b.before, b.after or 0.0) for b in of.bars), default=0.0) or 1.0
    parts = [f'<svg viewBox="0 0 {WIDTH} {_ROW * len(of.bars) + 4}" role="img" aria-label="{escape(of.title)}">']
    for row, bar in enumerate(of.bars):
        y = row * _ROW + 14
        name = bar.name if len(bar.name) <= _NAME_LENGTH else bar.name[: _NAME_LENGTH - 1] + "…"
        figures = written(bar.before, of.kind) + ("" if bar.after is None else f" → {written(bar.after, of.kind)}")
        parts.append(f'<text x="0" y="{y}">{escape(name)}<title>{escape(bar.name)}</title></text>')
        parts.append(f'<text class="dim" x="{WIDTH}" y="{y}" text-anchor="end">{escape(figures)}</text>')
        before = WIDTH * max(bar.before, 0.0) / largest
        parts.append(f'<rect x="0" y="{y + 6}" width="{before:.1f}" height="12" fill="{STRONG if bar.after is None else PALE}"/>')
        if bar.after is not None:
            after = WIDTH * max(bar.after, 0.0) / largest
            parts.append(f'<rect x="0" y="{y + 9}" width="{after:.1f}" height="6" fill="{STRONG}"/>')
    return "".join([*parts, "</svg>"])
