"""Directories: what is joined, what is said once, what is cut, and what is no listing."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.config.policy import ListingsConfig
from headroom_stream.content import Compressed, Hints
from headroom_stream.content.listings import compress


def squeeze(text: str, query: str = "", names: int = 200) -> Compressed | None:
    return compress(text, Hints(query=query), ListingsConfig(names=names))


def test_the_names_of_a_directory_stand_on_one_line() -> None:
    out = squeeze(".:\nREADME.md\nsetup.py\nsrc\n\n./src:\n__init__.py\nmain.py\nmodels.py\nviews.py\n")
    assert out is not None and out.lossless
    assert out.text == ".: README.md setup.py src\n./src: __init__.py main.py models.py views.py"


def test_plain_names_are_joined() -> None:
    out = squeeze("README.md\nsetup.py\nsrc/\ntests/\nMakefile\ntox.ini\n")
    assert out is not None and out.text == "README.md setup.py src/ tests/ Makefile tox.ini"


def test_directories_that_hold_the_same_are_folded() -> None:
    text = "".join(
        f"./locale/{name}:\nLC_MESSAGES\n\n./locale/{name}/LC_MESSAGES:\napp.mo\napp.po\n\n" for name in ("de", "fr", "it", "pl")
    )
    out = squeeze(text)
    assert out is not None and out.lossless
    assert out.text == "./locale/{de,fr,it,pl}: LC_MESSAGES\n./locale/{de,fr,it,pl}/LC_MESSAGES: app.mo app.po"


def test_a_long_directory_is_counted_by_kind_and_named_files_stay() -> None:
    names = [f"test_case_{n:03}.py" for n in range(300)] + ["conftest.py", "data.json"]
    out = squeeze("\n".join(names), "why does test_case_271.py fail?", names=20)
    assert out is not None and not out.lossless
    assert "test_case_271.py" in out.text and "data.json" in out.text and "test_case_272.py" not in out.text
    left = int(re.findall(r"\(\+([0-9]+) \.py\)", out.text)[0])
    assert out.removed == f"{left} names" and len(out.text.split()) - 2 + left == len(names)


LONG = """total 24
drwxr-xr-x  5 root root  4096 Oct 24  2024 .
drwxr-xr-x  1 root root  4096 Nov 18 23:35 ..
-rw-r--r--  1 root root  1218 Oct 24  2024 .gitignore
-rw-r--r--  1 root root 20853 Oct 24  2024 CHANGES.rst
-rwxr-xr-x  1 root root  1634 Oct 24  2024 setup.py
lrwxrwxrwx  1 ann  root     8 Oct 24  2024 link -> setup.py
drwxr-xr-x  9 root root  4096 Oct 24  2024 src
"""


def test_rows_of_a_long_listing_say_what_differs() -> None:
    out = squeeze(LONG)
    assert out is not None and out.lossless
    assert out.text.split("\n")[0] == "total 24"
    assert out.text.split("\n")[2:] == [
        "./ 5",
        "../ 1 Nov 18 23:35",
        ".gitignore 1218",
        "CHANGES.rst 20853",
        "setup.py 1634 -rwxr-xr-x",
        "link -> setup.py 8 lrwxrwxrwx ann root",
        "src/ 9",
        "",
    ]
    assert all(part in out.text.split("\n")[1] for part in ("-rw-r--r--", "drwxr-xr-x", "root root", "Oct 24  2024", "4096"))


def test_many_paths_are_written_by_directory_and_the_named_stay_whole() -> None:
    paths = [f"./src/app{n // 20}/module_{n}.py" for n in range(200)]
    out = squeeze("\n".join(paths), "look at module_33.py")
    assert out is not None and out.lossless
    assert "./src/app0/: module_0.py module_1.py" in out.text and "\n./src/app1/module_33.py\n" in out.text
    assert squeeze("\n".join(paths[:100])) is None


@pytest.mark.parametrize(
    "text",
    [
        "one\ntwo\nthree\nfour\nfive\nsix\nseven",
        "12\n13\n14\n15\n16\n17\n18",
        "import os\nimport sys\n\ndef f():\n    return 1\n",
        "a.py\nb.py",
        "a.py b.py\nc.py d.py\ne.py f.py\ng.py h.py\n",
        "name: value\nother: value\nthird: value\nfourth: x\n",
        "",
    ],
)
def test_other_texts_are_left_alone(text: str) -> None:
    assert squeeze(text) is None


names = st.from_regex(r"[a-z]{1,6}(_[a-z]{1,4})?(\.(py|txt|md))?", fullmatch=True)


@given(
    st.dictionaries(
        st.from_regex(r"(\./)?[a-z]{1,5}(/[a-z]{1,5}){0,3}", fullmatch=True), st.lists(names, max_size=8, unique=True), max_size=8
    )
)
def test_every_name_stays_with_its_directory(tree: dict[str, list[str]]) -> None:
    text = "\n\n".join("\n".join([f"{path}:", *inside]) for path, inside in tree.items())
    out = squeeze(text)
    if out is not None:
        found = {}
        for line in out.text.split("\n"):
            head, _, inside = line.partition(":")
            fold = re.fullmatch(r"(.*)\{(.*)\}(.*)", head)
            paths = [head] if fold is None else [fold[1] + one + fold[3] for one in fold[2].split(",")]
            found.update({path: inside.split() for path in paths})
        assert found == tree


@pytest.mark.parametrize("unit", ["a/", "a.py\n", "./a:\n", "drwxr-xr-x ", "a", "{", "a:\n\n"])
def test_long_texts_take_no_more_than_their_length(unit: str) -> None:
    """Without linear patterns these take minutes; the test's time limit is the judge."""
    squeeze(unit * (400_000 // len(unit)))
    squeeze(("./" + unit * 150 + ":\na.py\n\n") * 500)


def test_paths_among_lines_that_read_like_a_directory_and_its_names_are_left_alone() -> None:
    paths = [f"src/app/module_{n}.py" for n in range(200)]
    assert squeeze("\n".join(paths)) is not None
    assert squeeze("\n".join([*paths, "src/other/: not names but words"])) is None
