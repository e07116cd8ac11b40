"""What harnesses put around an output: shortened where it says success, kept where it does not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.config.policy import WrappersConfig
from headroom_stream.content.split import split


def parts(text: str) -> list[tuple[str, bool]]:
    return [(part.text, part.body) for part in split(text, WrappersConfig())]


def shown(text: str) -> str:
    return "".join(part.text for part in split(text, WrappersConfig()))


def test_success_is_not_said() -> None:
    assert parts("<returncode>0</returncode>\n<output>\na\nb\n</output>") == [("a\nb", True)]


def test_failure_is_said() -> None:
    assert parts("<returncode>2</returncode>\n<output>\nno\n</output>") == [("returncode 2\n", False), ("no", True)]
    assert shown("<returncode>1</returncode>\n<output>\n</output>") == "returncode 1\n(no output)"


def test_no_output_is_said() -> None:
    assert shown("<returncode>0</returncode>\n<output>\n</output>") == "(no output)"
    silent = "Your command ran successfully and did not produce any output."
    assert shown(silent) == "(no output)"
    assert shown(silent + "\n(Open file: n/a)\n(Current directory: /r)\nbash-$") == "(no output)\n(Current directory: /r)"


def test_head_and_tail_of_a_cut_output_are_parts_of_their_own() -> None:
    text = (
        "<returncode>0</returncode>\n<warning>\nToo long.\n</warning><output_head>\na\n</output_head>\n"
        "<elided_chars>\n9 characters elided\n</elided_chars>\n<output_tail>\nb\n</output_tail>"
    )
    assert shown(text) == "warning:\nToo long.\na\n[9 characters elided]\nb"
    assert [part for part, body in parts(text) if body] == ["a", "b"]


def test_errors_keep_their_name() -> None:
    assert shown("<stdout>fine</stdout>\n<stderr>\nbad\n</stderr>") == "fine\nerror:\nbad".replace("error", "stderr")
    assert shown("<stdout>fine</stdout>\n<stderr></stderr>") == "fine"


@pytest.mark.parametrize(
    "text",
    [
        "<output>a</output> and more",
        "<output>never closed",
        "<output>a</output>b</output>",
        "<html>\n<output>a</output>\n</html>",
        "<div>x</div>",
        "",
        "plain",
        "bash-$ is a prompt",
        "[a list]",
    ],
)
def test_other_texts_are_one_body(text: str) -> None:
    assert shown(text) == text


def test_a_prompt_goes_and_paths_are_said_from_the_directory() -> None:
    footer = "\n(Open file: /repo/src/a.py)\n(Current directory: /repo)\nbash-$"
    assert parts("done" + footer) == [("done", True), ("\n(Open file: src/a.py)\n(Current directory: /repo)", False)]
    assert shown("done\n(Open file: n/a)\n(Current directory: /repo)\nbash-$") == "done\n(Current directory: /repo)"
    assert shown("x\n(Open file: n/a)\n(Current directory: /r)\n(Interactive session: gdb)\nbash-$").endswith(
        "(Interactive session: gdb)"
    )


@pytest.mark.parametrize(
    ("footer", "left"),
    [
        ("\n[The command completed with exit code 0.]\n[Current working directory: /w]", "\n[cwd: /w]"),
        ("\n[Current working directory: /w]\n[Command finished with exit code 0]", "\n[cwd: /w]"),
        ("\n[Command finished with exit code 0]", ""),
        ("\n[The command completed with exit code 1.]", "\n[exit code 1]"),
        ("\n[Current working directory: /w]\n[Python interpreter: /bin/p]\n[Command finished with exit code 3]",
         "\n[cwd: /w]\n[Python interpreter: /bin/p]\n[exit code 3]"),
        ("\nError: (none)\nExit Code: 0\nSignal: (none)\nProcess Group PGID: 17", ""),
        ("\nError: (none)\nExit Code: 2\nSignal: (none)", "\nExit Code: 2"),
    ],
)  # fmt: skip
def test_footers_of_success_go(footer: str, left: str) -> None:
    assert shown("one\ntwo" + footer) == "one\ntwo" + left


def test_heads_go() -> None:
    assert shown("OBSERVATION:\nhere") == "here"
    assert shown("Exit code: 0\nWall time: 0.2 seconds\nOutput:\nhere") == "here"
    assert shown("Exit code: 7\nWall time: 0.2 seconds\nOutput:\nhere") == "Exit code: 7\nhere"


def test_nothing_is_done_when_switched_off() -> None:
    text = "<returncode>0</returncode>\n<output>\na\n</output>"
    assert [part.text for part in split(text, WrappersConfig(enabled=False))] == [text]


@given(
    st.lists(
        st.sampled_from(
            ["<output>", "</output>", "<returncode>", "0", "</returncode>", "\n", "a", "[", "]", "bash-$", "(Open file: "]
        )
    )
)
def test_any_text_is_answered_in_one_way(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert parts(text) == parts(text)
    assert len(shown(text)) <= len(text) or shown(text).endswith("(no output)")


@pytest.mark.parametrize(
    "unit", ["<output>", "\n[Command", "bash-$\n", "(Open file: ", "\nError: (none)", " ", "]", "<stderr></stderr>"]
)
def test_long_texts_take_no_more_than_their_length(unit: str) -> None:
    """Without linear patterns these take minutes; the test's time limit is the judge."""
    split(unit * (400_000 // len(unit)), WrappersConfig())
    split("<" + unit * (400_000 // len(unit)) + "]", WrappersConfig())


def envelope(**fields: Any) -> str:
    return shown(json.dumps(fields))


def test_json_around_half_a_character_is_left_alone() -> None:
    text = '{"output": "cut within a pair: \\ud83d\\n and more", "exit_code": 0}'
    assert parts(text) == [(text, True)]


def test_json_around_a_printed_text_is_opened() -> None:
    assert envelope(output='a\n"b"\n', metadata={"exit_code": 0, "duration_seconds": 0.1}) == 'a\n"b"'
    assert envelope(stdout="a\nb", stderr="", interrupted=False, isImage=False) == "a\nb"
    assert envelope(output="a\nb", metadata={"exit_code": 2}) == "exit_code 2\na\nb"
    assert envelope(stdout="a\nb", stderr="no\n", success=False) == "success false\na\nb\nstderr:\nno"
    assert shown(json.dumps([{"type": "text", "text": "a\nb"}, {"type": "text", "text": "c"}])) == "a\nb\nc"


@pytest.mark.parametrize(
    "value",
    [
        {"output": "a\nb", "id": 7},
        {"output": ["a\nb"]},
        {"output": "a\nb", "duration": "long"},
        {"name": "a\nb"},
        [{"type": "text", "text": "a\nb"}, {"type": "image", "data": "x"}],
        [],
    ],
)
def test_json_with_any_other_field_is_json(value: Any) -> None:
    assert shown(json.dumps(value)) == json.dumps(value)


def test_a_large_json_value_among_words_is_a_part() -> None:
    value = '{"a": [1, 2, 3], "b": {"c": "text that goes on"}}'
    assert parts(f"Found 3 results:\n{value}\nDone.") == [("Found 3 results:\n", True), (value, True), ("\nDone.", True)]
    assert parts(f"response: {value}") == [("response: ", True), (value, True)]
    assert parts(value) == [(value, True)]


@pytest.mark.parametrize(
    "text", ["[see below] and more words", '{"a": 1} and a text that is much longer than the value', "{x}\n[1, 2", '[{"a": ']
)
def test_little_or_broken_json_is_no_part(text: str) -> None:
    assert parts(text) == [(text, True)]


@pytest.mark.parametrize("unit", ["[", "{", "[[1],\n", '{"a":', "a: [\n", "[1,\n", "\n[ "])
def test_broken_json_is_tried_few_times(unit: str) -> None:
    """Without a limit these take minutes; the test's time limit is the judge."""
    split("x\n" + unit * (400_000 // len(unit)), WrappersConfig())
