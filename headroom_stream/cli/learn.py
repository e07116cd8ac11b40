"""`learn`: what agents use of their tools' outputs, as a policy."""

from __future__ import annotations

from pathlib import Path

import click

from headroom_stream.analytics.learned import policy_section, used_fields
from headroom_stream.analytics.store import connect
from headroom_stream.cli.common import connection_options, err, json_option, print_json, since_option, time_of
from headroom_stream.settings import load_settings

_HEAD = """\
# Fields of tools' outputs that agents used in at least {min_outputs} outputs{since}: under this policy they are not cut.
# Written by `headroom-stream learn`. Read it over and put it into the configuration of the worker.

"""


@click.command()
@connection_options
@click.option("--tenant", help="Only this tenant.")
@since_option
@click.option(
    "--min-outputs", type=click.IntRange(min=1), default=3, show_default=True, help="Outputs in which a field has to be used."
)
@click.option("--out", "path", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write here instead.")
@json_option
def command(
    *,
    brokers: str | None,
    clickhouse: str | None,
    config: str | None,
    tenant: str | None,
    since: str | None,
    min_outputs: int,
    path: Path | None,
    as_json: bool,
) -> None:
    """Print which fields of their tools' outputs agents use, as a section of a policy that keeps them whole.

    Nothing changes by itself: a worker keeps these fields once its configuration has the section. Contexts thus follow from the
    events and the policy, and its version says which.

    \b
    Examples:
      headroom-stream learn
      headroom-stream learn --since 2026-01-31 --min-outputs 10 --out learned.toml
      headroom-stream evaluate runs/*.jsonl --policy learned.toml
    """
    settings = load_settings(config=config, brokers=brokers, clickhouse=clickhouse)
    client = connect(settings)
    found = used_fields(client, settings.clickhouse.database, min_outputs=min_outputs, tenant=tenant, since=time_of(since))
    client.close()
    if as_json:
        for one in found:
            print_json(one)
        return
    text = _HEAD.format(min_outputs=min_outputs, since=f" since {since}" if since else "") + policy_section(found)
    if path is None:
        click.echo(text, nl=False)
    else:
        path.write_text(text, encoding="utf-8")
    err.print(f"{len(found)} fields of {len({one.tool for one in found})} tools", markup=False)
