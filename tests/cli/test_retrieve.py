"""`retrieve` as people run it, against a ClickHouse that the sink's own rows are in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import click
import pytest
from click.testing import CliRunner, Result

from headroom_stream.analytics.store import connect
from headroom_stream.cli import cli
from headroom_stream.cli.retrieve import command
from headroom_stream.config import Settings
from headroom_stream.errors import ValidationError
from headroom_stream.events import OriginalMetric
from headroom_stream.sink.migrate import migrate
from headroom_stream.sink.rows import COLUMNS, to_row
from tests.core.folding import Folding, call, originals, result, user
from tests.local.endpoint import endpoint, with_clickhouse

LOG = (
    "\n".join(f"10:{n // 60:02}:{n % 60:02} INFO request {n} served" for n in range(300)) + "\n10:05:00 ERROR connection refused\n"
)
INVOKED = Callable[..., Result]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A store with the original of a log that a fold has cut."""
    with endpoint(tmp_path_factory.mktemp("clickhouse")) as url:
        made = with_clickhouse(Settings(), url)
        client = connect(made, database=False)
        migrate(client, made)
        client.close()
        client = connect(made)
        for one in (stored(), stored()):
            table, row = to_row(one)
            client.insert(table, [row], column_names=COLUMNS[table])
        client.close()
        yield made


def stored() -> OriginalMetric:
    folding = Folding()
    folding.turn(user("What failed?"), call("a"))
    (one,) = originals(folding.turn(result("a", LOG)))
    assert f"original {one.ref}]" in folding.content(2)
    return one


@pytest.fixture
def invoke(settings: Settings) -> INVOKED:
    environment = {
        "HEADROOM_STREAM_CLICKHOUSE": settings.clickhouse.url,
        "HEADROOM_STREAM_CLICKHOUSE__DATABASE": settings.clickhouse.database,
    }
    return lambda *arguments: CliRunner(env=environment).invoke(cli, ["retrieve", *arguments], catch_exceptions=False)


@pytest.mark.broker
def test_an_original_is_printed_as_it_came(invoke: INVOKED) -> None:
    assert invoke(stored().ref).stdout == LOG
    assert invoke(stored().ref, "--session", "s").stdout == LOG
    found = json.loads(invoke(stored().ref, "--json").stdout)
    assert (found["content"], found["session_id"], found["tool"], found["kind"]) == (LOG, "s", "find", "logs")
    assert datetime.fromisoformat(found["event_time"]).year == datetime(2026, 6, 1, tzinfo=UTC).year


@pytest.mark.broker
def test_passages_and_lines_are_printed_with_their_numbers(invoke: INVOKED) -> None:
    shown = invoke(stored().ref, "--query", "connection refused").stdout
    assert "   301  10:05:00 ERROR connection refused\n" in shown
    assert len(shown.splitlines()) < 10
    assert invoke(stored().ref, "--lines", "2-3").stdout == (
        "     2  10:00:01 INFO request 1 served\n     3  10:00:02 INFO request 2 served\n"
    )
    within = json.loads(invoke(stored().ref, "--lines", "100-", "--query", "request 250", "--max-tokens", "40", "--json").stdout)
    assert "content" not in within
    assert [(p["start_line"], p["end_line"]) for p in within["passages"]] == [(251, 251)]


@pytest.mark.broker
def test_what_is_not_there_is_said_with_what_to_do(invoke: INVOKED) -> None:
    with pytest.raises(ValidationError, match=r"no original 0123456789ab in ClickHouse.*sink"):
        invoke("0123456789ab")
    with pytest.raises(ValidationError, match="of session 'other'"):
        invoke(stored().ref, "--session", "other")
    with pytest.raises(ValidationError, match="12 hexadecimal digits"):
        invoke("original")
    with pytest.raises(ValidationError, match="nothing about 'zebra'"):
        invoke(stored().ref, "--query", "zebra")
    with pytest.raises(ValidationError, match="no line 900"):
        invoke(stored().ref, "--lines", "900")


@pytest.mark.parametrize(
    "arguments", [["--lines", "a-b"], ["--lines", "-5"], ["--max-tokens", "10"], ["--query", "x", "--max-tokens", "0"]]
)
def test_options_that_say_nothing_are_refused(arguments: list[str]) -> None:
    ran = CliRunner().invoke(command, ["0123456789ab", *arguments])
    assert ran.exit_code == click.UsageError.exit_code
    assert "Usage" in ran.output


def test_help_shows_how_to_search() -> None:
    ran = CliRunner().invoke(command, ["--help"])
    assert 'retrieve 31da97fc1e2c --query "connection refused"' in ran.output
