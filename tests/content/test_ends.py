"""What many lines begin or end with is said once, and nothing else changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.config import Policy, override
from headroom_stream.config.cuts import EndsConfig
from headroom_stream.content import Hints, ends
from headroom_stream.content.detect import compress_text
from headroom_stream.references import Referring, Shown, refer
from headroom_stream.tokenizers import load_tokenizer
from tests.laws.promises import whole_lines


def short(text: str) -> str | None:
    out = ends.compress(text, Hints(), EndsConfig())
    if out is None:
        return None
    assert out.lossless and not out.removed
    assert whole_lines(out.text) == text
    return out.text


NAMES = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta")


def test_columns_that_are_equal_are_said_once_and_other_rows_stay_whole() -> None:
    rows = [f"{name},int,YES,None,auto" for name in NAMES]
    rows[3] = "delta,int,NO,None,auto"
    assert short("\n".join(rows)) == "\n".join(
        ["[… = ,int,YES,None,auto]", "alpha…", "beta…", "gamma…", rows[3], "epsilon…", "zeta…", "eta…", "theta…"]
    )


def test_a_message_about_each_of_many_things_is_said_once() -> None:
    text = "\n".join(["looking", *(f"ls: cannot access '{name} 1': No such file or directory" for name in NAMES), "done"])
    assert short(text) == "\n".join(
        ["looking", "[{}… = ls: cannot access '{}': No such file or directory]", *(f"{name} 1…" for name in NAMES), "done"]
    )


def test_a_common_beginning_ends_where_a_value_begins() -> None:
    text = "\n".join(f"64 bytes from 10.0.0.1: icmp_seq={n} ttl={50 + n} time={n}.{n} ms" for n in range(12, 20))
    out = short(text)
    assert out is not None and out.startswith("[… = 64 bytes from 10.0.0.1: icmp_seq=]\n…12 ttl=62 time=12.12 ms\n…13 ")


@pytest.mark.parametrize(
    "line",
    [
        "/usr/lib/python3/dist-packages/{}.py",
        "module.section.subsection.key_{}",
        "https://example.com/a/b?name={}",
        "see https://example.com/a/long/path/of/names?first=1&second={}",
        "2026-03-01 10:00:{}",
        "order-4711-2026-03-{}",
        "12,345,678,9{}",
    ],
)
def test_no_value_is_torn(line: str) -> None:
    out = short("\n".join(line.format(n) for n in range(10, 30)))
    value = line.split(" ", 1)[1] if line.startswith("see") else line
    assert out is None or value.format(17) in out


def test_half_a_pair_of_quotes_is_not_left_alone() -> None:
    out = short("\n".join(f"'{name} street','United Kingdom','GB','EUR'" for name in NAMES))
    assert out is not None and out.startswith("[… = ,'United Kingdom','GB','EUR']\n'alpha street'…\n")


def test_braces_that_would_be_taken_for_the_place_of_the_rest_stay_in_it() -> None:
    out = short("\n".join(f"warning: something is wrong with {{}} {name}" for name in NAMES))
    assert out is not None and out.startswith("[… = warning: something is wrong with ]\n…{} alpha\n")


def test_families_one_after_the_other_have_each_a_line_of_their_own() -> None:
    first = [f"WARNING: no rule for the target {name}" for name in NAMES]
    second = [f"{name} is up to date and was not built again" for name in NAMES]
    out = short("\n".join([*first, "now the rest:", *second]))
    assert out is not None
    assert out.split("\n")[0] == "[… = WARNING: no rule for the target ]"
    assert out.split("\n")[10:12] == ["[… =  is up to date and was not built again]", "alpha…"]


def test_the_words_stand_near_the_lines_that_need_them() -> None:
    says = "error: the file was not found at "
    text = "\n".join([*(says + name for name in NAMES), *(f"{n} and {n * n}" for n in range(8)), *(says + name for name in NAMES)])
    out = short(text)
    assert out is not None and out.count(f"[… = {says}]") == 2


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(f"    value_{name} = compute(first, second, third)" for name in NAMES),
        "\n".join(f"{name} = compute(first, second, third, fourth)" for name in NAMES),
        "\n".join(f"\tmov\tw{n}, [sp, 28], lsl 2, ror" for n in range(12)),
        "\n".join(f"warning: something is wrong with the… {name}" for name in NAMES),
        "\n".join(f"warning: something is wrong with {name}\r" for name in NAMES),
        "\n".join(f"ok: {name}" for name in NAMES * 9),
        "\n".join(f"warning: something is wrong with {name}" for name in NAMES[:3]),
        "\n".join(f"{name} of {n} went to {n * n} and said so" for n, name in enumerate(NAMES)),
        "",
        "\n" * 50,
    ],
    ids=["code", "assignments", "assembly", "sign", "carriage return", "short", "few", "unlike", "empty", "blank"],
)
def test_other_texts_are_left_alone(text: str) -> None:
    assert short(text) is None


def test_a_text_that_looks_like_the_form_is_left_alone() -> None:
    text = "\n".join(["[… = ,int,YES,None,auto]", *(f"{name},int,YES,None,auto" for name in NAMES)])
    assert short(text) is None


def test_rows_of_a_query_are_said_so() -> None:
    rows = [(name, b"varchar(50)", "YES", "", None, "") for name in NAMES]
    out = compress_text(str(rows), Hints(), Policy())
    assert out is not None and out.kind == "tables" and out.text.startswith("[… = ,b'varchar(50)',YES,'',None,'']\nalpha…\n")


def test_it_can_be_switched_off() -> None:
    text = "\n".join(f"ls: cannot access '{name}': No such file or directory" for name in NAMES)
    assert compress_text(text, Hints(), Policy()) is not None
    assert compress_text(text, Hints(), override(Policy(), {"ends": {"enabled": False}})) is None


def test_lines_that_need_their_words_are_not_pointed_at_from_another_text() -> None:
    def rows(kind: str) -> str:
        out = short("\n".join(f"the_column_that_is_called_{name},{kind},YES,None,auto" for name in NAMES))
        assert out is not None and f"[… = ,{kind},YES,None,auto]\nthe_column_that_is_called_alpha…\n" in out
        return out

    shown = Shown(max_chars=100_000)
    shown.add(1, Referring(rows("integer")))
    assert refer(rows("float"), shown, Policy().references) is None
    same = refer(rows("integer"), shown, Policy().references)
    assert same is not None and same.text == "[same as result 1]"
    shown.add(2, Referring(rows("float").replace("[… = ", "no words: ")))
    other = refer(rows("float"), shown, Policy().references)
    assert other is not None and "[8 lines as in result 2]" in other.text


LINES = st.builds(
    lambda before, middle, after: before + middle + after,
    st.sampled_from(["", "ls: cannot access '", "error in the file ", "a=", "INFO [main] ", "  - item ", "x(", "{"]),
    st.text(st.sampled_from("ab1 ,'\"{}[]()…=\t"), max_size=8),
    st.sampled_from(["", "': No such file or directory", ",YES,None,NULL,''", " was not found here", ")", "}", "…"]),
)


@given(st.lists(LINES, min_size=1, max_size=5), st.lists(LINES, max_size=3), st.integers(1, 9))
def test_every_line_comes_back(many: list[str], few: list[str], times: int) -> None:
    short("\n".join([f"{line}{n}" if n % 2 else line for n in range(times) for line in many] + few))
    short("\n".join(many * times + few + many * times))


@given(st.lists(st.text(st.sampled_from("abcdefgh_"), min_size=1, max_size=12), min_size=4, max_size=40))
def test_tokens_are_saved(names: list[str]) -> None:
    count = load_tokenizer(network=False).count
    for line in (
        "ls: cannot access '{}': No such file or directory",
        "{},b'int',YES,'',None,''",
        "INFO [main] loaded the plugin {}",
    ):
        text = "\n".join(map(line.format, names))
        out = short(text)
        assert out is None or count(out) < count(text)
