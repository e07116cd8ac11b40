"""`gateway`: the HTTP API."""

from __future__ import annotations

import asyncio
import logging
import os
import sys

import click

from headroom_stream.cli.common import json_option, out, print_json
from headroom_stream.cli.signals import stop_on_signals
from headroom_stream.config import Settings
from headroom_stream.errors import ConfigurationError
from headroom_stream.settings import load_settings


@click.command()
@click.option("--config", metavar="FILE", help="TOML file with settings.  [env: HEADROOM_STREAM_CONFIG]")
@click.option("--host", help="Address to listen on; one that others can reach needs keys.  [default: 127.0.0.1]")
@click.option("--port", type=int, help="0: one that is free.  [default: 8787]")
@click.option("--processes", type=int, help="That compress; 0: a thread.  [default: one a core]")
@click.option("--openai-url", metavar="URL", help="Where /v1/chat/completions goes on to, such as https://api.openai.com/v1.")
@click.option("--anthropic-url", metavar="URL", help="Where /v1/messages goes on to, such as https://api.anthropic.com.")
@click.option(
    "--store-url", metavar="URL", help="Where a row of each call is kept: sqlite:///file.db, memory:// or ClickHouse's address."
)
@click.option("--quiet", is_flag=True, help="No line for each request.")
@json_option
def command(
    *,
    config: str | None,
    host: str | None,
    port: int | None,
    processes: int | None,
    openai_url: str | None,
    anthropic_url: str | None,
    store_url: str | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Serve the HTTP API until Ctrl-C or SIGTERM. The npm package `headroom-ai` speaks it as it is.

    \b
    Compress messages, with no session:
      curl localhost:8787/v1/compress -H 'content-type: application/json' -d '{"model": "gpt-4o", "messages": [...]}'
    As a session, to whose context each call only appends, so that the provider's cache holds:
      curl localhost:8787/v1/compress -d '{"model": "gpt-4o", "messages": [...], "config": {"session_id": "s1"}}'
    What was left out, by the hash in its marker:
      curl localhost:8787/v1/retrieve/4f0c2a9d81b7?query=timeout

    \b
    As a proxy of a provider, streams included:
      headroom-stream gateway --anthropic-url https://api.anthropic.com
      ANTHROPIC_BASE_URL=http://localhost:8787 your-agent
      headroom-stream gateway --openai-url https://api.openai.com/v1
      OPENAI_BASE_URL=http://localhost:8787/v1 your-agent

    \b
    For others on the network, with a key for each tenant (callers send Authorization: Bearer, or x-headroom-key):
      HEADROOM_STREAM_GATEWAY__KEYS__ACME=a-long-secret headroom-stream gateway --host 0.0.0.0
    With HEADROOM_STREAM_GATEWAY__OPENAI_KEY and __ANTHROPIC_KEY set, such callers need no key of the provider.

    /openapi.json describes all routes. All settings stand in the section `gateway` of the TOML file, or in
    HEADROOM_STREAM_GATEWAY__* variables.
    """
    environ = dict(os.environ)
    flags = {
        "HOST": host,
        "PORT": port,
        "PROCESSES": processes,
        "OPENAI_URL": openai_url,
        "ANTHROPIC_URL": anthropic_url,
        "STORE_URL": store_url,
    }
    environ |= {f"HEADROOM_STREAM_GATEWAY__{name}": str(value) for name, value in flags.items() if value is not None}
    settings = load_settings(config=config, environ=environ)
    logging.basicConfig(
        force=True,
        level=logging.WARNING if quiet else logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(message)s",
    )
    asyncio.run(_run(settings, as_json=as_json))


async def _run(settings: Settings, *, as_json: bool) -> None:
    try:
        # aiohttp is an extra.
        from headroom_stream.gateway.serve import run_gateway  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ConfigurationError("the gateway needs aiohttp: pip install 'headroom-stream[gateway]'") from error
    own = settings.gateway

    def ready(url: str) -> None:
        if as_json:
            print_json({"event": "ready", "url": url, "authentication": bool(own.keys)})
        else:
            keys = f"keys of {len(own.keys)} tenants" if own.keys else "no keys, this machine only"
            out.print(f"gateway ready: {url} ({keys})", soft_wrap=True)

    await run_gateway(settings, stop=stop_on_signals(), on_ready=ready)
    if as_json:
        print_json({"event": "stopped"})
    else:
        out.print("gateway stopped")
