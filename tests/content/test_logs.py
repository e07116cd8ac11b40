"""Logs by template: what is counted, what stays whole, and what is not taken for a log."""

from __future__ import annotations

import random
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.config import LogsConfig
from headroom_stream.content import Compressed, Hints
from headroom_stream.content.log_lines import Masks, head
from headroom_stream.content.logs import compress


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
    "words by bars": "\n".join(f"name{n}   | some words in a table | {n}" for n in range(60)),
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


def template(text: str) -> str:
    return " ".join(Masks().of(text, head(text)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-05-01 10:00:00 INFO user=bob id=17 from 10.0.0.1:80 in /var/log/x.log", "# INFO user=bob id=# from # in #"),
        ("reason = AssocFail:sts:5_rsn:0", "reason = AssocFail:sts:#"),
        ("May  1 10:00:00 web-host-b sshd[17]: closed by peer", "# # sshd[#]: closed by peer"),
        ('time=2024-05-01T10:00:00Z level=info msg="cache hit" key="a b"', 'time=# level=info msg="cache hit" key=#'),
        ('web-1 | {"level":"warn","msg":"disk full","disk":"sda"}', 'web-# | {"level":"warn","msg":"disk full","disk":#}'),
        (
            '::1 - ann [10/Oct/2023:13:55:36 +0200] "GET /api/users/17/cart/items?x=1 HTTP/1.1" 404 12 "-" "Mozilla"',
            "::# - ann [#]  GET /api/users/#/# 404 # #",
        ),
    ],
)
def test_templates_mask_values_and_keep_words(text: str, expected: str) -> None:
    assert template(text) == expected


def test_units_that_differ_by_name_only_are_one_kind_and_the_names_are_told() -> None:
    units = ["nginx.service", "cron.service", "dev-sda.device", "apt-daily.timer", "docker.socket", "tmp.mount"]
    lines = [f"May  1 10:00:{n:02} host systemd[1]: Started the unit {units[n % 6]} in time" for n in range(30)]
    out = squeeze("\n".join(lines))
    assert out is not None
    assert out.text == (
        f"{lines[0]}\n… ×29 more to 10:00:29: cron.service; dev-sda.device; apt-daily.timer; docker.socket; tmp.mount"
    )


def test_kinds_that_differ_by_a_verb_stay_apart() -> None:
    verbs = ["opened", "closed", "moved", "copied", "locked", "removed"]
    out = squeeze("\n".join(line(n, f"the file was {verbs[n % 6]} by user {n}") for n in range(60)))
    assert out is not None and all(f"was {verb} by" in out.text for verb in verbs)


def test_a_state_that_is_seldom_seen_stays_whole() -> None:
    lines = [line(n, f"link eth{1 if n == 50 else 0} changed, packet {n * 31}") for n in range(100)]
    out = squeeze("\n".join(lines))
    assert out is not None and lines[50] in out.text and out.removed == "98 lines"


def test_of_few_entries_one_with_other_letters_in_a_value_stays_whole() -> None:
    links = [line(70 + n, f"the link came up again on {'wlan0' if n == 2 else f'eth{n}'} after {n * 17} tries") for n in range(6)]
    out = squeeze("\n".join(steady(60) + links))
    assert out is not None and links[2] in out.text and links[3] not in out.text


def test_few_entries_that_are_left_out_have_their_values_told() -> None:
    lines = steady(60) + [
        line(70 + n, f"archive {n * 100} was rotated away from the primary disk of this machine") for n in range(4)
    ]
    out = squeeze("\n".join(lines))
    assert out is not None and out.text.endswith("… ×3 more to 00:01:13: 100; 200; 300")


def test_a_marker_that_would_cost_more_than_it_saves_is_not_made() -> None:
    lines = steady(60) + [line(70 + n, f"up {n}") for n in range(3)]
    out = squeeze("\n".join(lines), rare=1)
    assert out is not None and out.text.split("\n")[2] == lines[60]


def at(n: int) -> str:
    return f"{n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}"


_TRACE = """java.lang.IllegalStateException: no stock
\tat c.e.Stock.take(Stock.java:17)
\tat c.e.Orders.place(Orders.java:88)
Caused by: java.sql.SQLException: closed
\t... 12 more"""
# A name, what the program says all the time, and what it says once: `{t}` is the time, `{n}` a number.
FORMS = {
    "logfmt": (
        'time=2024-05-01T{t}Z level=info msg="served" path=/v1/{n}',
        'time=2024-05-01T{t}Z level=info msg="config reloaded" by=ops',
    ),
    "klog": ("I0501 {t}.123456       1 sync.go:200] Reconciled pod web-{n}", "E0501 {t}.123456       1 sync.go:7] no pods left"),
    "nginx": (
        "2024/05/01 {t} [notice] 12#12: *{n} signal {n} received, exiting worker",
        '2024/05/01 {t} [error] 12#12: *{n} connect() failed, client: 10.0.0.{n}, request: "GET /x HTTP/1.1"',
    ),
    "access": (
        '10.0.1.{n} - - [10/Oct/2023:{t} +0000] "GET /api/users/{n}?x=1 HTTP/1.1" 200 {n} "-" "Mozilla/5.0 (X11)"',
        '10.0.1.{n} - bob [10/Oct/2023:{t} +0000] "POST /api/orders/{n} HTTP/1.1" 502 17 "-" "curl/8.0"',
    ),
    "syslog": (
        "<34>1 2024-05-01T{t}.003Z host app {n} ID47 - session {n} opened",
        "<35>1 2024-05-01T{t}.003Z host app {n} ID8 - disk gone",
    ),
    "journal": (
        "May 01 {t} node systemd[1]: Started session-{n}.scope of user root",
        "May 01 {t} node kernel: Out of memory: Killed process {n}",
    ),
    "java": (
        "2024-05-01 {t},120 INFO  [http-{n}] c.e.Orders - order {n} placed",
        "2024-05-01 {t},120 ERROR [http-{n}] c.e.Orders - order {n} failed\n" + _TRACE,
    ),
    "python": ("INFO:root:processed batch {n} of many", "WARNING:jobs.runner:slow batch {n}"),
    "compose": (
        'web-1  | {{"level":"info","time":"2024-05-01T{t}Z","msg":"request served","id":{n}}}',
        'db-1   | 2024-05-01 {t}.123 UTC [1{n}] FATAL:  role "app" does not exist',
    ),
    "service": (
        'api-1  | {{"level":"info","msg":"request served","id":{n}}}',
        'api-1  | {{"level":"error","msg":"no stock","id":{n}}}',
    ),
    "kernel": (
        "[   17.{n:06}] usb 1-1: new high-speed device number {n}",
        "[   18.{n:06}] EXT4-fs error (device sda1): inode {n} is gone",
    ),
    "phone": (
        "05-01 {t}.123  1001  2002 D Activity: cleared app {n} from list",
        "05-01 {t}.123  1001  2002 E Runtime: main thread {n} died",
    ),
    "build": (
        "2024-05-01T{t}.1234567Z   Downloading package pkg-{n}",
        "2024-05-01T{t}.1234567Z ##[error]Process ended with code {n}",
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_what_is_said_once_survives_in_every_form_of_log(form: str) -> None:
    always, once = FORMS[form]
    lines = [always.format(t=at(n), n=n) for n in range(150)]
    planted = once.format(t=at(90), n=90)
    out = squeeze("\n".join([*lines[:90], planted, *lines[90:]]))
    assert out is not None and planted in out.text and len(out.text) < 0.1 * sum(map(len, lines))


@pytest.mark.parametrize("unit", ["a", "=", "a=", "/a", "'", ":", "9", "a1", "[", "::"])
def test_long_lines_take_no_more_than_their_length(unit: str) -> None:
    """Without linear patterns one such line takes minutes; the test's time limit is the judge."""
    long = unit * (400_000 // len(unit))
    squeeze("\n".join([*steady(30), line(31, long), long, *steady(30)]), query=long[:1000])


@pytest.mark.parametrize("message", ["stored {n}", "error {n} in unit a.b{n}", "said {w} to {w}", "failed\n  at f({n})\n  at g()"])
def test_work_grows_with_the_log(message: str) -> None:
    """Counted in lines run by the interpreter: four times the log may cost little more than four times the work."""
    small, large = (
        _work("\n".join(line(n, message.format(n=n, w="x" * (n % 40 + 1))) for n in range(count))) for count in (1500, 6000)
    )
    assert large < 6 * small


def _work(text: str) -> int:
    lines = 0

    def count(frame: Any, event: str, arg: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        squeeze(text)
    finally:
        sys.settrace(before)
    return lines
