"""`evaluate` as people run it: tables, JSON, a page, and errors that say what to do."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from headroom_stream.cli import cli
from headroom_stream.config import Settings
from headroom_stream.errors import ConfigurationError, ImportFormatError, TransportError, ValidationError
from headroom_stream.events import TurnEvent, encode
from tests.evaluation.talk import calls, raws, result, says, user
from tests.support.kafka_io import Record, create_topics, produce

RECORDS = json.dumps([{"order_id": f"ORD{n}", "city": "Bad Ems", "total": 100 + n, "open": True} for n in range(60)], indent=1)
LOG = "\n".join(f"2026-01-01 10:00:{n % 60:02} INFO worker-{n % 3} request req_{n} served in {n} ms" for n in range(90))


def conversation(log: str = LOG) -> list[dict[str, Any]]:
    return [
        user("Which orders are open?"),
        calls("a", "orders"),
        result("a", RECORDS),
        says("ORD7 is, in Bad Ems."),
        calls("b", "read_log"),
        result("b", log),
        says("It was req_41 that took long."),
        user("Thanks."),
        says("Any time."),
    ]


FORGETFUL = "protected_tools=['read'],window.max_tokens=900,window.low_water=0.3,window.keep_last_turns=1"
"""Drops what is not of the last turn as soon as there is more than a little."""


def long_way() -> list[dict[str, Any]]:
    """A fact is used when much has been said since."""
    messages = [
        user("Note the ticket."),
        calls("a", "ticket"),
        result("a", "The ticket is TCK-4711, opened by Ann."),
        says("Noted."),
    ]
    for n in range(6):
        page = " ".join(f"{word}{n}x{i}" for i in range(40) for word in ("rain", "hill", "road", "barn"))
        messages += [user("Go on."), calls(f"r{n}", "read"), result(f"r{n}", page), says("Read.")]
    return [*messages, user("Which ticket?"), says("It is TCK-4711.")]


@pytest.fixture
def forgotten(tmp_path: Path) -> Path:
    file = tmp_path / "long.json"
    file.write_text(json.dumps(long_way()))
    return file


@pytest.fixture
def transcript(tmp_path: Path) -> Path:
    file = tmp_path / "runs.jsonl"
    rows = [{"id": f"run-{n}", "set": "shop" if n % 2 else "desk", "messages": conversation()} for n in range(4)]
    file.write_text("\n".join(map(json.dumps, rows)))
    return file


def invoke(*arguments: str, **environment: str) -> Result:
    env = {"COLUMNS": "200", **environment}
    return CliRunner(env=env).invoke(cli, ["evaluate", *arguments], catch_exceptions=False)


def rows(done: Result, kind: str = "family") -> list[dict[str, Any]]:
    return [row for row in map(json.loads, done.stdout.splitlines()) if row["type"] == kind]


def test_the_tables_show_families_kinds_and_tools(transcript: Path) -> None:
    shown = invoke(str(transcript)).stdout
    lines = [line.split() for line in shown.splitlines()]
    assert lines[0][:4] == ["family", "conv.", "turns", "net"]
    assert [line[0] for line in lines[1:4]] == ["desk", "shop", "all"]
    assert any(line[:2] == ["orders", "4"] for line in lines)
    assert any(line[:2] == ["read_log", "4"] for line in lines)
    assert "anthropic" in shown


def test_json_has_every_figure_one_value_a_line(transcript: Path) -> None:
    done = invoke(str(transcript), "--json")
    desk, shop, everything = rows(done)
    assert (desk["family"], shop["family"], everything["family"]) == ("desk", "shop", None)
    assert everything["conversations"] == 4 and everything["turns"] == 20
    assert everything["saved"] > 0 and everything["touched"] == 0 and everything["invalid"] == 0
    assert sum(r["outputs"] for r in rows(done, "kind")) == sum(r["outputs"] for r in rows(done, "tool")) == 8
    assert {r["name"] for r in rows(done, "tool")} == {"orders", "read_log"}


def test_the_same_run_prints_the_same_but_for_the_time_it_took(transcript: Path) -> None:
    first, second = (rows(invoke(str(transcript), "--json")) for _ in range(2))
    assert [{**r, "ms_per_turn": 0} for r in first] == [{**r, "ms_per_turn": 0} for r in second]


def test_policies_stand_side_by_side(transcript: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("protected_tools = ['orders']")
    specs = ["--policy", "default", "--policy", "min_tokens=100000,noise.enabled=false", "--policy", str(file)]
    made = rows(invoke(str(transcript), "--json", *specs))
    overall = {row["policy"]: row for row in made if row["family"] is None}
    assert list(overall) == ["default", "min_tokens=100000,noise.enabled=false", str(file)]
    assert (
        overall["default"]["saved"] > overall[str(file)]["saved"] >= overall["min_tokens=100000,noise.enabled=false"]["saved"] == 0
    )
    assert "mine.toml" in invoke(str(transcript), *specs).stdout


def test_settings_give_the_default_policy(transcript: Path) -> None:
    assert rows(invoke(str(transcript), "--json"))[-1]["saved"] > 0
    assert rows(invoke(str(transcript), "--json", HEADROOM_STREAM_POLICY__MIN_TOKENS="100000"))[-1]["saved"] == 0


def test_lost_facts_are_shown_with_their_places(forgotten: Path) -> None:
    done = invoke(str(forgotten), "--lost", "3", "--json", "--policy", FORGETFUL)
    (fact,) = rows(done, "lost")
    assert (fact["source"]["fact"], fact["tool"], fact["kind"], fact["source"]["message"]) == ("TCK-4711", "ticket", "ident", 2)
    assert (fact["used"]["message"], fact["used"]["before"]) == (len(long_way()) - 1, "It is ")
    assert rows(done)[0]["refetches"] == 1
    shown = invoke(str(forgotten), "--lost", "3", "--policy", FORGETFUL).stdout
    assert "lost from message 2: The ticket is TCK-4711, opened by Ann." in shown
    assert "used in message" in shown
    assert "lost from" not in invoke(str(forgotten), "--policy", FORGETFUL).stdout


def test_hindsight_is_a_ceiling_beside(transcript: Path) -> None:
    row = rows(invoke(str(transcript), "--json", "--oracle", "--policy", 'protected_tools=["read_log"]'))[-1]
    assert row["hindsight_net_saved"] > row["net_saved"] > 0
    assert row["hindsight_reached"] == pytest.approx(100 * row["net_saved"] / row["hindsight_net_saved"])
    assert "hindsight" in invoke(str(transcript), "--oracle").stdout.splitlines()[0]


def test_prices_are_a_providers_or_a_models(transcript: Path) -> None:
    flags: tuple[tuple[str, ...], ...] = ((), ("--prices", "openai"), ("--model", "claude-sonnet-4-5"))
    shares = [rows(invoke(str(transcript), "--json", *given))[-1] for given in flags]
    assert shares[0]["net_saved"] != shares[1]["net_saved"]
    assert shares[0]["net_saved"] == shares[2]["net_saved"]
    assert shares[0]["bill_full_usd"] is None and shares[2]["bill_full_usd"] > shares[2]["bill_net_usd"] > 0
    assert "bill before" in invoke(str(transcript), "--model", "claude-sonnet-4-5").stdout


def test_the_page_is_written(transcript: Path, forgotten: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    assert f"Written: {page}" in invoke(str(transcript), str(forgotten), "--policy", FORGETFUL, "--html", str(page)).stdout
    text = page.read_text()
    assert text.startswith("<!doctype html>") and "<svg" in text and "<mark>TCK-4711</mark>" in text
    with pytest.raises(ConfigurationError, match="can't write"):
        invoke(str(transcript), "--html", str(tmp_path / "absent" / "report.html"))


def test_the_limit_holds_for_each_file(transcript: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text(json.dumps([{"messages": conversation()}, {"messages": conversation(LOG[:99])}]))
    made = rows(invoke(str(transcript), str(other), "--limit", "1", "--json"))
    assert [(row["family"], row["conversations"]) for row in made] == [("desk", 1), ("other", 1), (None, 2)]


def test_conversations_that_can_not_be_replayed_are_told_and_left_out(tmp_path: Path) -> None:
    file = tmp_path / "runs.jsonl"
    broken = [user("Go."), calls("a"), says("No result came.")]
    file.write_text("\n".join(json.dumps({"id": n, "messages": m}) for n, m in enumerate([conversation(), broken])))
    done = invoke(str(file), "--json")
    assert rows(done)[0]["conversations"] == 1
    assert [row["conversation"] for row in rows(done, "refused")] == ["1"]
    assert "1 conversation left out" in done.stderr


def test_input_of_no_use_is_an_error(tmp_path: Path) -> None:
    silent, wrong = tmp_path / "silent.jsonl", tmp_path / "wrong.jsonl"
    silent.write_text(json.dumps({"messages": [user("Hello?")]}))
    wrong.write_text('{"rows": 3}')
    with pytest.raises(ValidationError, match="nothing to measure"):
        invoke(str(silent))
    with pytest.raises(ImportFormatError, match="line 1"):
        invoke(str(wrong))
    with pytest.raises(ImportFormatError, match="absent"):
        invoke(str(tmp_path / "absent.jsonl"))
    with pytest.raises(ConfigurationError, match="--policy nothing=1"):
        invoke(str(silent), "--policy", "nothing=1")
    with pytest.raises(ConfigurationError, match="no price is known"):
        invoke(str(silent), "--model", "nobody-1")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "give transcript files, or --from-topic"),
        (["a.jsonl", "--from-topic"], "give transcript files, or --from-topic"),
        (["a.jsonl", "--prices", "openai", "--model", "gpt-4o"], "not both"),
    ],
)
def test_wrong_use_is_told(arguments: list[str], told: str) -> None:
    done = CliRunner().invoke(cli, ["evaluate", *arguments])
    assert done.exit_code == 2 and told in done.stderr


def test_an_error_is_one_line_and_exit_code_one(tmp_path: Path) -> None:
    environment = {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, "-m", "headroom_stream", "evaluate", str(tmp_path / "absent")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1


def test_help_teaches_by_example() -> None:
    assert CliRunner().invoke(cli, ["evaluate", "--help"]).stdout.count("  headroom-stream evaluate") >= 4


def test_the_sessions_on_the_topic_are_measured(embedded_broker: str, make_settings: Callable[..., Settings]) -> None:
    kafka = make_settings(embedded_broker, partitions=3).kafka
    asyncio.run(create_topics(embedded_broker, [kafka.turns], partitions=3))
    messages = raws(conversation())
    records: list[Record | tuple[bytes | None, bytes | None]] = [(b"x", b"not a turn")]
    for n, tenant in enumerate(("", "acme", "")):
        key = f"s{n}".encode()
        turns = (messages[:1], messages[1:3], messages[3:6], messages[6:8])
        events = [TurnEvent(session_id=f"s{n}", tenant=tenant, event_id=str(i), messages=new) for i, new in enumerate(turns)]
        records += [(key, encode(event)) for event in (*events, events[-1])]
    records.append((b"s2", None))
    asyncio.run(produce(embedded_broker, kafka.turns, records))
    environment = {"HEADROOM_STREAM_BROKERS": kafka.brokers, "HEADROOM_STREAM_KAFKA__TURNS": kafka.turns}
    made = rows(invoke("--from-topic", "--json", **environment))
    assert {(row["family"], row["conversations"], row["turns"]) for row in made} == {
        (kafka.turns, 1, 5),
        ("acme", 1, 5),
        (None, 2, 10),
    }
    assert rows(invoke("--from-topic", "--json", "--limit", "1", **environment))[0]["conversations"] == 1


def test_an_unreachable_broker_is_an_error() -> None:
    with pytest.raises(TransportError, match=r"can't reach a Kafka broker at 127\.0\.0\.1:1"):
        invoke("--from-topic", "--brokers", "127.0.0.1:1")
