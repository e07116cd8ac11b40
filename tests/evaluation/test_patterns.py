"""Values are found leftmost first, and in linear time all the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.evaluation.patterns import _ANYWHERE, values

pieces = st.sampled_from(
    [*"aAbZ19_-./@:,+# é٣\n(", "http://", ".py", "2024-01-01", "10:30", "1,234", "/usr/", "x@y.co", "#a1", "--"]
)


@given(st.lists(pieces, max_size=20).map("".join))
def test_beginning_where_runs_begin_finds_what_beginning_anywhere_finds(text: str) -> None:
    assert list(values(text)) == [(found[0], found.lastgroup) for found in _ANYWHERE.finditer(text)]


def test_what_no_separator_breaks_has_no_values() -> None:
    assert [value for value, _ in values(f"a_1 {'x_1-' * 500} b_2")] == ["a_1", "b_2"]
    assert [value for value, _ in values(f"a_1 {'x_1-' * 499} b_2")] == ["a_1", "x_1-" * 499, "b_2"]
