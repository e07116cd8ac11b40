"""`retrieve`: what was left out of a context, whole or by search within it."""

from __future__ import annotations

import re
import sys

import click
from msgspec import structs

from headroom_stream.analytics.originals import Original, original
from headroom_stream.analytics.store import connect
from headroom_stream.cli.common import connection_options, json_option, print_json
from headroom_stream.errors import ValidationError
from headroom_stream.retrieval import Passage, lines, passages
from headroom_stream.settings import load_settings
from headroom_stream.tokenizers import load_tokenizer

MAX_TOKENS = 1_000
"""Of passages, unless said otherwise: what an agent can read beside all else."""
_RANGE = re.compile(r"([0-9]{1,9})(-([0-9]{1,9})?)?")
_TO_THE_END = sys.maxsize


@click.command()
@click.argument("ref")
@click.option("--session", help="Its session; quicker in a large store.")
@click.option("--query", metavar="TEXT", help="Only the passages about this, best first.")
@click.option("--lines", "wanted", metavar="A-B", help="Only these lines, from 1: 40-80, 40- or 40.")
@click.option(
    "--max-tokens",
    type=click.IntRange(min=1),
    metavar="N",
    help=f"Of all passages together, with --query.  [default: {MAX_TOKENS}]",
)
@json_option
@connection_options
def command(
    *,
    ref: str,
    session: str | None,
    query: str | None,
    wanted: str | None,
    max_tokens: int | None,
    as_json: bool,
    brokers: str | None,
    clickhouse: str | None,
    config: str | None,
) -> None:
    """Print an original: what a marker such as [412 lines left out, original 31da97fc1e2c] stands for.

    Whole and unchanged, or the passages that --query finds and the lines that --lines names, with their numbers. --query with --lines
    searches these lines alone.

    \b
    Examples:
      headroom-stream retrieve 31da97fc1e2c
      headroom-stream retrieve 31da97fc1e2c --query "connection refused"
      headroom-stream retrieve 31da97fc1e2c --lines 40-80
      headroom-stream retrieve 31da97fc1e2c --query order_id --max-tokens 200 --json
    """
    if max_tokens is not None and query is None:
        raise click.UsageError("--max-tokens goes with --query")
    bounds = None if wanted is None else _range(wanted)
    settings = load_settings(config=config, brokers=brokers, clickhouse=clickhouse)
    client = connect(settings)
    found = original(client, settings.clickhouse.database, ref, session=session)
    client.close()
    shown = None if query is None and bounds is None else _passages(found, query, bounds, max_tokens or MAX_TOKENS)
    if as_json:
        print_json(found if shown is None else {**_about(found), "passages": shown})
    elif shown is None:
        click.echo(found.content, nl=not found.content.endswith("\n"))
    else:
        click.echo("\n…\n".join(map(_numbered, shown)))


def _range(text: str) -> tuple[int, int]:
    found = _RANGE.fullmatch(text.strip())
    if found is None:
        raise click.UsageError(f"--lines {text!r}: give 40-80, 40- or 40")
    first = int(found[1])
    return first, first if found[2] is None else int(found[3] or _TO_THE_END)


def _passages(found: Original, query: str | None, bounds: tuple[int, int] | None, max_tokens: int) -> list[Passage]:
    part = lines(found.content, *(bounds or (1, _TO_THE_END)))
    if query is None:
        return [part]
    count = load_tokenizer(network=False).count
    before = part.start_line - 1
    shown = [
        structs.replace(one, start_line=one.start_line + before, end_line=one.end_line + before)
        for one in passages(part.text, query, max_tokens=max_tokens, count=count)
    ]
    if not shown:
        raise ValidationError(f"nothing about {query!r} in original {found.ref}; without --query it is printed whole")
    return shown


def _about(found: Original) -> dict[str, object]:
    return {name: getattr(found, name) for name in found.__struct_fields__ if name != "content"}


def _numbered(passage: Passage) -> str:
    return "\n".join(f"{number:6}  {line}" for number, line in enumerate(passage.text.split("\n"), passage.start_line))
