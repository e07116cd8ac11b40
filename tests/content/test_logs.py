"""Logs by template: what is counted, what stays whole, and what is not taken for a log."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.config import LogsConfig
from headroom_stream.content import Compressed, Hints
from headroom_stream.content.log_lines import template
from headroom_stream.content.logs import compress
from headroom_stream.content.named import Named


def squeeze(text: str, query: str = "", **config: Any) -> Compressed | None:
    return compress(text, Hints(query=query), LogsConfig(**config))


def line(n: int, message: str, level: str = "INFO") -> str:
    return f"2024-05-01 {n // 3600:02}:{n // 60 % 60:02}:{n % 60:02},120 {level} [worker-{n % 7}] app.server: {message}"


def steady(count: int) -> list[str]:
    return [line(n, f"served request {n * 37} in {n % 90} ms") for n in range(count)]


def test_a_repeated_line_is_shown_once_with_count_and_last_time() -> None:
    out = squeeze("\n".join(steady(100)))
    assert out is not None
    assert out.text == f"{line(0, 'served request 0 in 0 ms')}\n… ×99 more to 00:01:39"
    assert (out.kind, out.lossless, out.removed) == ("logs", False, "99 lines")


def test_the_date_is_given_when_it_differs_from_the_line_shown() -> None:
    out = squeeze("\n".join([*steady(50), line(0, "served request 5 in 5 ms").replace("05-01", "05-02")]))
    assert out is not None and out.text.endswith("… ×50 more to 2024-05-02 00:00:00")


def test_rare_lines_stay_whole_and_in_their_place() -> None:
    rare = [line(30, "cache rebuilt"), line(60, "config reloaded by operator")]
    lines = steady(100)
    out = squeeze("\n".join([*lines[:40], rare[0], *lines[40:80], rare[1], *lines[80:]]))
    assert out is not None and out.text.split("\n")[2:] == rare


def test_errors_that_repeat_show_what_varies() -> None:
    errors = [line(n, f"cannot open shard {n % 3}", "ERROR") for n in range(200, 220)]
    out = squeeze("\n".join(steady(100) + errors))
    assert out is not None
    assert errors[0] in out.text
    assert out.text.split("\n")[-1].startswith("… ×19 more to 00:03:39: ")
    assert "worker-" not in out.text.split("\n")[-1] and "0" in out.text.split("\n")[-1]


def test_a_stack_trace_stays_whole_with_its_line() -> None:
    trace = ["Traceback (most recent call last):", '  File "a.py", line 3, in f', "ZeroDivisionError: division by zero"]
    out = squeeze("\n".join([*steady(60), line(61, "request failed", "ERROR"), *trace, *steady(60)]))
    assert out is not None and "\n".join([line(61, "request failed", "ERROR"), *trace]) in out.text


def test_equal_stack_traces_are_counted() -> None:
    trace = ["Traceback (most recent call last):", '  File "a.py", line 3, in f', "ZeroDivisionError: division by zero"]
    entries = [part for n in range(30) for part in (line(n, "request failed", "ERROR"), *trace)]
    out = squeeze("\n".join(entries))
    assert out is not None and out.text.count("ZeroDivisionError") == 1 and out.removed == "116 lines"


names = st.from_regex(r"[a-z]{3,8}_[0-9]{2,6}", fullmatch=True)


@given(
    name=names,
    seed=st.integers(0, 99),
    count=st.integers(20, 120),
    form=st.sampled_from(["{}", "find '{}' in it", "why {}?", "`{}`"]),
)
def test_a_line_that_the_query_names_survives_whatever_surrounds_it(name: str, seed: int, count: int, form: str) -> None:
    rng = random.Random(seed)
    lines = [line(n, f"job {rng.choice(['abc', 'def'])}_{rng.randrange(99)} took {rng.randrange(9)} units") for n in range(count)]
    planted = line(500, f"job {name} took 3 units")
    lines.insert(rng.randrange(count), planted)
    out = squeeze("\n".join(lines), query=form.format(name))
    assert out is None or planted in out.text.split("\n")


@given(
    st.lists(st.sampled_from(["a b", "x1 is up", "Error: no", "", "  at f(x)"]) | st.text(max_size=20), max_size=60),
    st.integers(0, 2),
)
def test_counts_add_up_and_every_line_shown_is_of_the_log(messages: list[str], mode: int) -> None:
    lines = "\n".join(m if mode == 1 and n % 3 else line(n, m) for n, m in enumerate(messages)).split("\n")
    out = squeeze("\n".join(lines), query="x1" if mode == 2 else "")
    assert out == squeeze("\n".join(lines), query="x1" if mode == 2 else "")
    if out is not None:
        shown = [row for row in out.text.split("\n") if not row.startswith("… ×")]
        remaining = iter(lines)
        assert all(row in remaining for row in shown)
        assert len(lines) - len(shown) == int(out.removed.split()[0])


@given(st.text(), st.text(max_size=20))
def test_any_text_is_answered(text: str, query: str) -> None:
    out = squeeze(text, query, min_lines=1)
    assert out is None or len(out.text) < len(text)


NOT_LOGS = {
    "code": "\n".join(f"def f{n}(x):\n    log.info('at 10:00:00 %s', x)\n    return x + {n}" for n in range(30)),
    "prose": "\n".join("On 2024-01-02 at about noon we met, and it was warm." if n % 5 else "" for n in range(60)),
    "numbered log": "\n".join(f"{n:6}\t{row}" for n, row in enumerate(steady(60), 1)),
    "grep in a log": "\n".join(f"{n}:{row}" for n, row in enumerate(steady(60), 1)),
    "directory": "\n".join(f"-rw-r--r-- 1 root root {n} 2024-05-01 10:00:{n:02} some report file {n}.txt" for n in range(60)),
    "diff": "\n".join(["--- a/x.log", "+++ b/x.log", "@@ -1,60 +1,60 @@", *("+" + row for row in steady(60))]),
    "numbers by time": "\n".join(f"10:00:{n:02} all {n} 0.{n} 17 42 {n}" for n in range(60)),
    "few lines": "\n".join(steady(10)),
    "records": "\n".join('{"time": "2024-05-01 10:00:00", "message": "served the request"}' for _ in range(60)),
    "output of a print": "\n".join(f"DEBUG: join table=main_{n} parent=None reuse=None" for n in range(60)),
}


@pytest.mark.parametrize("kind", NOT_LOGS)
def test_other_texts_are_not_taken_for_logs(kind: str) -> None:
    assert squeeze(NOT_LOGS[kind]) is None


@pytest.mark.parametrize(
    "head",
    [
        "[Sun Dec 04 04:47:44 2005] [notice] ",
        "081109 203615 148 INFO dfs.DataNode: ",
        "Jun 14 15:16:01 combo sshd(pam_unix)[19939]: ",
        "17/06/09 20:10:40 INFO executor.Backend: ",
        "2015-07-29 17:41:44,747 - WARN  [Quorum@774] - ",
        "20171223-22:15:29:606|Step_LSC|30002312|",
        "2024-05-01T10:00:00.123Z stdout F ",
        "12:00:01.123 [main] DEBUG c.e.App - ",
    ],
)
def test_the_usual_forms_of_logs_are_known(head: str) -> None:
    out = squeeze("\n".join(f"{head}block number {n} was stored on this node" for n in range(50)))
    assert out is not None and out.removed == "49 lines"


def test_templates_mask_values_and_keep_words() -> None:
    assert (
        template("2024-05-01 10:00:00 INFO user=bob id=17 from 10.0.0.1:80 in /var/log/x.log") == "# INFO user=bob id=# from # in #"
    )
    assert template("reason = AssocFail:sts:5_rsn:0") == "reason = AssocFail:sts:#"


def test_plain_words_name_lines_only_where_they_are_rare() -> None:
    lines = ["request served"] * 10 + ["request rejected"]
    assert Named("was any request rejected?").lines(lines) == {10}


@pytest.mark.parametrize("unit", ["a", "=", "a=", "/a", "'", ":", "9", "a1", "[", "::"])
def test_long_lines_take_no_more_than_their_length(unit: str) -> None:
    """Without linear patterns one such line takes minutes; the test's time limit is the judge."""
    long = unit * (400_000 // len(unit))
    squeeze("\n".join([*steady(30), line(31, long), long, *steady(30)]), query=long[:1000])
