"""Pages, Markdown and JSON: the same figures, safe whatever names say."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.report.model import Bar, Bars, Columns, Series, brief, written
from headroom_stream.report.periods import PERIODS, Period, short
from headroom_stream.report.plots import DENSE, HEIGHT, WIDTH, plot
from tests.report.filled import plain, some_days, text_of
from tests.store.calls import START, call

HOSTILE = "<script>alert(1)</script>|`*x*`[a](http://evil)\n# b"


def test_the_page_needs_nothing_from_elsewhere() -> None:
    page = text_of(*some_days())
    assert not re.search(r"(?:src|href|url)\s*[=(]|@import|<script", page)
    assert "prefers-color-scheme: dark" in page and "@media print" in page and "width=device-width" in page


def test_the_page_has_a_plot_and_a_table_in_each_section() -> None:
    page = text_of(*some_days(), call(9000, error="no ranks"))
    sections = page.split("<section>")[1:]
    assert len(sections) == 8
    assert all("<svg" in s and "<table>" in s for s in sections)


def test_all_formats_have_the_same_figures() -> None:
    rows = some_days()
    found = json.loads(text_of(*rows, format="json"))
    page, text = plain(text_of(*rows)), text_of(*rows, format="markdown").replace("\u00a0", " ")
    for section in found["sections"]:
        assert section["title"] in page and f"## {section['title']}" in text
        for row in section["rows"]:
            for value in row.values():
                if isinstance(value, int):
                    assert f"{value:,}" in page and f"| {value:,} " in text
    assert found["headline"][0].replace("\u00a0", " ") in page


def test_names_are_text_and_not_markup() -> None:
    row = call(1, model=HOSTILE, request_id=HOSTILE, session_id=HOSTILE, transforms_applied=[HOSTILE], error=HOSTILE)
    page = text_of(row)
    assert "<script>" not in page and "&lt;script&gt;" in page
    text = text_of(row, format="markdown")
    assert "<script>" not in text.replace("\\<", "")
    table = [line for line in text.splitlines() if "alert" in line]
    assert len(table) == 4 and all(line.startswith("| ") and line.endswith(" |") for line in table)
    assert not re.search(r"(?<!\\)[`*\[<]", "".join(table))
    assert json.loads(text_of(row, format="json"))["sections"][1]["rows"][0]["model"] == HOSTILE


def test_a_markdown_table_has_as_many_cells_in_each_row() -> None:
    text = text_of(*some_days(), format="markdown")
    for block in text.split("\n\n"):
        if block.startswith("|"):
            assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1


values = st.lists(st.one_of(st.none(), st.floats(0, 1e12), st.just(0)), min_size=1, max_size=DENSE + 30)


@given(values)
def test_every_bar_of_a_plot_lies_within_it(heights: list[float | None]) -> None:
    labels = [str(n) for n in range(len(heights))]
    svg = drawn(Columns("t", "count", labels, labels, [Series("before", "red", heights)]))
    bars = svg.findall("rect")
    assert len(bars) == (0 if len(heights) > DENSE else sum(bool(v) for v in heights))
    assert len(svg.findall("path")) == (len(heights) > DENSE)
    for bar in bars:
        x, y, width, height = (float(bar.attrib[name]) for name in ("x", "y", "width", "height"))
        assert min(x, y) >= 0 and x + width <= WIDTH and y + height <= HEIGHT
    assert all(0 <= float(t.attrib["x"]) <= WIDTH for t in svg.findall("text"))


@given(st.integers(1, 800), st.sampled_from(PERIODS))
def test_labels_across_do_not_run_into_each_other(count: int, period: Period) -> None:
    ticks = [short(START, period)] * count
    svg = drawn(Columns("t", "count", ticks, ticks, [Series("before", "red", [1.0] * count)]))
    places = [float(t.attrib["x"]) for t in svg.findall("text") if t.attrib["text-anchor"] == "middle"]
    assert places
    assert all(b - a >= 7.2 * len(ticks[0]) for a, b in pairwise(places))


@given(st.lists(st.builds(Bar, st.text(max_size=60), st.floats(0, 1e12), st.one_of(st.none(), st.floats(0, 1e12))), min_size=1))
def test_bars_by_name_keep_their_proportions_within_the_plot(bars: list[Bar]) -> None:
    svg = drawn(Bars("t", "usd", bars))
    widths = [float(r.attrib["width"]) for r in svg.findall("rect")]
    assert all(0 <= w <= WIDTH for w in widths)
    assert len(svg.findall("text")) == 2 * len(bars)


def drawn(of: Columns | Bars) -> ET.Element:
    # A name may hold characters that XML has no place for; a browser reads HTML.
    text = re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", plot(of))
    found = ET.fromstring(text).find("svg")
    assert found is not None
    return found


def test_many_periods_are_an_outline_and_still_have_their_table() -> None:
    rows = [call(n, timestamp=START + timedelta(hours=n)) for n in range(DENSE + 10)]
    page = text_of(*rows, period="hour")
    assert "<path" in page
    assert page.count(">2026-03-0") >= DENSE + 10


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (1234567, "count", "1,234,567"),
        (0.00421, "usd", "$0.0042"),
        (-1234.5, "usd", "-$1,234.50"),
        (12.34, "percent", "12.3\u00a0%"),
        (3.14, "ms", "3.1\u00a0ms"),
        (None, "usd", "–"),
    ],
)
def test_values_are_written_as_people_read_them(value: object, kind: str, text: str) -> None:
    assert written(value, kind) == text  # type: ignore[arg-type]  # parametrised


def test_an_axis_has_short_numbers() -> None:
    assert [brief(v, "count") for v in (0, 950, 1500, 2e6, 3e9)] == ["0", "950", "1.5k", "2M", "3G"]
    assert (brief(0.005, "usd"), brief(-2000, "usd"), brief(80, "percent")) == ("$0.005", "-$2k", "80\u00a0%")
