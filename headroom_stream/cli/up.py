"""`up`: the whole system on this machine."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
from rich.markup import escape

from headroom_stream.cli.common import err, json_option, out, print_json
from headroom_stream.cli.signals import stop_on_signals
from headroom_stream.config import Settings
from headroom_stream.local.ports import HOST
from headroom_stream.local.stack import LocalStack
from headroom_stream.settings import load_settings


@click.command()
@click.option("--kafka-port", default=19092, show_default=True, help="0: a free one.")
@click.option("--clickhouse-port", default=18123, show_default=True, help="0: a free one.")
@click.option(
    "--data-dir",
    default=".headroom",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="ClickHouse data and logs.",
)
@click.option("--workers", default=1, show_default=True, type=click.IntRange(0), help="Worker processes, which share the sessions.")
@click.option("--config", metavar="FILE", help="TOML file with settings.  [env: HEADROOM_STREAM_CONFIG]")
@json_option
def command(*, kafka_port: int, clickhouse_port: int, data_dir: Path, workers: int, config: str | None, as_json: bool) -> None:
    """Run broker, ClickHouse, worker and sink on this machine until Ctrl-C.

    For trying out and for development. Topics last as long as this command; what is in ClickHouse stays in the data directory.

    \b
    Examples:
      headroom-stream up
      headroom-stream up --kafka-port 0 --clickhouse-port 0 --workers 2 --json
    """
    asyncio.run(_up(load_settings(config=config), kafka_port, clickhouse_port, data_dir, workers, as_json=as_json))


async def _up(settings: Settings, kafka_port: int, clickhouse_port: int, data_dir: Path, workers: int, *, as_json: bool) -> None:
    stop = stop_on_signals()

    def say(line: str) -> None:
        err.print(f"[yellow]{escape(line)}[/]", soft_wrap=True)

    tell = _quiet if as_json else out.print
    tell("starting…")
    stack = LocalStack(
        settings,
        data_dir=data_dir,
        kafka_port=kafka_port,
        clickhouse_port=clickhouse_port,
        workers=workers,
        worker=workers > 0,
        say=say,
    )
    starting = asyncio.create_task(stack.__aenter__())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not starting.done():
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        tell("stopped")
        return
    await starting
    try:
        if as_json:
            kafka, store = stack.settings.kafka.brokers, stack.settings.clickhouse.url
            print_json({"event": "up", "brokers": kafka, "clickhouse": store, "data_dir": str(stack.data_dir)})
        else:
            _tell(stack)
        await stack.run(stop)
        tell("stopping…")
    finally:
        await stack.__aexit__(None, None, None)
    tell("stopped")


def _quiet(_: str) -> None:
    """For machines nothing but JSON."""


def _tell(stack: LocalStack) -> None:
    kafka, clickhouse = stack.settings.kafka, stack.settings.clickhouse
    default = Settings()
    flags = "" if kafka.brokers == default.kafka.brokers else f" --brokers {kafka.brokers}"
    store = "" if clickhouse.url == default.clickhouse.url else f" --clickhouse {clickhouse.url}"
    lines = f"""\
Kafka       {kafka.brokers}   topics {kafka.turns}, {kafka.contexts}, {kafka.metrics}, {kafka.dead}
ClickHouse  {clickhouse.url}   database {clickhouse.database}, no password, only from {HOST}
data, logs  {stack.data_dir}

Try, in another terminal:
    headroom-stream publish FILE{flags}
    headroom-stream summary{store}
    headroom-stream query{store} 'SELECT outcome, count() FROM turns FINAL GROUP BY outcome'

The embedded broker keeps its topics in memory: they are gone when this stops. It has no transactions and no compaction.
The rows in ClickHouse stay in the data directory. Ctrl-C stops everything."""  # noqa: S608 - text for people
    out.print("[bold green]up[/]")
    # Printed as it is: addresses and paths may look like markup, and a command must not be broken over two lines.
    out.print(lines, markup=False, soft_wrap=True)
