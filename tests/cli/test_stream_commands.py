"""`publish`, `consume`, `tail` and `inspect` as people run them, on a real broker."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from msgspec import Raw

from headroom_stream.cli import cli
from headroom_stream.config import KafkaSettings, Settings
from headroom_stream.errors import ImportFormatError, TransportError, ValidationError
from headroom_stream.events import ContextBatch, TurnEvent, decode_turn, encode
from tests.support.kafka_io import create_topics, produce, read_all

Invoke = Callable[..., Result]

CONVERSATION: list[dict[str, Any]] = [
    {"role": "user", "content": "How many?"},
    {"role": "assistant", "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "count", "arguments": "{}"}}]},
    {"role": "tool", "tool_call_id": "c1", "content": '[{"n": 1}, {"n": 2}]'},
    {"role": "assistant", "content": "Two."},
]


@pytest.fixture
def kafka(embedded_broker: str, make_settings: Callable[..., Settings]) -> KafkaSettings:
    """Topics of this test alone."""
    made = make_settings(embedded_broker, partitions=3).kafka
    asyncio.run(create_topics(embedded_broker, [made.turns, made.contexts], partitions=3))
    return made


def environment(kafka: KafkaSettings) -> dict[str, str]:
    return {
        "HEADROOM_STREAM_BROKERS": kafka.brokers,
        "HEADROOM_STREAM_KAFKA__TURNS": kafka.turns,
        "HEADROOM_STREAM_KAFKA__CONTEXTS": kafka.contexts,
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
        "COLUMNS": "120",
    }


@pytest.fixture
def invoke(kafka: KafkaSettings) -> Invoke:
    """Run a command; errors of ours are raised."""

    def call(*arguments: str) -> Result:
        return CliRunner(env=environment(kafka)).invoke(cli, arguments, catch_exceptions=False)

    return call


@pytest.fixture
def transcript(tmp_path: Path) -> Path:
    file = tmp_path / "runs.jsonl.gz"
    rows = [{"id": f"run-{n}", "model": "gpt-4o", "messages": CONVERSATION} for n in range(30)]
    file.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    return file


def published(kafka: KafkaSettings) -> list[TurnEvent]:
    return [decode_turn(r.value) for r in asyncio.run(read_all(kafka.brokers, kafka.turns))]


def context(session: str, turn: int, messages: list[Any], start: int = 0, **fields: Any) -> ContextBatch:
    return ContextBatch(
        output_id=f"{session}/{turn}",
        session_id=session,
        event_id=str(turn),
        turn=turn,
        messages=[m if isinstance(m, Raw) else Raw(json.dumps(m).encode()) for m in messages],
        message_count=len(messages),
        first_changed_index=start,
        tokens_before=100,
        tokens_after=75,
        transforms=["records"],
        tokenizer="o200k_base",
        **fields,
    )


def answer(kafka: KafkaSettings, *batches: ContextBatch) -> None:
    """Put contexts on the topic, as a worker would."""
    asyncio.run(produce(kafka.brokers, kafka.contexts, [(b.session_id.encode(), encode(b)) for b in batches], linger_ms=50))


def test_publish_sends_each_turn_in_order(invoke: Invoke, kafka: KafkaSettings, transcript: Path) -> None:
    result = invoke("publish", str(transcript))
    assert result.stdout.startswith("Published 60 turns of 30 sessions: 90 messages")
    assert "read as openai (line 1, messages[1] has tool_calls)" in result.stderr
    events = published(kafka)
    assert len(events) == 60
    mine = [e for e in events if e.session_id == "run-7"]
    assert [json.loads(bytes(m)) for e in mine for m in e.messages or ()] == CONVERSATION[:3]
    assert [(e.turn, e.event_id, e.model) for e in mine] == [(1, "1", "gpt-4o"), (2, "2", "gpt-4o")]


def test_publish_takes_the_first_conversations_of_each_file_under_a_prefix(
    invoke: Invoke, kafka: KafkaSettings, transcript: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.json"
    other.write_text(json.dumps([{"id": "o", "messages": CONVERSATION}]))
    result = invoke("publish", str(transcript), str(other), "--limit", "2", "--session-prefix", "again-", "--json")
    summary = json.loads(result.stdout)
    size = sum(len(json.dumps(m)) for m in CONVERSATION[:3])
    assert summary == {"files": 2, "sessions": 3, "turns": 6, "messages": 9, "bytes": 3 * size, "seconds": summary["seconds"]}
    assert {e.session_id for e in published(kafka)} == {"again-run-0", "again-run-1", "again-o"}


def test_publish_keeps_to_a_rate(invoke: Invoke, transcript: Path) -> None:
    begun = time.monotonic()
    invoke("publish", str(transcript), "--limit", "5", "--rate", "20")
    # Ten turns at 20 a second: the tenth leaves after 0.45 s.
    assert time.monotonic() - begun > 0.45


def test_publish_sends_nothing_when_a_later_file_is_wrong(
    invoke: Invoke, kafka: KafkaSettings, transcript: Path, tmp_path: Path
) -> None:
    with pytest.raises(ImportFormatError, match=r"absent\.jsonl"):
        invoke("publish", str(transcript), str(tmp_path / "absent.jsonl"))
    with pytest.raises(ImportFormatError, match=r"absent\.jsonl"):
        invoke("publish", str(transcript), str(tmp_path / "absent.jsonl"), "--format", "openai")
    assert published(kafka) == []


def test_publish_says_when_no_conversation_has_a_turn(invoke: Invoke, tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(json.dumps({"messages": CONVERSATION[:1]}))
    assert "No conversation has a turn" in invoke("publish", str(file)).stdout


def test_consume_once_shows_what_each_context_adds(invoke: Invoke, kafka: KafkaSettings) -> None:
    answer(kafka, context("s", 1, CONVERSATION[:1]), context("s", 2, CONVERSATION[:3], start=1), context("other", 1, []))
    lines = invoke("consume", "--once", "--session", "s").stdout.splitlines()
    assert [" ".join(line.split()) for line in lines] == [
        "s turn 1 1 message 100 → 75 tokens (25.0 % saved) records",
        "0 user How many?",
        "s turn 2 3 messages 100 → 75 tokens (25.0 % saved) records",
        "1 message as before",
        "1 assistant count({})",
        '2 tool [{"n": 1}, {"n": 2}]',
    ]


def test_consume_json_is_the_whole_context_one_a_line(invoke: Invoke, kafka: KafkaSettings) -> None:
    odd = Raw(b'{"role":"user",\n "content":"a\\nb"}')
    answer(kafka, context("s", 1, [odd]), context("s", 1, [odd]), context("s", 2, [odd, odd], start=1))
    lines = invoke("consume", "--once", "--json").stdout.splitlines()
    assert [json.loads(line)["messages"] for line in lines] == [[{"role": "user", "content": "a\nb"}] * n for n in (1, 2)]


def test_consume_once_says_when_there_is_nothing(invoke: Invoke, kafka: KafkaSettings) -> None:
    result = invoke("consume", "--once")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no contexts" in result.stderr
    answer(kafka, context("s", 1, CONVERSATION[:1]))
    assert "no contexts of session 'x'" in invoke("consume", "--once", "--session", "x").stderr


def test_control_characters_of_a_tool_do_not_reach_the_terminal(invoke: Invoke, kafka: KafkaSettings) -> None:
    answer(kafka, context("s", 1, [{"role": "user", "content": "\x1b[2Jgone\x9b"}]))
    shown = invoke("consume", "--once").stdout
    assert "␛[2Jgone" in shown
    assert not {"\x1b", "\x9b"} & set(shown)


def test_inspect_pairs_the_messages_before_and_after(invoke: Invoke, kafka: KafkaSettings, transcript: Path) -> None:
    invoke("publish", str(transcript), "--limit", "2")
    short = {**CONVERSATION[2], "content": "[{n} 1 2]"}
    marker = {"role": "user", "content": "[one message left out]"}
    answer(kafka, context("run-1", 2, [marker, CONVERSATION[1], short]))
    rows = json.loads(invoke("inspect", "run-1", "--json").stdout)
    assert rows["context"]["saved"] == 0.25
    assert [(r["role"], r["changed"], r["before"], r["after"]) for r in rows["messages"]] == [
        ("user", True, CONVERSATION[0], None),
        ("user", True, None, marker),
        ("assistant", False, CONVERSATION[1], CONVERSATION[1]),
        ("tool", True, CONVERSATION[2], short),
    ]
    assert rows["messages"][3]["tokens_before"] > rows["messages"][3]["tokens_after"] > 0
    shown = invoke("inspect", "run-1").stdout
    assert 'before │ [{"n": 1}, {"n": 2}]' in shown
    assert "after  │ [{n} 1 2]" in shown
    assert "dropped" in shown
    assert "put in" in shown


def test_inspect_shows_one_message_whole(invoke: Invoke, kafka: KafkaSettings) -> None:
    lines = "\n".join(f"line {n}" for n in range(50))
    before = {"role": "tool", "tool_call_id": "c", "content": lines}
    event = TurnEvent(session_id="s", event_id="1", messages=[Raw(json.dumps(before).encode())])
    asyncio.run(produce(kafka.brokers, kafka.turns, [(b"s", encode(event))]))
    answer(kafka, context("s", 1, [{**before, "content": "50 lines"}]))
    assert "line 49" not in invoke("inspect", "s").stdout
    assert "line 49" in invoke("inspect", "s", "--message", "0").stdout
    with pytest.raises(ValidationError, match="no message 1; the last is 0"):
        invoke("inspect", "s", "--message", "1")


def test_inspect_counts_what_no_context_has_yet_and_passes_over_repeated_turns(
    invoke: Invoke, kafka: KafkaSettings, transcript: Path
) -> None:
    for _ in range(2):
        invoke("publish", str(transcript), "--limit", "1")
    assert "no context yet" in invoke("inspect", "run-0").stdout
    answer(kafka, context("run-0", 1, CONVERSATION[:1]))
    rows = json.loads(invoke("inspect", "run-0", "--json").stdout)
    assert (len(rows["messages"]), rows["messages_not_folded"], rows["events"]) == (1, 2, 2)


def test_an_unknown_session_is_an_error(invoke: Invoke) -> None:
    with pytest.raises(ValidationError, match="no session 'nobody'"):
        invoke("inspect", "nobody")


@pytest.mark.parametrize("arguments", [["consume", "--once"], ["tail"], ["inspect", "s"]])
def test_an_unreachable_broker_is_an_error(arguments: list[str]) -> None:
    with pytest.raises(TransportError, match=r"can't reach a Kafka broker at 127\.0\.0\.1:1"):
        CliRunner().invoke(cli, [*arguments, "--brokers", "127.0.0.1:1"], catch_exceptions=False)


def test_errors_are_one_line_and_exit_code_one(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(json.dumps({"messages": CONVERSATION}))
    environment_ = {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    for arguments in (
        ["publish", str(tmp_path / "absent")],
        ["publish", str(file), "--format", "openai", "--brokers", "127.0.0.1:1"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "headroom_stream", *arguments], capture_output=True, text=True, env=environment_, check=False
        )
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("error: ")
        assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", [["tail", "--json"], ["tail"], ["consume"]])
def test_following_shows_contexts_as_they_come_and_ends_cleanly_on_interrupt(kafka: KafkaSettings, command: list[str]) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "headroom_stream", *command, *(["--from-beginning"] if "--json" not in command else [])],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**environment(kafka), "PYTHONUNBUFFERED": "1"},
        # A shell lets background jobs ignore interrupts, and their children inherit it: the suite may be such a job.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - one call into the kernel
    )
    try:
        assert child.stdout is not None
        assert child.stderr is not None
        if command[0] == "tail":
            assert "waiting for contexts" in child.stderr.readline()
        answer(kafka, context("s", 1, CONVERSATION[:1]))
        first = child.stdout.readline()
        child.send_signal(signal.SIGINT)
        assert child.wait(10) == 0
        if "--json" in command:
            assert {k: v for k, v in json.loads(first).items() if k in ("session", "saved")} == {"session": "s", "saved": 0.25}
        else:
            assert first.split()[:3] == ["s", "turn", "1"]
        assert "Traceback" not in child.stderr.read()
    finally:
        child.kill()
        child.wait()


@pytest.mark.parametrize("name", ["publish", "consume", "tail", "inspect"])
def test_help_teaches_by_example(name: str) -> None:
    shown = CliRunner().invoke(cli, [name, "--help"]).stdout
    assert shown.count(f"  headroom-stream {name}") >= 3
