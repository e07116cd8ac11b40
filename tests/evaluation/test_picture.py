"""The page stands by itself, shows every point and every figure, and is safe to open whatever the conversations say."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.evaluation.bill import RATES
from headroom_stream.evaluation.chart import HEIGHT, WIDTH, Point, chart
from headroom_stream.evaluation.picture import page
from headroom_stream.evaluation.report import evaluate
from headroom_stream.evaluation.summary import Summary
from tests.evaluation.talk import Letters, calls, dropping, keeping, result, says, talk, user


def made(family: str = "shop", fact: str = "order_8812", **policies: Any) -> str:
    conversation = talk(user("Go."), calls("a"), result("a", f"<b>{fact}</b>"), says(f"It is {fact}."), family=family)
    report = evaluate([conversation], policies or {"kept": keeping, "dropped": dropping}, Letters(), lost=5)
    return page(Summary(report, RATES["anthropic"]), [one for o in report.outcomes for one in o.lost])


def test_the_page_needs_nothing_from_elsewhere() -> None:
    text = made()
    assert not re.search(r"(?:src|href|url)\s*[=(]|@import|<script", text)
    assert "prefers-color-scheme: dark" in text


def test_the_page_has_the_figures_and_the_facts_that_were_lost() -> None:
    text = made()
    assert "kept: 0.0 % net saved, 100.0 % of facts in context" in text
    assert "<mark>order_8812</mark>" in text and "used in message 3" in text
    assert text.count("<circle") == 2


def test_what_conversations_say_is_text_and_not_markup() -> None:
    text = made(family="<script>alert(1)</script>")
    assert "<script>" not in text and "&lt;script&gt;" in text and "&lt;b&gt;" in text


def test_without_facts_there_is_no_chart() -> None:
    conversation = talk(user("Hello."), says("Hello."))
    text = page(Summary(evaluate([conversation], {"kept": keeping}, Letters()), RATES["anthropic"]), [])
    assert "<svg" not in text and "no retention to draw" in text


points = st.builds(
    Point, st.floats(-300, 100), st.floats(0, 100), st.text("abc_<&", min_size=1, max_size=30), st.integers(0, 9), st.just("policy")
)


@given(st.lists(points, min_size=1, max_size=25))
def test_every_point_lies_within_the_chart_and_no_names_overlap(placed: list[Point]) -> None:
    svg = ET.fromstring(chart(placed))
    circles = svg.findall("circle")
    assert len(circles) == len(placed)
    for circle in circles:
        assert 0 <= float(circle.attrib["cx"]) <= WIDTH and 0 <= float(circle.attrib["cy"]) <= HEIGHT
    names = [t for t in svg.findall("text") if "class" not in t.attrib]
    boxes = [(float(t.attrib["x"]), float(t.attrib["y"]), len(t.text or "") * 6) for t in names]
    for i, (x, y, width) in enumerate(boxes):
        assert all(abs(y - b) >= 12 or x + width <= a or a + w <= x for a, b, w in boxes[:i])


def test_points_at_one_place_are_rings_with_one_name() -> None:
    svg = ET.fromstring(chart([Point(10, 100, "shop", 0, "a"), Point(10, 100, "shop", 1, "b")]))
    outer, inner = svg.findall("circle")
    assert float(outer.attrib["r"]) > float(inner.attrib["r"])
    assert [t.text for t in svg.findall("text") if t.text == "shop"] == ["shop"]
