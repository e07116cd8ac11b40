"""`publish`: transcripts people already have, turn by turn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Literal

import click
from msgspec import Struct, structs
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from headroom_stream.cli.common import connection_options, err, json_option, out, print_json
from headroom_stream.client import TurnPublisher
from headroom_stream.config import KafkaSettings
from headroom_stream.errors import ImportFormatError
from headroom_stream.importers import FORMATS, Format, Session, detect_file, read
from headroom_stream.settings import load_settings


class Published(Struct):
    """What was published."""

    files: int = 0
    sessions: int = 0
    turns: int = 0
    messages: int = 0
    bytes: int = 0
    """Of the messages."""
    seconds: float = 0.0


@click.command("publish")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--format", "format_", type=click.Choice(["auto", *FORMATS]), default="auto", show_default=True, help="What the files hold."
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N conversations of each file.")
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), metavar="TURNS/S", help="Publish no faster than this.")
@click.option(
    "--session-prefix", default="", metavar="TEXT", help="Put TEXT before each session id, to publish the same file anew."
)
@json_option
@connection_options
def command(
    *,
    files: tuple[str, ...],
    format_: Format | Literal["auto"],
    limit: int | None,
    rate: float | None,
    session_prefix: str,
    as_json: bool,
    brokers: str | None,
    clickhouse: str | None,
    config: str | None,
) -> None:
    """Publish transcripts you already have, turn by turn.

    Each call of the model becomes one turn: the messages that were new to it. FILE holds OpenAI or Anthropic conversations (JSON
    lines, or one JSON value), a Claude Code log, or turn events of ours; gzip of any of them will do.

    \b
    Examples:
      headroom-stream publish ~/.claude/projects/my-project/*.jsonl
      headroom-stream publish runs.jsonl.gz --limit 20
      headroom-stream publish runs.jsonl --session-prefix again- --rate 50 --json
    """
    kafka = load_settings(config=config, brokers=brokers, clickhouse=clickhouse).kafka
    # Every file is looked at before anything is sent: half of a list published is harder to mend than none of it.
    formats = [_format(file, format_) for file in files]
    sessions = (s for file, chosen in zip(files, formats, strict=True) for s in read(file, format=chosen, limit=limit))
    done = asyncio.run(_publish(sessions, kafka, Published(files=len(files)), prefix=session_prefix, rate=rate, bar=not as_json))
    if as_json:
        print_json(done)
        return
    what = f"{done.turns:,} turns of {done.sessions:,} sessions"
    out.print(
        f"Published {what}: {done.messages:,} messages, {done.bytes / 1e6:.1f} MB, in {done.seconds:.1f} s.",
        soft_wrap=True,
    )
    if not done.turns:
        out.print("No conversation has a turn: none has an assistant message after another message.")


def _format(file: str, format_: Format | Literal["auto"]) -> Format:
    if format_ != "auto":
        # Opened now, so that a wrong path is told before anything is sent.
        with _readable(file):
            return format_
    found = detect_file(file)
    err.print(f"{file}: read as {found.format} ({found.evidence})", style="dim", markup=False, soft_wrap=True)
    return found.format


@contextmanager
def _readable(file: str) -> Iterator[None]:
    try:
        with open(file, "rb"):  # noqa: PTH123 - nothing else is needed of the path
            yield
    except OSError as error:
        raise ImportFormatError(f"can't read {file}: {error.strerror}") from error


async def _publish(
    sessions: Iterable[Session], kafka: KafkaSettings, done: Published, *, prefix: str, rate: float | None, bar: bool
) -> Published:
    begun = time.monotonic()
    columns = (
        TextColumn("{task.fields[turns]:,} turns"),
        BarColumn(),
        TextColumn("{task.fields[sessions]:,} sessions, {task.fields[size]:.1f} MB"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=not (bar and err.is_terminal)) as progress:
        task = progress.add_task("publish", total=None, turns=0, sessions=0, size=0.0)
        async with TurnPublisher(kafka=kafka) as publisher:
            for session in sessions:
                done.sessions += bool(session.turns)
                for event in session.turns:
                    if rate:
                        await asyncio.sleep(begun + done.turns / rate - time.monotonic())
                    await publisher.send(structs.replace(event, session_id=prefix + event.session_id) if prefix else event)
                    new = event.messages or event.history or []
                    done.turns += 1
                    done.messages += len(new)
                    done.bytes += sum(map(len, new))
                progress.update(task, turns=done.turns, sessions=done.sessions, size=done.bytes / 1e6)
            await publisher.flush()
    done.seconds = round(time.monotonic() - begun, 3)
    return done
