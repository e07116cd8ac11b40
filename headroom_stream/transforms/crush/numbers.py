"""Series of numbers: which of them lie far off, and where the series moves to another level."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

_ROUNDS = 40
"""Each round at least halves the deviation; floats of all sizes are through before."""
_WINDOW = 5
"""Numbers on each side that make up a level."""
_NORMAL_MEDIAN_STEP = 0.954
"""Of normal noise with deviation 1, the median distance between neighbours."""


def distances(values: Numbers) -> Numbers:
    """How far each number lies from the middle of the others, in their standard deviations.

    A huge number raises the deviation so much that it hides others (and sometimes itself). So numbers beyond two deviations are set
    aside and the rest is measured anew, as long as that more than halves the deviation; ordinary tails do not.
    """
    if not len(values):
        return values
    scaled = values / max(float(np.abs(values).max()), np.finfo(np.float64).tiny)  # squares must not overflow
    inner = scaled
    for _ in range(_ROUNDS):
        spread = float(inner.std())
        rest = inner[np.abs(inner - inner.mean()) <= 2 * spread]
        if 2 * len(rest) < len(scaled) or 2 * float(rest.std()) > spread or len(rest) == len(inner):
            break
        inner = rest
    off, spread = np.abs(scaled - inner.mean()), float(inner.std())
    # What is left of equal numbers after rounding is no distance.
    off[off <= 1e-12] = 0.0
    result: Numbers = off / max(spread, 1e-12)
    return result


def changes(values: Numbers, threshold: float) -> list[tuple[float, int]]:
    """Where the level changes: (how much, place of the first number on the new level), places in order.

    Compared are the means of five numbers before and after. A change is one that noise as between neighbours makes by chance only at
    twice `threshold` deviations, and that is larger than the deviation of all: a steady slope changes nothing. Of several places
    within five, the one with the greatest change counts.
    """
    if len(values) < 2 * _WINDOW:
        return []
    scaled = values / max(float(np.abs(values).max()), np.finfo(np.float64).tiny)
    sums = np.concatenate([[0.0], np.cumsum(scaled)])
    means = (sums[_WINDOW:] - sums[:-_WINDOW]) / _WINDOW
    moved = np.abs(means[_WINDOW:] - means[:-_WINDOW])
    noise = float(np.median(np.abs(np.diff(scaled)))) / _NORMAL_MEDIAN_STEP * (2 / _WINDOW) ** 0.5
    least = max(2 * threshold * noise, float(scaled.std()), 1e-12)
    out: list[tuple[float, int]] = []
    for at in np.flatnonzero(moved > least).tolist():
        found = (float(moved[at]), at + _WINDOW)
        if out and found[1] - out[-1][1] < _WINDOW:
            out[-1] = max(out[-1], found, key=lambda change: change[0])
        else:
            out.append(found)
    return out
