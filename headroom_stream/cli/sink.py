"""`sink`: from the metrics topic to ClickHouse."""

from __future__ import annotations

import asyncio
import logging

import click

from headroom_stream.cli.common import connection_options, json_option, out, print_json
from headroom_stream.cli.signals import stop_on_signals
from headroom_stream.config import Settings
from headroom_stream.settings import load_settings
from headroom_stream.sink.sink import BatchReport, run_sink


@click.command()
@connection_options
@json_option
def command(*, brokers: str | None, clickhouse: str | None, config: str | None, as_json: bool) -> None:
    """Carry metrics from Kafka to ClickHouse until Ctrl-C or SIGTERM.

    Several sinks share the partitions. While ClickHouse is away they wait, and Kafka keeps the metrics.

    \b
    Examples:
      headroom-stream sink
      headroom-stream sink --brokers kafka-1:9092 --clickhouse http://user:password@clickhouse:8123
    """
    logging.basicConfig(force=True, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("aiokafka").setLevel(logging.WARNING)
    asyncio.run(_run(load_settings(config=config, brokers=brokers, clickhouse=clickhouse), as_json=as_json))


async def _run(settings: Settings, *, as_json: bool) -> None:
    rows = 0

    def count(report: BatchReport) -> None:
        nonlocal rows
        rows += sum(report.rows.values())
        if as_json:
            print_json({"event": "batch", "rows": report.rows, "erased": report.erased, "unreadable": report.unreadable})

    stop = stop_on_signals()
    if as_json:
        print_json({"event": "started", "topic": settings.kafka.metrics, "brokers": settings.kafka.brokers})
    else:
        out.print(f"sink started: {settings.kafka.metrics} at {settings.kafka.brokers}", soft_wrap=True)
    await run_sink(settings, stop=stop, on_batch=count)
    if as_json:
        print_json({"event": "stopped", "rows": rows})
    else:
        out.print(f"sink stopped after {rows} rows")
