"""Test runs and builds: failures and results stay, passes and steps go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.config.policy import BuildsConfig, TestsConfig
from headroom_stream.content import Compressed, Hints, builds, runners


def run(text: str, query: str = "") -> Compressed | None:
    return runners.compress(text, Hints(query=query), TestsConfig())


def build(text: str, query: str = "") -> Compressed | None:
    return builds.compress(text, Hints(query=query), BuildsConfig())


FAILURE = """=== FAILURES ===
___ test_b ___
    def test_b():
>       assert f(1) == 2
E       assert 1 == 2
a/test_b.py:3: AssertionError"""
PYTEST = "\n".join(
    [
        "============================= test session starts ==============================",
        "platform linux -- Python 3.11, pytest-8.3",
        "cachedir: .pytest_cache",
        *[f"a/test_a.py::test_{n} PASSED    [ {n}%]" for n in range(10, 60)],
        "a/test_b.py::test_b FAILED    [ 99%]",
        FAILURE,
        "================== 1 failed, 50 passed in 0.36s ==================",
    ]
)


def test_failures_and_the_summary_stay_and_passes_are_counted() -> None:
    out = run(PYTEST)
    assert out is not None and not out.lossless
    assert FAILURE in out.text and "1 failed, 50 passed" in out.text and "test_b FAILED" in out.text
    assert "PASSED" not in out.text and out.removed.startswith("51 lines")


def test_a_passed_test_that_the_query_names_stays() -> None:
    out = run(PYTEST, "did test_41 pass?")
    assert out is not None and "test_41 PASSED" in out.text


@pytest.mark.parametrize(
    ("passed", "end"),
    [
        ("test_{n} (app.tests.CaseTests) ... ok", "Ran 60 tests in 0.2s\n\nOK"),
        ("test module::case_{n} ... ok", "test result: ok. 60 passed; 0 failed"),
        ("--- PASS: TestCase{n} (0.00s)", "ok  \tgithub.com/a/b\t0.2s"),
        ("  ✓ does the thing {n} (3 ms)", "Tests:       60 passed, 60 total"),
        ("ok {n} - does the thing", "1..60"),
        ("PASSED app/test_a.py::test_{n}", "==== 60 passed in 1.2s ===="),
        ("test_case_{n} ok", "==== test process starts ===="),
        ("a/test_{n}.py ........................   [ 20%]", "==== 60 passed in 1.2s ===="),
    ],
)
def test_the_lines_of_passes_of_many_runners_are_known(passed: str, end: str) -> None:
    out = run("\n".join([passed.format(n=n) for n in range(60)] + ["a test that failed: expected 1", end]))
    assert out is not None and out.text == "a test that failed: expected 1\n" + end


def test_what_passing_tests_printed_goes() -> None:
    printed = "".join(f"___ test_{n} ___\n--- Captured stdout call ---\nsome words of test {n}\n" for n in range(30))
    parts = ["==== FAILURES ====", "assert 1 == 2", "==== PASSES ====", "==== short test summary info ====", "FAILED a"]
    out = run("==== test session starts ====\n" + "\n".join([*parts[:3], printed, *parts[3:]]))
    assert out is not None and out.text.split("\n")[1:] == parts


def test_warnings_of_one_text_are_shown_once() -> None:
    warning = "  /lib/{n}.py:3: DeprecationWarning: old\n    import old\n"
    body = "".join(f"a/test_{n}.py::test_x\n" + warning.format(n=n) + "\n" for n in range(20))
    end = "-- Docs: https://docs.pytest.org\n===== 1 passed in 0.1s ====="
    out = run("=== test session starts ===\n=== warnings summary ===\n" + body + end)
    assert out is not None
    assert out.text.count("DeprecationWarning") == 1 and "import old" in out.text and "1 passed" in out.text


INSTALL = "\n".join(
    [
        "Obtaining file:///app",
        *[f"Requirement already satisfied: lib{n}<=1.0.{n} in /venv/lib/python3.11/site-packages (1.0.1)" for n in range(30)],
        "Collecting other==2.0",
        "  Downloading other-2.0.tar.gz (12 kB)",
        "  error: subprocess-exited-with-error",
        "ERROR: Failed building wheel for other",
    ]
)


def test_steps_go_and_errors_stay() -> None:
    out = build(INSTALL)
    assert out is not None
    assert out.text == "Obtaining file:///app\n  error: subprocess-exited-with-error\nERROR: Failed building wheel for other"
    assert out.removed.startswith("32 lines")


def test_a_step_that_the_query_names_stays() -> None:
    out = build(INSTALL, "which version of lib17 is there?")
    assert out is not None and "lib17" in out.text


def test_of_progress_the_last_state_stays() -> None:
    lines = [f"reading sources... [ {n}%] chapter{n}" for n in range(10, 60)] + ["done", "WARNING: chapter12 is in no toctree"]
    out = build("\n".join(lines))
    assert out is not None
    assert out.text.split("\n") == ["reading sources... [ 59%] chapter59", "done", "WARNING: chapter12 is in no toctree"]


@pytest.mark.parametrize("text", ["", "x = 1 % 2\n" * 100, "Collecting stamps is fun. " * 40, "ok 1\n" * 200, "PASSED\n" * 200])
def test_other_texts_are_left_alone(text: str) -> None:
    assert run(text) is None
    assert build(text) is None


lines = st.sampled_from([*PYTEST.split("\n"), *INSTALL.split("\n"), "x", "", "Error: no", "50% done", "[ 50%] a"])


@given(st.lists(lines, max_size=80))
def test_what_stays_is_of_the_text_and_the_count_is_right(given_lines: list[str]) -> None:
    text = "\n".join(given_lines)
    for out in (run(text), build(text)):
        if out is not None:
            left = out.text.split("\n")
            remaining = iter(given_lines)
            assert all(line in remaining for line in left)
            assert len(given_lines) - len(left) == int(out.removed.split()[0])
            assert all(line in left for line in given_lines if line.startswith(("ERROR", "E  ", "Error")))


@pytest.mark.parametrize("unit", ["=", "= ", "PASSED ", "a ... ", "ok ", "%", "[ 5%] ", "━", "Building wheel for ", "-", "✓ ", "."])
def test_long_lines_take_no_more_than_their_length(unit: str) -> None:
    """Without linear patterns these take minutes; the test's time limit is the judge."""
    long = unit * (200_000 // len(unit))
    run("=== test session starts ===\n" + long + "\n" + unit * 300)
    build("50% a\n" * 10 + long + "\n" + (unit * 300 + "\n") * 20)
