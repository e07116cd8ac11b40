"""`consume`: contexts as they come."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import click

from headroom_stream.cli.common import connection_options, err, json_option, out, print_json
from headroom_stream.cli.streams import followed, head_of, role_of, shortened, text_of
from headroom_stream.client import ContextConsumer
from headroom_stream.config import KafkaSettings
from headroom_stream.events import ContextBatch
from headroom_stream.settings import load_settings


@click.command("consume")
@click.option("--session", metavar="ID", help="Only this session.")
@click.option("--from-beginning", is_flag=True, help="Begin with the oldest context; default: with what comes from now on.")
@click.option("--once", is_flag=True, help="Print what is there now, from the beginning, and end.")
@json_option
@connection_options
def command(
    *,
    session: str | None,
    from_beginning: bool,
    once: bool,
    as_json: bool,
    brokers: str | None,
    clickhouse: str | None,
    config: str | None,
) -> None:
    """Print contexts as they come: the messages that are ready to send to the model.

    For people: one line a context, and below it the messages that it adds. With --json: the whole context, one a line.

    \b
    Examples:
      headroom-stream consume
      headroom-stream consume --session run-1 --once
      headroom-stream consume --once --json | jq '.messages'
    """
    kafka = load_settings(config=config, brokers=brokers, clickhouse=clickhouse).kafka
    # Ctrl-C is how one leaves a stream, not a failure of it.
    with suppress(KeyboardInterrupt):
        count = asyncio.run(_consume(kafka, session, from_beginning=from_beginning or once, once=once, as_json=as_json))
        if not count:
            of = f" of session {session!r}" if session else ""
            err.print(f"no contexts{of} on {kafka.contexts} at {kafka.brokers}", markup=False, soft_wrap=True)


async def _consume(kafka: KafkaSettings, session: str | None, *, from_beginning: bool, once: bool, as_json: bool) -> int:
    count = 0
    async with ContextConsumer(kafka=kafka, session=session, from_beginning=from_beginning, incomplete="give") as consumer:
        async for batch in consumer.so_far() if once else followed(consumer):
            count += 1
            if as_json:
                print_json(batch)
            else:
                _show(batch)
    return count


def _show(batch: ContextBatch) -> None:
    out.print(head_of(batch), style="bold", markup=False, soft_wrap=True)
    first = max(batch.messages_from, batch.first_changed_index)
    if batch.messages_from:
        out.print(f"      a delta; the {batch.messages_from} messages before it were not seen here", style="yellow")
    elif first:
        out.print(f"      {first} message{'s' if first > 1 else ''} as before", style="dim")
    for index, message in enumerate(batch.messages[first - batch.messages_from :], first):
        out.print(
            f"{index:5} {role_of(message):9} {shortened(text_of(message), max(out.width - 17, 40))}", markup=False, soft_wrap=True
        )
