"""The demo's tools look at the machine they run on, and stay within their bounds."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import sys
from pathlib import Path

import pytest

from headroom_stream.demo import tools
from headroom_stream.demo.project import FAULT, MENDED, Project
from headroom_stream.demo.shop import Shop

CHARACTERS = 120_000


def test_packages_are_the_installed_ones() -> None:
    rows = {row["name"]: row for row in json.loads(tools.packages())}
    # Of an environment with very many packages the first ones are told.
    assert rows["aiokafka"]["version"] == importlib.metadata.version("aiokafka")
    assert Path(rows["aiokafka"]["location"]).is_dir()


def test_grep_names_file_line_and_text(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.py").write_text("x = 1\ny = divmod(x, 2)\n")
    (tmp_path / "two.py").write_text("z = 3\n")
    (tmp_path / "note.txt").write_text("divmod\n")
    assert tools.grep("divmod", tmp_path) == f"{tmp_path}/a/one.py:2:y = divmod(x, 2)"


def test_grep_says_how_many_matches_it_does_not_show(tmp_path: Path) -> None:
    (tmp_path / "many.py").write_text("x = 1\n" * 30)
    lines = tools.grep("x", tmp_path, limit=10).splitlines()
    assert len(lines) == 11
    assert lines[-1] == "(20 more matches not shown)"


def test_grep_over_the_standard_library_points_at_real_lines() -> None:
    output = tools.grep(r"DeprecationWarning|_deprecated\(", tools.standard_library())
    file, number, text = output.splitlines()[0].split(":", 2)
    assert Path(file).read_text("utf-8").splitlines()[int(number) - 1].startswith(text)
    assert len(output) < CHARACTERS


def test_the_process_table_has_this_process() -> None:
    lines = tools.processes().splitlines()
    column = lines[0].split().index("PID")
    assert len(lines) <= tools.MAX_ROWS + 1
    assert len(lines) == tools.MAX_ROWS + 1 or str(os.getpid()) in [line.split()[column] for line in lines]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc here")
def test_without_ps_the_process_table_is_read_from_proc() -> None:
    rows = [line.split() for line in tools._processes_from_proc(Path("/proc")).splitlines()]
    assert rows[0] == ["PID", "PPID", "STAT", "RSS", "COMMAND"]
    own = [row for row in rows if row[0] == str(os.getpid())]
    assert own == [] if len(rows) > tools.MAX_ROWS else own[0][1] == str(os.getppid())


def test_build_settings_are_those_of_this_interpreter() -> None:
    found = json.loads(tools.build_settings())
    assert found["version"] == ".".join(map(str, sys.version_info[:3]))
    assert found["config"]


def test_a_listing_has_the_largest_first(tmp_path: Path) -> None:
    (tmp_path / "small").write_text("1")
    (tmp_path / "large").write_text("1" * 100)
    found = json.loads(tools.listing(tmp_path))
    assert [row["name"] for row in found["entries"]] == ["large", "small"]
    assert found["entries"][0]["size"] == 100


def test_an_outline_lists_classes_and_functions(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text('class A:\n    def f(self):\n        """Does it."""\n')
    rows = {row["name"]: row for row in json.loads(tools.outline(tmp_path / "m.py"))}
    assert rows["A"]["kind"] == "class"
    assert rows["f"]["detail"] == "Does it."
    assert rows["f"]["range"]["start"]["line"] == 2


def test_timings_are_measured() -> None:
    rows = [json.loads(line) for line in tools.timings(rounds=2).splitlines()]
    assert {row["round"] for row in rows} == {0, 1}
    assert all(0 < row["min"] <= row["median"] <= row["max"] for row in rows)


def test_the_access_log_has_a_line_for_each_request_that_was_sent() -> None:
    with Shop() as shop:
        sent = json.loads(shop.send_traffic(80))
        lines = shop.access_log().splitlines()
    form = re.compile(r'127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000\] "(GET|POST) \S+ HTTP/1\.1" (\d{3}) \d+')
    statuses = [form.fullmatch(line)[2] for line in lines]  # type: ignore[index]  # None fails the test as it should
    assert len(lines) == 80
    assert {status: statuses.count(status) for status in set(statuses)} == sent["statuses"]


def test_an_order_in_a_currency_without_a_rate_answers_500_with_a_traceback() -> None:
    with Shop() as shop:
        assert "error" in json.loads(shop.get("/orders/4"))
        assert json.loads(shop.get("/orders/5"))["total_eur"] > 0
        assert "KeyError: 'CHF'" in shop.application_log()
        assert json.loads(shop.query("SELECT status, count(*) AS n FROM requests GROUP BY 1 ORDER BY 1")) == [
            {"status": 200, "n": 1},
            {"status": 500, "n": 1},
        ]


def test_the_projects_tests_really_fail_and_pass_once_it_is_mended(tmp_path: Path) -> None:
    project = Project(tmp_path)
    before = project.run_tests()
    assert "FAIL: test_share_of_100_in_3_adds_up" in before
    assert before.endswith("exit code 1")
    assert "1 replacement" in project.edit(project.money, FAULT, MENDED)
    assert project.run_tests().endswith("exit code 0")
    assert "nothing changed" in project.edit(project.money, FAULT, MENDED)
