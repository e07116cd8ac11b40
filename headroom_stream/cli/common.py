"""What all commands share: where the parts are, and output for people or machines."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import click
import msgspec
from rich.console import Console

F = TypeVar("F", bound=Callable[..., Any])

_PIPED_WIDTH = 160
"""Columns where there is no terminal to ask: a table of numbers that is folded to 80 cannot be read."""

out = Console(highlight=False, width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else _PIPED_WIDTH)
"""For people. Colour only where the terminal has it."""
err = Console(stderr=True, highlight=False)


def connection_options(function: F) -> F:
    """`--brokers`, `--clickhouse` and `--config`, the same everywhere: pass them on to `settings.load_settings`."""
    for option in (
        click.option("--config", metavar="FILE", help="TOML file with settings.  [env: HEADROOM_STREAM_CONFIG]"),
        click.option(
            "--clickhouse", metavar="URL", help="ClickHouse, http://[user:password@]host:port.  [env: HEADROOM_STREAM_CLICKHOUSE]"
        ),
        click.option("--brokers", metavar="HOST:PORT", help="Kafka brokers, comma-separated.  [env: HEADROOM_STREAM_BROKERS]"),
    ):
        function = option(function)
    return function


def json_option(function: F) -> F:
    """`--json`: one JSON value a line instead of text for people."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, one value a line, for machines.")(function)


def since_option(function: F) -> F:
    """`--since`: read it with `time_of`."""
    return click.option(
        "--since",
        metavar="TIME",
        help="Only events at or after this time, as 2026-01-31 or 2026-01-31T12:00:00+00:00; UTC without a zone.",
    )(function)


def time_of(text: str | None, *, option: str = "--since") -> datetime | None:
    """The time that `--since` says, or another option like it."""
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(
            f"{text!r} is not a time such as 2026-01-31 or 2026-01-31T12:00:00+00:00", param_hint=option
        ) from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def print_json(value: Any) -> None:
    """One line of JSON on standard output."""
    line = msgspec.json.encode(value)
    if b"\n" in line:
        # Only a message that travels as it came can bring a line break along, between its values.
        line = msgspec.json.format(line, indent=-1)
    click.echo(line.decode())
