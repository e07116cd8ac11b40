"""`generate_report` and `headroom-stream report` as people call them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

import headroom_stream
from headroom_stream import generate_report
from headroom_stream.cli import cli
from headroom_stream.config import Settings
from headroom_stream.errors import ConfigurationError, StorageError
from headroom_stream.store import open_store
from tests.local.endpoint import endpoint, with_clickhouse
from tests.report.filled import filled, plain, some_days
from tests.store.calls import START, call


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which relative paths start from."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def url(here: Path) -> str:
    """A file with some days of calls."""
    store = open_store("sqlite:///headroom.db")
    store.save_all(some_days())
    store.close()
    return "sqlite:///headroom.db"


def test_the_call_of_the_api_page_works_as_written(url: str) -> None:
    report = headroom_stream.generate_report(
        store_url="sqlite:///headroom.db",
        format="html",
        period="day",
    )
    assert report.startswith("<!doctype html>")
    assert "90 calls came to" in plain(report)


def test_without_a_file_the_page_says_how_to_fill_it_and_makes_none(here: Path) -> None:
    page = plain(generate_report("sqlite:///calls.db"))
    assert "No calls are in this store yet." in page
    assert 'store_url="sqlite:///calls.db"' in page and "HeadroomClient" in page
    assert list(here.iterdir()) == []
    assert "    client = HeadroomClient(" in generate_report("sqlite:///calls.db", format="markdown")


def test_a_span_without_calls_is_named(url: str) -> None:
    text = generate_report(url, start_time=START + timedelta(days=90), format="markdown")
    assert "No calls from 2026-05-30 00:00 are in this store." in text.replace("\\", "")


def test_the_span_narrows_every_figure(url: str) -> None:
    found = json.loads(generate_report(url, None, START + timedelta(days=1), START + timedelta(days=2), format="json"))
    assert found["headline"][0].startswith("On 2026-03-02, 30 calls")
    assert [row["calls"] for row in found["sections"][0]["rows"]] == [30]
    assert sum(row["calls"] for row in found["sections"][1]["rows"]) == 30


def test_the_text_is_returned_and_written_where_a_path_is_given(url: str, here: Path) -> None:
    text = generate_report(url, "out.md", format="markdown")
    assert (here / "out.md").read_text(encoding="utf-8") == text
    with pytest.raises(ConfigurationError, match="can't write nowhere"):
        generate_report(url, "nowhere/out.html")


def test_a_store_in_memory_is_given_itself() -> None:
    assert "On 2026-03-01, 1 call came to 1,001" in plain(generate_report(filled(call(1))))


@pytest.mark.parametrize(
    "options", [{"format": "pdf"}, {"period": "year"}, {"source": "kafka"}, {"source": "stream"}, {"store_url": "postgres://h/d"}]
)
def test_what_is_not_known_is_refused_with_what_is(here: Path, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="must be"):
        generate_report(**{"store_url": "sqlite:///headroom.db", **options})
    with pytest.raises(ConfigurationError, match="URL of ClickHouse"):
        generate_report(filled(), source="stream")


def invoke(*arguments: str, **environment: str) -> Result:
    return CliRunner(env=environment).invoke(cli, ["report", *arguments], catch_exceptions=False)


def test_the_command_prints_markdown_and_writes_a_page_by_its_suffix(url: str, here: Path) -> None:
    printed = invoke("--store", url)
    assert printed.stdout.startswith("# What compression saved")
    ran = invoke("--store", url, "-o", "report.html")
    assert ran.stdout == "" and "Written: report.html" in ran.stderr
    assert (here / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    invoke("--store", url, "-o", "report.json", "--period", "week")
    assert json.loads((here / "report.json").read_text(encoding="utf-8"))["sections"][0]["title"] == "By week"
    assert invoke("--store", url, "--format", "json").stdout.startswith("{")


def test_the_command_narrows_to_a_span(url: str) -> None:
    ran = invoke("--store", url, "--since", "2026-03-02", "--until", "2026-03-03T00:00:00+00:00")
    assert "On 2026-03-02, 30 calls" in ran.stdout
    wrong = invoke("--store", url, "--until", "tomorrow")
    assert wrong.exit_code == click.UsageError.exit_code and "--until" in wrong.output


def test_help_teaches_by_examples() -> None:
    shown = invoke("--help").stdout
    assert "headroom-stream report --store sqlite:///headroom.db -o report.html" in shown
    assert "report" in CliRunner().invoke(cli, ["--help"]).stdout


def test_two_addresses_are_refused() -> None:
    assert invoke("--store", "memory://", "--clickhouse", "http://h:1").exit_code == click.UsageError.exit_code


@pytest.fixture(scope="module")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """ClickHouse with calls that a client saved."""
    with endpoint(tmp_path_factory.mktemp("clickhouse")) as address:
        made = with_clickhouse(Settings(), address)
        store = open_store(f"{made.clickhouse.url}/{made.clickhouse.database}")
        store.save_all(some_days())
        store.close()
        yield made


@pytest.mark.broker
def test_a_report_over_clickhouse_has_the_figures_of_one_over_sqlite(clickhouse: Settings) -> None:
    address = f"{clickhouse.clickhouse.url}/{clickhouse.clickhouse.database}"
    over_clickhouse = json.loads(generate_report(address, format="json"))
    over_sqlite = json.loads(generate_report(filled(*some_days()), format="json"))
    assert [s["title"] for s in over_clickhouse["sections"]] == [s["title"] for s in over_sqlite["sections"]]
    for one, other in zip(over_clickhouse["sections"], over_sqlite["sections"], strict=True):
        for row, expected in zip(one["rows"], other["rows"], strict=True):
            assert row == pytest.approx(expected)
    assert over_clickhouse["headline"] == over_sqlite["headline"]


@pytest.mark.broker
def test_the_command_reads_the_clickhouse_of_the_settings(clickhouse: Settings) -> None:
    environment = {
        "HEADROOM_STREAM_CLICKHOUSE": clickhouse.clickhouse.url,
        "HEADROOM_STREAM_CLICKHOUSE__DATABASE": clickhouse.clickhouse.database,
    }
    assert "90 calls came to" in invoke("--from", "requests", **environment).stdout
    empty = invoke(**environment).stdout
    assert "No contexts are in this store yet." in empty and "headroom-stream publish" in empty


@pytest.mark.broker
def test_a_password_is_in_no_report(clickhouse: Settings) -> None:
    address = clickhouse.clickhouse.url.replace("http://", "http://default:secret@")
    for source in ("requests", "stream"):
        page = generate_report(f"{address}/{clickhouse.clickhouse.database}", source=source)
        assert "secret" not in page and "http://127.0.0.1:" in page


def test_a_clickhouse_that_is_not_there_is_an_error_that_says_so() -> None:
    with pytest.raises(StorageError, match="can't reach ClickHouse"):
        generate_report("http://127.0.0.1:9/db")
