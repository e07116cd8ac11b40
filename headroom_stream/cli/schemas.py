"""`headroom-stream schemas`: the wire as files."""

from __future__ import annotations

import json
from pathlib import Path

import click

from headroom_stream.cli.common import json_option, print_json
from headroom_stream.wire_schemas import documents


@click.command("schemas")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if a file is missing or stale.")
@json_option
@click.argument("folder", type=click.Path(path_type=Path), default="schemas")
def command(folder: Path, *, check: bool, as_json: bool) -> None:
    """Write the JSON Schemas of the wire and its AsyncAPI 3 document to FOLDER.

    \b
    Examples:
      headroom-stream schemas schemas
      headroom-stream schemas --check schemas
    """
    stale = []
    for name, document in documents().items():
        text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        path = folder / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not check:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            if not as_json:
                click.echo(f"wrote {path}")
    if as_json:
        print_json({"folder": str(folder), "stale": stale, "written": not check})
    elif not stale:
        click.echo(f"{folder}: up to date")
    if stale and check:
        click.echo(f"stale: {', '.join(stale)}; run `headroom-stream schemas {folder}`", err=True)
        raise click.exceptions.Exit(1)
