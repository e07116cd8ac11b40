"""Fetched pages and accessibility trees: what an agent reads and acts on stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.config.policy import MarkupConfig
from headroom_stream.content import Compressed, Hints, accessibility, markup

PAGE = """<!DOCTYPE html>
<html lang="en"><head>
<title>Shop &amp; more</title>
<style>body { color: red; } p { margin: 0; } a { color: blue; }</style>
<script src="/app.js" async></script><script>var data = "%s";</script></head>
<body class="home page wide">
<!-- order 66 -->
<h2 class="title is-2">Offers</h2>
<ul class="list list--wide">
<li class="list__item"><a class="link link--blue" href="/a?id=1">First <b>one</b></a></li>
<li class="list__item"><a class="link link--blue" href="/b">Second</a></li></ul>
<form class="form" action="/search" method="get"><label class="label" for="q">Words</label>
<input class="input input--wide" type="text" id="q" name="q" placeholder="type here"/>
<button type="submit" class="button">Go</button></form>
<table class="table"><tr class="row"><td class="cell">A</td><td class="cell">12.50</td></tr></table>
<pre class="code">def f():
    return 1</pre>
<img class="picture" src="/x.png" alt="a cat"></body></html>
""".replace("%s", "x" * 400)


def page(text: str, tool: str = "fetch_page") -> Compressed | None:
    return markup.compress(text, Hints(tool=tool), MarkupConfig())


def test_a_page_becomes_its_content() -> None:
    out = page(PAGE)
    assert out is not None and not out.lossless
    assert out.text.split("\n") == [
        "Shop & more",
        "<script src=/app.js>",
        "<script, 414 characters>",
        "<!-- order 66 -->",
        "## Offers",
        "- [First one](/a?id=1)",
        "- [Second](/b)",
        "<form action=/search method=get>",
        "<label for=q>Words",
        '<input type=text id=q name=q placeholder="type here">',
        "<button type=submit>Go",
        "| A | 12.50",
        "def f():",
        "    return 1",
        "![a cat](/x.png)",
    ]


def test_the_source_of_a_page_is_code() -> None:
    assert page(PAGE, tool="bash") is None
    assert page("     1\t" + PAGE, tool="read_file") is None
    assert page(PAGE.replace("Offers", "{{ title }}")) is None


def test_a_page_that_says_it_was_fetched_is_read_whatever_the_tool() -> None:
    out = page("HTTP/1.1 200 OK\nServer: x\n\n" + PAGE, tool="bash")
    assert out is not None and out.text.startswith("HTTP/1.1 200 OK\nServer: x\n\nShop")


@given(
    st.lists(
        st.sampled_from(
            ["<p>", "</p>", "<a href=x>", "</a>", "<", ">", '"', "<!--", "-->", "<script>", "</script>", "word ", "<pre>"]
        )
    )
)
def test_words_outside_of_tags_stay(pieces: list[str]) -> None:
    out = markup.compress(
        "<html>" + '<p class="long name of a class">' * 9 + "".join(pieces), Hints(tool="web"), MarkupConfig(min_characters=1)
    )
    if out is not None and not {"<", '"', "<script>", "<!--"} & set(pieces):
        assert out.text.count("word") == pieces.count("word ")


TREE = """RootWebArea 'Shop', focused
	[1] navigation ''
		[2] link 'Home', clickable
			StaticText 'Home'
		[3] list ''
			[4] listitem ''
				[5] link 'Offers', url='/offers'
					StaticText 'Offers'
			[6] listitem ''
				[7] link 'Help'
		[8] combobox 'Country'
			[9] option 'Aland'
			[10] option 'Bland'
			[11] option 'Cland'
	[12] paragraph ''
		StaticText 'Words that stand alone'
	[13] button 'Go'
"""


def tree(text: str, query: str = "") -> Compressed | None:
    return accessibility.compress(text, Hints(query=query), MarkupConfig(min_characters=10))


def test_a_tree_keeps_what_says_something_or_can_be_acted_on() -> None:
    out = tree(TREE)
    assert out is not None and out.removed.startswith("6 elements")
    assert out.text == (
        "RootWebArea 'Shop', focused\n\t[1] navigation ''\n\t\t[2] link 'Home', clickable\n\t\t[5] link 'Offers', url='/offers'\n"
        "\t\t[7] link 'Help'\n\t\t[8] combobox 'Country'\n\t\t\t[9] option 'Aland'\n\t\t\t[10] option 'Bland'\n\t\t\t[11] option 'Cland'\n"
        "\tStaticText 'Words that stand alone'\n\t[13] button 'Go'\n"
    )


def test_of_many_options_the_first_and_the_named_stay() -> None:
    options = "".join(f"\t\t\t[{n}] option 'Country number {n}'\n" for n in range(100, 300))
    out = tree(TREE.replace("\t\t\t[9] option 'Aland'\n", options), "choose 'Country number 250'")
    assert out is not None and "number 250'" in out.text and "number 105'" in out.text and "number 251'" not in out.text


def test_the_list_of_playwright_is_known() -> None:
    text = (
        '- generic [ref=e2]:\n  - link "Home" [ref=e4] [cursor=pointer]:\n    - /url: /\n    - text: Home\n'
        '  - generic [ref=e5]: Some text\n  - generic [ref=e6]:\n    - textbox "Search" [ref=e7]\n'
        + '  - button "Go" [ref=e8]\n'
        * 9
    )
    out = tree(text)
    assert out is not None
    assert out.text.startswith(
        '- link "Home" [ref=e4]:\n  - /url: /\n- generic [ref=e5]: Some text\n- textbox "Search" [ref=e7]\n- button'
    )


@pytest.mark.parametrize(
    "text", ["- a\n- b\n" * 20, "link 'x'\n" * 20, "", "plain words\n" * 20, "document the code\n" + "for x in y:\n" * 20]
)
def test_other_texts_are_left_alone(text: str) -> None:
    assert tree(text) is None
    assert page(text) is None


@pytest.mark.parametrize("unit", ["<", '<a "', "<a '", "<!--", "<script>", "<a ", "<pre> ", '""', "<a b=c ", "]", "&amp;", "<p/>"])
def test_long_pages_take_no_more_than_their_length(unit: str) -> None:
    """Without linear patterns these take minutes; the test's time limit is the judge."""
    page("<html>" + unit * (300_000 // len(unit)))
    page("<html><a " + unit * (300_000 // len(unit)))


@pytest.mark.parametrize("unit", [" a", "'", " a: b", "\t", "[1] ", "- a ", " [a]", "x 'y' z: ", "\\", '- a "b" [c]'])
def test_long_trees_take_no_more_than_their_length(unit: str) -> None:
    """The same for trees."""
    line = unit * (100_000 // len(unit))
    for start in ("RootWebArea 'x'\n", '- link "x" [ref=e1]\n'):
        tree(start * 15 + line + "\n" + "- link 'x" + line)
        tree(start * 15 + (unit * 60 + "\n") * 1000)
        tree(start * 15 + "".join("\t" * n + "[1] link 'x'\n" for n in range(800)))
