"""`mcp`: the tools for coding agents, over standard input and output."""

from __future__ import annotations

import logging
import sys

import click

from headroom_stream.cli.common import connection_options, err
from headroom_stream.errors import ConfigurationError
from headroom_stream.settings import load_settings


@click.command("mcp")
@click.option(
    "--port",
    type=click.IntRange(1, 65_535),
    metavar="N",
    help="Serve over HTTP at http://127.0.0.1:N/mcp, to this machine only, instead of standard input and output.",
)
@connection_options
def command(*, port: int | None, brokers: str | None, clickhouse: str | None, config: str | None) -> None:
    """Give coding agents tools to compress, to read what was left out, and to see what was saved.

    A server of the Model Context Protocol, with the tools headroom_compress, headroom_retrieve and headroom_stats. Clients start it by
    themselves. What was left out is looked up in this process, then in ClickHouse (--clickhouse; the default fits `headroom-stream up`):
    so it also brings back what workers left out. It needs the extra `mcp`: pip install 'headroom-stream[mcp]'.

    \b
    Claude Code:
      claude mcp add headroom -- headroom-stream mcp
    \b
    Cursor (.cursor/mcp.json), Claude Desktop (claude_desktop_config.json), Windsurf, Cline and others:
      {
        "mcpServers": {
          "headroom": {"command": "headroom-stream", "args": ["mcp"]}
        }
      }
    \b
    VS Code (.vscode/mcp.json):
      {
        "servers": {
          "headroom": {"type": "stdio", "command": "headroom-stream", "args": ["mcp"]}
        }
      }
    \b
    Codex (~/.codex/config.toml):
      [mcp_servers.headroom]
      command = "headroom-stream"
      args = ["mcp"]

    \b
    Without an installation, by uv:
      {"command": "uvx", "args": ["--from", "headroom-stream[mcp]", "headroom-stream", "mcp"]}

    Where the program is in an environment of its own, give its whole path. With a ClickHouse of your own, add its address to the args
    (--clickhouse http://user:password@host:8123) or to the client's "env" as HEADROOM_STREAM_CLICKHOUSE.
    """
    try:
        from headroom_stream.mcp_server import Work, make_server  # noqa: PLC0415 - its SDK is an extra
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("mcp", "mcp_types", "pydantic"):
            raise
        raise ConfigurationError("the MCP server needs the extra `mcp`: pip install 'headroom-stream[mcp]'") from error
    settings = load_settings(config=config, brokers=brokers, clickhouse=clickhouse)
    # Standard output belongs to the protocol.
    logging.basicConfig(force=True, level="ERROR", stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    server = make_server(Work(settings))
    if port is None:
        server.run("stdio")
    else:
        err.print(f"serving at http://127.0.0.1:{port}/mcp", style="dim", markup=False, soft_wrap=True)
        server.run("streamable-http", host="127.0.0.1", port=port)
