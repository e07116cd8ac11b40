"""What agents use, from the fold through ClickHouse into a policy that keeps it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from clickhouse_connect.driver.client import Client

from headroom_stream.analytics.learned import UsedField, policy_section, used_fields
from headroom_stream.analytics.store import connect
from headroom_stream.cli import cli
from headroom_stream.config import Policy, Settings, ToolLearning, override
from headroom_stream.errors import StorageError
from headroom_stream.evaluation.policies import named
from headroom_stream.events import UsageMetric
from headroom_stream.settings import load_settings
from headroom_stream.sink.migrate import migrate
from headroom_stream.sink.rows import COLUMNS, to_row
from tests.core.folding import START, Folding, call, result, said, user
from tests.local.endpoint import with_clickhouse


class Store:
    """A database of its own, into which sessions are folded."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        with_database = connect(settings, database=False)
        migrate(with_database, settings)
        with_database.close()
        self.client: Client = connect(settings)

    def add(self, *sessions: Folding) -> None:
        found = [m for s in sessions for effects in s.effects for m in effects.metrics if isinstance(m, UsageMetric)]
        self.client.insert("tool_usage", [to_row(m)[1] for m in found], column_names=COLUMNS["tool_usage"])

    def used(self, least: int = 1, **narrow: Any) -> list[tuple[str, str, int, int]]:
        found = used_fields(self.client, self.settings.clickhouse.database, min_outputs=least, **narrow)
        return [(one.tool, one.field, one.used, one.outputs) for one in found]

    def learn(self, *arguments: str) -> str:
        where = self.settings.clickhouse
        environment = {"HEADROOM_STREAM_CLICKHOUSE": where.url, "HEADROOM_STREAM_CLICKHOUSE__DATABASE": where.database}
        return CliRunner(env=environment).invoke(cli, ["learn", *arguments], catch_exceptions=False).stdout


@pytest.fixture
def store(clickhouse_url: str) -> Iterator[Store]:
    made = Store(with_clickhouse(Settings(), clickhouse_url))
    yield made
    made.client.close()


def session(number: int, *, tool: str = "get_order", tenant: str = "", **policy: Any) -> Folding:
    """One that reads an order, and says its number and, if that is odd, a code."""
    folding = Folding(session_id=f"s{number}", **policy)
    order = json.dumps({"id": f"ORD-{number}", "status": "open", "codes": [f"K{number}-{i:03}" for i in range(60)]})
    folding.turn(user("Which?"), call("c", tool=tool), result("c", order), tenant=tenant)
    folding.turn(said(f"ORD-{number}" + (f", K{number}-001" if number % 2 else "")), tenant=tenant)
    return folding


@pytest.mark.broker
def test_uses_add_up_over_sessions_and_a_replay_adds_nothing(store: Store) -> None:
    store.add(*(session(n) for n in range(1, 6)), session(6, tool="find"))
    expected = [("find", "id", 1, 1), ("get_order", "id", 5, 5), ("get_order", "codes[]", 3, 5)]
    assert store.used() == expected
    store.add(session(1), session(2))
    # Another policy gives other contexts and the same use.
    store.add(session(3, min_tokens=11))
    assert store.used() == expected
    assert store.used(4) == [("get_order", "id", 5, 5)]


@pytest.mark.broker
def test_it_can_be_narrowed_to_tenant_and_time(store: Store) -> None:
    store.add(session(1, tenant="a"), session(2, tenant="b"), session(3, tenant="b"))
    assert store.used(tenant="a") == [("get_order", "codes[]", 1, 1), ("get_order", "id", 1, 1)]
    assert store.used(tenant="b", since=START) == [("get_order", "id", 2, 2), ("get_order", "codes[]", 1, 2)]
    assert store.used(since=START + timedelta(days=1)) == []


@pytest.mark.broker
def test_what_is_learnt_is_a_policy_under_which_it_is_kept(store: Store, tmp_path: Path) -> None:
    store.add(*(session(n) for n in range(1, 8)))
    path = tmp_path / "learned.toml"
    store.learn("--min-outputs", "3", "--out", str(path))
    assert path.read_text(encoding="utf-8").count("used in 4 of 7 outputs") == 1
    learnt = load_settings(config=path, environ={}).policy
    assert learnt == named(str(path), Policy())
    assert learnt.learning.tools == (ToolLearning(tool="get_order", keep=("id", "codes[]")),)
    assert "K9-030" not in session(9).content(2)
    assert "K9-030" in session(9, policy=learnt).content(2)


@pytest.mark.broker
def test_learn_prints_toml_or_json_lines(store: Store) -> None:
    assert tomllib.loads(store.learn()) == {}
    store.add(session(1), session(2))
    assert tomllib.loads(store.learn("--min-outputs", "2")) == {
        "policy": {"learning": {"tools": [{"tool": "get_order", "keep": ["id"]}]}}
    }
    lines = [json.loads(line) for line in store.learn("--json", "--min-outputs", "1", "--since", "2026-01-01").splitlines()]
    assert lines == [
        {"tool": "get_order", "field": "id", "used": 2, "outputs": 2},
        {"tool": "get_order", "field": "codes[]", "used": 1, "outputs": 2},
    ]


@pytest.mark.broker
def test_missing_tables_are_an_error_with_one_line(store: Store) -> None:
    with pytest.raises(StorageError) as caught:
        used_fields(store.client, "nowhere", min_outputs=1)
    assert "\n" not in str(caught.value)


def test_names_of_any_characters_come_back_from_the_section() -> None:
    names = ['a"b', "c\\d", "e\nf", "g\x7fh\x01", "ü.漢[]", "]"]
    section = policy_section([UsedField(tool=name, field=field, used=2, outputs=3) for name in names for field in names])
    changes = tomllib.loads(section)["policy"]
    assert override(Policy(), changes).learning.tools == tuple(ToolLearning(tool=name, keep=tuple(names)) for name in names)
