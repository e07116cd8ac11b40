"""Series of numbers: which of them lie far off, and where the series moves to another level."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

_ROUNDS = 40
"""Each round at least halves the deviation; floats of all sizes are through before."""
_ROUNDING = 1e-12
"""Of a number; less than that is no distance, but what rounding leaves between equal numbers."""
_WINDOW = 5
"""Numbers on each side that make up a level."""
_NORMAL_MEDIAN_STEP = 0.954
"""Of normal noise with deviation 1, the median distance between neighbours."""


def distances(values: Numbers) -> Numbers:
    """How far each number lies from the middle of the others, in their standard deviations.

    A huge number raises the deviation so much that it hides others (and sometimes itself). So numbers beyond two deviations are set
    aside and the rest is measured anew, as long as that more than halves the deviation; ordinary tails do not. Where the rest is all
    the same, any other number is a thousand deviations off at least.
    """
    if not len(values):
        return values
    inner = values
    centre, spread = _moments(inner)
    for _ in range(_ROUNDS):
        rest = inner[np.abs(inner / 2 - centre / 2) <= spread]
        if 2 * len(rest) < len(values) or len(rest) == len(inner):
            break
        closer = _moments(rest)
        if 2 * closer[1] > spread:
            break
        inner, (centre, spread) = rest, closer
    off: Numbers = np.abs(values / 2 - centre / 2)  # halves: the difference of two great numbers is no float
    off[off <= _ROUNDING * abs(centre)] = 0.0
    if spread <= _ROUNDING * abs(centre):
        spread = float(off.min(where=off > 0, initial=np.inf)) / 500
    with np.errstate(over="ignore"):
        return off / (spread / 2) if spread > 0 else off


def _moments(values: Numbers) -> tuple[float, float]:
    """Mean and standard deviation, where squares would overflow too."""
    scale = max(float(np.abs(values).max()), np.finfo(np.float64).tiny)
    scaled = values / scale
    return float(scaled.mean()) * scale, float(scaled.std()) * scale


def changes(values: Numbers, threshold: float) -> list[tuple[float, int]]:
    """Where the level changes: (by how many deviations of all, place of the first number on the new level), places in order.

    Compared are the means of five numbers before and after. A change is one that noise as between neighbours makes by chance only at
    twice `threshold` deviations, and that is larger than the deviation of all: a steady slope changes nothing. Of several places
    within five, the one with the greatest change counts.
    """
    if len(values) < 2 * _WINDOW:
        return []
    scaled = values / max(float(np.abs(values).max()), np.finfo(np.float64).tiny)
    deviation = float(scaled.std())
    if deviation <= _ROUNDING:
        return []
    scaled = scaled / deviation
    sums = np.concatenate([[0.0], np.cumsum(scaled)])
    means = (sums[_WINDOW:] - sums[:-_WINDOW]) / _WINDOW
    moved = np.abs(means[_WINDOW:] - means[:-_WINDOW])
    noise = float(np.median(np.abs(np.diff(scaled)))) / _NORMAL_MEDIAN_STEP * (2 / _WINDOW) ** 0.5
    least = max(2 * threshold * noise, 1.0)
    out: list[tuple[float, int]] = []
    for at in np.flatnonzero(moved > least).tolist():
        found = (float(moved[at]), at + _WINDOW)
        if out and found[1] - out[-1][1] < _WINDOW:
            out[-1] = max(out[-1], found, key=lambda change: change[0])
        else:
            out.append(found)
    return out
