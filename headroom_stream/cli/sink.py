"""`sink`: from the metrics topic to ClickHouse."""

from __future__ import annotations

import asyncio
import logging

import click

from headroom_stream.cli.common import connection_options, out
from headroom_stream.cli.signals import stop_on_signals
from headroom_stream.config import Settings
from headroom_stream.settings import load_settings
from headroom_stream.sink.sink import BatchReport, run_sink


@click.command()
@connection_options
def command(brokers: str | None, clickhouse: str | None, config: str | None) -> None:
    """Carry metrics from Kafka to ClickHouse until Ctrl-C or SIGTERM.

    Several sinks share the partitions. While ClickHouse is away they wait, and Kafka keeps the metrics.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("aiokafka").setLevel(logging.WARNING)
    asyncio.run(_run(load_settings(config=config, brokers=brokers, clickhouse=clickhouse)))


async def _run(settings: Settings) -> None:
    rows = 0

    def count(report: BatchReport) -> None:
        nonlocal rows
        rows += sum(report.rows.values())

    stop = stop_on_signals()
    out.print(f"sink started: {settings.kafka.metrics} at {settings.kafka.brokers}")
    await run_sink(settings, stop=stop, on_batch=count)
    out.print(f"sink stopped after {rows} rows")
