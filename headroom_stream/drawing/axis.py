"""Axes of plots in SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape


def round_scale(values: Sequence[float], steps: int = 8) -> list[float]:
    """Round numbers that span the values, about as many as `steps` and at most half as many again."""
    low, high = min(values), max(values)
    # A span of nothing has no magnitude.
    rough = max(high - low, 1e-9) / steps
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(m * magnitude for m in (1, 2, 5, 10) if m * magnitude >= rough)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [n * step for n in range(first, max(last, first + 1) + 1)]


def upright(x: float, label: str, *, top: float, bottom: float) -> str:
    """A line of the grid at `x`, with its label below."""
    return f'<line class="grid" x1="{x:.1f}" y1="{top:g}" x2="{x:.1f}" y2="{bottom:g}"/>' + below(x, label, bottom)


def below(x: float, label: str, bottom: float) -> str:
    """A label of the axis across, without a line."""
    return f'<text class="dim" x="{x:.1f}" y="{bottom + 18:g}" text-anchor="middle">{escape(label)}</text>'


def level(y: float, label: str, *, left: float, right: float) -> str:
    """A line of the grid at `y`, with its label to the left."""
    line = f'<line class="grid" x1="{left:g}" y1="{y:.1f}" x2="{right:g}" y2="{y:.1f}"/>'
    return f'{line}<text class="dim" x="{left - 8:g}" y="{y + 4:.1f}" text-anchor="end">{escape(label)}</text>'
