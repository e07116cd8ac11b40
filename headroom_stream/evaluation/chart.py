"""Saving against retention, as an SVG: one point for each family under each policy, named where there is room."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

from headroom_stream.drawing.axis import level, round_scale, upright

WIDTH, HEIGHT = 960, 460
LEFT, RIGHT, TOP, BOTTOM = 56, 20, 24, 48
RADIUS = 5.5
AIM = 97.0
"""Per cent in context. Below it, refetches soon eat what more is saved."""
_CHARACTER = 7.2
"""Width of a character of a label; a guess on the wide side, since a page can't measure what it is shown in."""


class Point(NamedTuple):
    """A family under a policy."""

    saved: float
    in_context: float
    family: str
    colour: int
    policy: str


class _Box(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: _Box) -> bool:
        return self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom


def chart(points: Sequence[Point]) -> str:
    """The SVG; a sentence where there is no point."""
    if not points:
        return '<p class="dim">No conversation has a fact that was used later, so there is no retention to draw.</p>'
    across = round_scale([0.0, *(p.saved for p in points)])
    up = [s for s in round_scale([AIM - 2, 100.0, *(p.in_context for p in points)]) if s <= 100]
    right_end = WIDTH - RIGHT

    def x(value: float) -> float:
        return LEFT + (value - across[0]) / (across[-1] - across[0]) * (right_end - LEFT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (value - up[0]) / (up[-1] - up[0]) * (HEIGHT - BOTTOM - TOP - 40)

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Net saved against facts in context">']
    parts += [upright(x(value), f"{value:g}", top=TOP, bottom=HEIGHT - BOTTOM) for value in across]
    parts += [level(y(value), f"{value:g}", left=LEFT, right=right_end) for value in up]
    aim = y(AIM)
    parts.append(f'<line class="aim" x1="{LEFT}" y1="{aim:.1f}" x2="{right_end}" y2="{aim:.1f}"/>')
    parts.append(f'<text class="dim" x="{right_end}" y="{aim - 5:.1f}" text-anchor="end">the aim: {AIM:g} and above</text>')
    parts.append(f'<text class="dim" x="{right_end}" y="{HEIGHT - 8}" text-anchor="end">net saved, % of the input bill</text>')
    parts.append(f'<text class="dim" x="{LEFT}" y="14">facts in context, %</text>')
    parts += _named([(x(p.saved), y(p.in_context), p) for p in points])
    return "\n".join([*parts, "</svg>"])


def _named(placed: Sequence[tuple[float, float, Point]]) -> Iterator[str]:
    taken = [_Box(x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS) for x, y, _ in placed]
    names: list[tuple[float, float, str]] = []
    for i, (x, y, point) in enumerate(placed):
        colour = f"var(--p{point.colour % 6})"
        about = f"{point.family}, {point.policy}: {point.saved:.1f} % net saved, {point.in_context:.1f} % in context"
        # Points drawn later at the same place leave a ring of this one in sight.
        radius = RADIUS + 3 * sum(_near(x, y, a, b) for a, b, _ in placed[i + 1 :])
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{colour}"><title>{escape(about)}</title></circle>'
        if not any(name == point.family and _near(x, y, a, b) for a, b, name in names):
            names.append((x, y, point.family))
    for x, y, name in names:
        box = next((b for b in _places(x, y, len(name) * _CHARACTER) if not any(b.meets(t) for t in taken)), None)
        if box is None:
            # No room: the name is in the title, and the figures are in the table.
            continue
        taken.append(box)
        if abs(box.top + 8 - y) > 20:
            to = min(max(x, box.left), box.right)
            yield f'<line class="lead" x1="{x:.1f}" y1="{y:.1f}" x2="{to:.1f}" y2="{box.top + 8:.1f}"/>'
        yield f'<text x="{box.left:.1f}" y="{box.bottom - 4:.1f}">{escape(name)}</text>'


def _near(x: float, y: float, a: float, b: float) -> bool:
    return abs(x - a) < RADIUS / 2 and abs(y - b) < RADIUS / 2


def _places(x: float, y: float, width: float) -> Iterator[_Box]:
    """Where a name of that width may stand, the nearest first."""
    for drop in (0, -16, 16, -30, 30, -44, 44, 58, 72, 86):
        for left in (x + RADIUS + 4, x - width / 2, x - RADIUS - 4 - width):
            if drop == 0 and left == x - width / 2:
                continue
            box = _Box(left, y + drop - 8, left + width, y + drop + 8)
            if box.left >= LEFT and box.right <= WIDTH - 2 and box.top >= 16 and box.bottom <= HEIGHT - BOTTOM:
                yield box
