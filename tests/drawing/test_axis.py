"""Round scales."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.drawing.axis import round_scale


@given(st.lists(st.floats(-1e15, 1e15), min_size=1, max_size=9), st.integers(2, 10))
def test_a_scale_spans_its_values_in_equal_steps_and_few(values: list[float], steps: int) -> None:
    scale = round_scale(values, steps)
    slack = 1e-9 * max(1.0, *map(abs, values))
    assert scale[0] <= min(values) + slack and scale[-1] >= max(values) - slack
    assert 2 <= len(scale) <= steps + 2
    step = scale[1] - scale[0]
    assert all(b - a == pytest.approx(step, rel=1e-6) for a, b in pairwise(scale))


@pytest.mark.parametrize(
    ("values", "expected"), [([0, 7.3], [0, 2, 4, 6, 8]), ([0, 0.0128], [0, 0.005, 0.01, 0.015]), ([-3, 12], [-5, 0, 5, 10, 15])]
)
def test_steps_are_round(values: list[float], expected: list[float]) -> None:
    assert round_scale(values, 4) == pytest.approx(expected)
