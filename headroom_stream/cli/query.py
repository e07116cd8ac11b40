"""`query`: SQL to ClickHouse."""

from __future__ import annotations

import re

import click
from rich.table import Table
from rich.text import Text

from headroom_stream.analytics.store import connect, reported
from headroom_stream.cli.common import connection_options, json_option, out
from headroom_stream.settings import load_settings

_READS = re.compile(r"\s*(?:\(|(?:SELECT|WITH|SHOW|DESC|DESCRIBE|EXPLAIN|EXISTS|FROM)\b)", re.IGNORECASE)


@click.command()
@connection_options
@json_option
@click.argument("sql")
def command(brokers: str | None, clickhouse: str | None, config: str | None, as_json: bool, sql: str) -> None:
    """Ask ClickHouse, as in: query 'SELECT outcome, count() FROM turns FINAL GROUP BY outcome'.

    Tables: turns, decisions, originals, tool_usage, dead_letters. Read them with FINAL, which counts rows that were delivered twice once.

    \b
    Examples:
      headroom-stream query 'SELECT outcome, count() FROM turns FINAL GROUP BY outcome'
      headroom-stream query --json 'SELECT ref, tool, tokens FROM originals FINAL LIMIT 3'
    """
    settings = load_settings(config=config, brokers=brokers, clickhouse=clickhouse)
    client = connect(settings)
    with reported(settings):
        if not _READS.match(sql):
            client.command(sql)
            return
        if as_json:
            click.get_binary_stream("stdout").write(client.raw_query(sql, fmt="JSONEachRow"))
            return
        # As text of ClickHouse's own making, so that numbers and times look as in every other client.
        lines = client.raw_query(sql, fmt="TabSeparatedWithNames").decode(errors="replace").splitlines()
    client.close()
    if not lines:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in lines[0].split("\t"):
        table.add_column(Text(name))
    for line in lines[1:]:
        table.add_row(*(Text(value) for value in line.split("\t")))
    out.print(table)
