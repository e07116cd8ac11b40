"""`init`: topics and tables."""

from __future__ import annotations

import asyncio

import click

from headroom_stream.analytics.store import connect
from headroom_stream.cli.common import connection_options, json_option, out, print_json
from headroom_stream.settings import load_settings
from headroom_stream.sink.migrate import migrate
from headroom_stream.topics import ensure_topics


@click.command()
@connection_options
@json_option
def command(brokers: str | None, clickhouse: str | None, config: str | None, as_json: bool) -> None:
    """Create the topics and the ClickHouse tables. What exists stays as it is, so it can be run again.

    \b
    Examples:
      headroom-stream init
      headroom-stream init --brokers kafka-1:9092 --clickhouse http://user:password@clickhouse:8123
    """
    settings = load_settings(config=config, brokers=brokers, clickhouse=clickhouse)
    for topic in asyncio.run(ensure_topics(settings)):
        if as_json:
            print_json({"topic": topic.name, "partitions": topic.partitions, "created": topic.created})
        else:
            out.print(f"topic {topic.name}: {'created' if topic.created else 'existed'}, {topic.partitions} partitions")
    client = connect(settings, database=False)
    applied = migrate(client, settings)
    client.close()
    for migration in applied:
        if as_json:
            print_json({"migration": f"{migration.number:04}_{migration.name}", "database": settings.clickhouse.database})
        else:
            out.print(f"database {settings.clickhouse.database}: applied {migration.number:04}_{migration.name}")
    if not applied and not as_json:
        out.print(f"database {settings.clickhouse.database}: up to date")
