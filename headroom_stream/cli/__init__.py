"""`headroom-stream`: every role and tool of the system as a command of one program."""

from __future__ import annotations

import importlib
import logging
import sys

import click

from headroom_stream.errors import HeadroomError

COMMANDS = {
    "demo": "See it work in a minute: embedded parts, an agent that really runs tools, the savings.",
    "up": "Run broker, ClickHouse, worker and sink on this machine.",
    "init": "Create the topics and the ClickHouse tables.",
    "worker": "Fold turns into contexts: the Faust worker.",
    "sink": "Carry metrics from Kafka to ClickHouse.",
    "gateway": "Serve the HTTP API: compression, retrieval, passthrough to providers.",
    "publish": "Publish transcripts you already have, turn by turn.",
    "consume": "Print contexts as they come.",
    "tail": "Watch all sessions live.",
    "inspect": "Show a session message by message, before and after.",
    "retrieve": "Print what was left out of a context, whole or by search within it.",
    "evaluate": "Measure on your own transcripts what a policy saves and what it loses.",
    "query": "Ask ClickHouse.",
    "summary": "Print what was saved.",
    "report": "Write a page with plots of what was saved, or the same as text or data.",
    "learn": "Print what agents use of their tools' outputs, as a policy that keeps it.",
    "mcp": "Give coding agents tools to compress and to read what was left out.",
    "schemas": "Write the JSON Schemas and the AsyncAPI document of the wire.",
}
"""In the order of `--help`. A command `x` is the function `command` of `headroom_stream.cli.x`, imported when it is called."""


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"headroom_stream.cli.{name}")
        found: click.Command = module.command
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        # The short texts above, so that `--help` imports no broker client.
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="headroom-stream")
def cli() -> None:
    """The context layer of an agent fleet, as a stream.

    Agents publish their turns to Kafka; workers keep each session's context compressed and append-only, and emit the messages that
    are ready to send to the model; ClickHouse shows what was saved.

    Start with `headroom-stream demo`. Then `headroom-stream up` in one terminal and `headroom-stream publish FILE` in another.

    Settings come from a TOML file (--config), from HEADROOM_STREAM_* variables and from flags, the later winning. The defaults fit `up`.
    """
    # Drivers log a failed connection beside the error that they raise; the error is what people read. Roles set up a log of their own.
    logging.getLogger().addHandler(logging.NullHandler())


def main() -> None:
    """Entry point: errors of ours end in one clear line and exit code 1."""
    try:
        cli(standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("stopped", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except HeadroomError as error:
        click.secho(f"error: {error}", fg="red", err=True)
        sys.exit(1)
    except BrokenPipeError:
        # The reader of our output went away, as `head` does.
        sys.stderr.close()
        sys.exit(0)
