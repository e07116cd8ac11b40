"""`report`: what was saved, as a page, a text or data."""

from __future__ import annotations

from pathlib import Path

import click

from headroom_stream.cli.common import connection_options, err, since_option, time_of
from headroom_stream.report import FORMATS, Format, generate_report
from headroom_stream.report.figures import Source
from headroom_stream.report.periods import PERIODS, Period
from headroom_stream.settings import load_settings

_BY_SUFFIX: dict[str, Format] = {".html": "html", ".htm": "html", ".md": "markdown", ".json": "json"}


@click.command("report")
@click.option(
    "--store", metavar="URL", help="sqlite:///file.db, or ClickHouse as http://host:8123/database.  [default: ClickHouse]"
)
@click.option(
    "--from",
    "source",
    type=click.Choice(["stream", "requests"]),
    help="The stream's turns, or calls that clients saved.  [default: requests with --store, else stream]",
)
@click.option(
    "--format", "format_", type=click.Choice(FORMATS), help="[default: by the suffix of FILE; markdown where there is no FILE]"
)
@click.option("--period", type=click.Choice(PERIODS), default="day", show_default=True, help="What a row of the first table is.")
@since_option
@click.option("--until", metavar="TIME", help="Only events before this time.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write to FILE.")
@connection_options
def command(
    *,
    store: str | None,
    source: Source | None,
    format_: Format | None,
    period: Period,
    since: str | None,
    until: str | None,
    output: Path | None,
    brokers: str | None,
    clickhouse: str | None,
    config: str | None,
) -> None:
    """Write a report of what was saved: tokens and money by period, model, mode and transform, failures, the slowest calls.

    An HTML page has plots and needs nothing from elsewhere; Markdown and JSON have the same figures. Nothing is opened or sent.

    \b
    Examples:
      headroom-stream report -o report.html                                    the stream, from ClickHouse
      headroom-stream report --since 2026-01-01 --until 2026-02-01 --period week
      headroom-stream report --store sqlite:///headroom.db -o report.html      calls of a HeadroomClient
      headroom-stream report --from requests --format json | jq '.sections[0].rows'
    """
    if store is not None and clickhouse is not None:
        raise click.UsageError("give --store or --clickhouse, not both")
    settings = load_settings(config=config, brokers=brokers, clickhouse=clickhouse)
    # A file without a suffix that tells is a page; what goes to a terminal is read there.
    by_file: Format = "markdown" if output is None else _BY_SUFFIX.get(output.suffix.lower(), "html")
    text = generate_report(
        store or f"{settings.clickhouse.url.rstrip('/')}/{settings.clickhouse.database}",
        output,
        time_of(since),
        time_of(until, option="--until"),
        format=format_ or by_file,
        period=period,
        source=source or ("requests" if store else "stream"),
    )
    if output is None:
        click.echo(text, nl=False)
    else:
        err.print(f"Written: {output}", markup=False, soft_wrap=True)
