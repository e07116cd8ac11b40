"""Search hits: grouped by file, nothing lost but what repeats in many files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.config.cuts import SearchConfig
from headroom_stream.content import Compressed, Hints
from headroom_stream.content.search import compress


def squeeze(text: str, query: str = "", intent: str = "") -> Compressed | None:
    return compress(text, Hints(query=query, intent=intent), SearchConfig())


def test_a_path_is_said_once_for_hits_in_a_row() -> None:
    out = squeeze("src/a.py:3:import os\nsrc/a.py:17:os.path\nsrc/b.py:4:import os\n")
    assert out is not None and out.lossless
    assert out.text == "src/a.py\n3:import os\n17:os.path\nsrc/b.py:4:import os\n"


def test_hits_without_numbers_and_context_lines_keep_their_marks() -> None:
    assert squeeze("src/a.py:  x = 1\nsrc/a.py:  y: int\n") is not None
    out = squeeze("src/a.py:  x = 1\nsrc/a.py:  y: int\nsrc/a.py-3-z\n")
    assert out is not None and out.text == "src/a.py\n:  x = 1\n:  y: int\n3-z\n"


def catalogues(count: int) -> str:
    return "\n".join(f'app/locale/lang{n}/app.po:{n + 100}:msgid "the document %r does not exist"' for n in range(count))


def test_a_text_that_many_files_share_is_shown_for_the_first_ones() -> None:
    out = squeeze(catalogues(40) + "\napp/main.py:7:    raise NotFound('the document does not exist')")
    assert out is not None and not out.lossless
    assert out.text.count("msgid") == 3 and "app/main.py:7:" in out.text
    assert out.removed.startswith("37 lines")


def test_a_hit_that_the_query_names_stays() -> None:
    out = squeeze(catalogues(40), "what about app/locale/lang33/app.po?")
    assert out is not None and "lang33" in out.text


def test_a_hit_that_the_call_names_stays() -> None:
    out = squeeze(catalogues(40), intent="grep -rn msgid app; then I open app/locale/lang33/app.po")
    assert out is not None and "lang33" in out.text and "lang32" not in out.text


def test_binary_files_that_match_are_cut_like_repeated_texts() -> None:
    lines = [f"grep: app/__pycache__/m{n}.pyc: binary file matches" for n in range(30)]
    out = squeeze("\n".join(["app/a.py:needle", "app/b.py:needle in it", *lines]))
    assert out is not None and "app/b.py:needle in it" in out.text and out.text.count("binary") == 3


def test_the_middle_of_minified_lines_goes() -> None:
    out = squeeze("src/a.js:3:short\nlib/min.js:1:" + "var x=1;" * 300 + "end\n")
    assert out is not None and not out.lossless and out.removed == "parts of 1 long line"
    assert out.text.startswith("src/a.js:3:short\nlib/min.js:1:var x=1;") and out.text.endswith("end\n") and len(out.text) < 700


@pytest.mark.parametrize(
    "text",
    [
        "def f(x):\n    return {1: x}\n",
        "name: value\nname: other\n",
        "http://x.org/a: is a page\nhttp://x.org/a: is another\n",
        "12:30: we met\n12:45: we left\n",
        "src/a.py:1:only one",
        "",
    ],
)
def test_other_texts_are_left_alone(text: str) -> None:
    assert squeeze(text) is None


paths = st.sampled_from(["a/b.py", "a/c.py", "lib/x-1.2/y.js", "setup.cfg", "./d.e"])


@given(
    st.lists(
        st.tuples(
            paths,
            st.integers(1, 999),
            st.sampled_from([":", "-"]),
            st.text(st.characters(codec="ascii", categories=["L", "N", "P"])),
        )
    )
)
def test_every_hit_can_be_read_back(hits: list[tuple[str, int, str, str]]) -> None:
    text = "\n".join(f"{path}{mark}{line}{mark}{said}" for path, line, mark, said in hits)
    out = squeeze(text)
    if out is not None and out.lossless:
        back, path = [], ""
        for line in out.text.split("\n"):
            if line in {hit[0] for hit in hits}:
                path = line
            elif line[0].isdigit():
                mark = ":" if line[len(line) - len(line.lstrip("0123456789"))] == ":" else "-"
                back.append(path + mark + line)
            else:
                back.append(line)
        assert back == text.split("\n")


@pytest.mark.parametrize("unit", ["a/", "a:1:", "a-", "a.", ":", "grep: ", "a/b.py:1:x\n"])
def test_long_texts_take_no_more_than_their_length(unit: str) -> None:
    """Without linear patterns these take minutes; the test's time limit is the judge."""
    squeeze("a/b.py:1:x\na/b.py:2:y\n" + unit * (400_000 // len(unit)))


def test_a_line_that_would_be_read_as_a_hit_of_the_file_above_it_keeps_that_files_hits_whole() -> None:
    text = "src/a.py:1:one\nsrc/a.py:2:two\n7:of no file\nsrc/b.py:3:three\nsrc/b.py:4:four"
    made = compress(text, Hints(), SearchConfig())
    assert made is not None
    assert made.text == "src/a.py:1:one\nsrc/a.py:2:two\n7:of no file\nsrc/b.py\n3:three\n4:four"


def test_a_text_that_begins_like_a_line_number_keeps_its_colon() -> None:
    made = compress("src/a.py:12-34 tests\nsrc/a.py:none", Hints(), SearchConfig())
    assert made is not None
    assert made.text == "src/a.py\n:12-34 tests\n:none"


def test_the_tests_that_a_runner_names_are_no_hits() -> None:
    text = "\n".join(f"tests/unit/test_{n % 3}.py::test_number_{n} PASSED [ {n:2}%]" for n in range(60))
    assert compress(text, Hints(), SearchConfig()) is None
