"""`headroom-stream mcp` as clients start it: a process that speaks over its standard input and output, or over HTTP."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

mcp = pytest.importorskip("mcp")

from click.testing import CliRunner  # noqa: E402 - the extra may be absent
from mcp import Client, StdioServerParameters  # noqa: E402

from headroom_stream.cli import cli  # noqa: E402
from tests.cli.test_retrieve import LOG  # noqa: E402
from tests.support.children import free_port  # noqa: E402
from tests.support.processes import ROOT, Programs  # noqa: E402


def parameters(*args: str) -> StdioServerParameters:
    return StdioServerParameters(
        command=sys.executable,
        args=["-m", "headroom_stream", "mcp", *args],
        env={"PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))},
    )


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_starts_it_and_what_was_left_out_comes_back(mode: str, tmp_path: Path) -> None:
    config = tmp_path / "headroom.toml"
    config.write_text('[[policy.profiles]]\ntools = "read_*"\nskip_compression = true\n')
    program = parameters("--config", str(config), "--clickhouse", f"http://127.0.0.1:{free_port()}")
    # The older way to begin is by `initialize`, as most clients still do.
    async with Client(program, mode=mode) as client:
        made = await client.call_tool("headroom_compress", {"text": LOG, "query": "which request was refused?"})
        assert made.structured_content is not None
        (ref,) = made.structured_content["refs"]
        found = await client.call_tool("headroom_retrieve", {"ref": ref})
        assert found.structured_content is not None and found.structured_content["parts"][0]["text"] == LOG
        kept = await client.call_tool("headroom_compress", {"text": LOG, "tool": "read_file"})
        assert kept.structured_content is not None and kept.structured_content["text"] == LOG
        stats = await client.call_tool("headroom_stats", {})
        assert stats.structured_content is not None and stats.structured_content["here"]["calls"] == 2


async def test_it_serves_over_http_too(programs: Programs) -> None:
    port = free_port()
    url = programs.headroom("mcp", "--port", str(port)).wait_for(r"serving at (\S+)")[1]
    while not listens(port):  # noqa: ASYNC110 - another process has no event to wait for; pytest's limit ends it
        await asyncio.sleep(0.05)
    async with Client(url) as client:
        made = await client.call_tool("headroom_compress", {"text": LOG})
        assert made.structured_content is not None and made.structured_content["tokens_saved"] > 0


def test_the_help_has_settings_that_clients_can_read() -> None:
    shown = CliRunner().invoke(cli, ["mcp", "--help"]).stdout
    blocks = re.findall(r"^ {4}\{\n(?: {4}.*\n)+? {4}\}$", shown, re.MULTILINE)
    assert [next(iter(json.loads(block))) for block in blocks] == ["mcpServers", "servers"]
    for block in blocks:
        (servers,) = json.loads(block).values()
        assert servers["headroom"]["command"] == "headroom-stream" and servers["headroom"]["args"] == ["mcp"]
    assert "claude mcp add headroom -- headroom-stream mcp" in shown


def test_without_the_extra_it_says_what_to_install() -> None:
    program = "import sys; sys.modules['mcp'] = None; from headroom_stream.cli import main; sys.argv[1:] = ['mcp']; main()"
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1 and "pip install 'headroom-stream[mcp]'" in ended.stderr
