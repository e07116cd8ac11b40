"""What all commands share: where the parts are, and output for people or machines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click
import msgspec
from rich.console import Console

F = TypeVar("F", bound=Callable[..., Any])

out = Console(highlight=False)
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


def print_json(value: Any) -> None:
    """One line of JSON on standard output."""
    line = msgspec.json.encode(value)
    if b"\n" in line:
        # Only a message that travels as it came can bring a line break along, between its values.
        line = msgspec.json.format(line, indent=-1)
    click.echo(line.decode())
