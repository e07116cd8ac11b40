"""Sessions over HTTP at once: calls a second, how long they wait, and memory, beside headroom-ai's own proxy in the same run.

    python benchmarks/gateway.py [--sessions 50] [--turns 20] [--rounds 2] [--peer PYTHON] [--json]

Each session is an agent that sends its whole history at every turn, as clients do, and waits for the answer before the next: search hits
as JSON, logs, database rows, grep and code, made here. Every turn of the first round comes to a server that has just started and
compressed one conversation; further rounds have other sessions, so that memory tells whether it grows with what was served.

--peer takes a Python that has `headroom-ai[proxy]`; its proxy gets the same requests, `session_id` included, in rounds between ours. Both
servers choose how many processes they use: ours one a core, its one. Memory is that of all processes of a server.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
from msgspec import Struct
from session_length import conversation

MODEL = "gpt-4o"
START_S = 120
PEER = Path(__file__).with_name("peer_gateway.py")
ROOT = Path(__file__).parents[1]


class Server(Struct):
    """A server under test."""

    name: str
    url: str
    process: subprocess.Popen[bytes]
    calls: list[float] = []  # msgspec copies an empty default
    """Seconds of each."""
    rates: list[float] = []  # msgspec copies an empty default
    """Calls a second of each round."""
    memory: list[float] = []  # msgspec copies an empty default
    """MiB after each round."""
    before: int = 0
    after: int = 0
    failed: int = 0
    seconds: list[float] = []  # msgspec copies an empty default
    """Of the processors, in each round."""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@contextmanager
def served(name: str, command: list[str], port: int) -> Iterator[Server]:
    """A server as a process of its own, once it answers."""
    path = os.pathsep.join((str(ROOT), str(PEER.parent)))
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": path}, start_new_session=True)
        try:
            server = Server(name, f"http://127.0.0.1:{port}", process)
            asyncio.run(answering(server, log))
            yield server
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


async def answering(server: Server, log: Any) -> None:
    """Wait until it answers, and let it compress a conversation, so that all that is loaded late is loaded."""
    async with aiohttp.ClientSession() as client:
        until = time.monotonic() + START_S
        while True:
            try:
                async with client.get(f"{server.url}/livez") as answer:
                    if answer.status == 200:
                        break
            except aiohttp.ClientError:
                pass
            if server.process.poll() is not None or time.monotonic() > until:
                log.seek(0)
                sys.exit(f"{server.name} did not start:\n{log.read().decode(errors='replace')[-2000:]}")
            await asyncio.sleep(0.1)
        for number in range(4):
            await agent(client, server, f"warm-{number}", written(6, 1), [])


def written(turns: int, seed: int) -> list[bytes]:
    """What each turn adds to the list of messages, as JSON: requests are put together from it, so that clients take little time."""
    return [json.dumps(new).encode()[1:-1] for new in conversation(turns, seed)]


async def agent(client: aiohttp.ClientSession, server: Server, name: str, talk: list[bytes], calls: list[float]) -> None:
    """One session from its first turn to its last."""
    for end in range(1, len(talk) + 1):
        body = b'{"messages":[%b],"model":"%b","config":{"session_id":"%b"}}' % (
            b",".join(talk[:end]),
            MODEL.encode(),
            name.encode(),
        )
        start = time.perf_counter()
        async with client.post(f"{server.url}/v1/compress", data=body, headers={"Content-Type": "application/json"}) as answer:
            data = await answer.read()
        calls.append(time.perf_counter() - start)
        if answer.status != 200:
            server.failed += 1
            continue
    if answer.status == 200:
        last = json.loads(data)
        server.before += last["tokens_before"]
        server.after += last["tokens_after"]


async def round_of(server: Server, sessions: int, turns: int, number: int) -> None:
    """All sessions at once."""
    calls: list[float] = []
    talks = [written(turns, 1000 * number + i) for i in range(sessions)]
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=600)) as client:
        cpu = processor(server.process.pid)
        start = time.perf_counter()
        await asyncio.gather(*(agent(client, server, f"r{number}-s{i}", talk, calls) for i, talk in enumerate(talks)))
        server.rates.append(len(calls) / (time.perf_counter() - start))
        server.seconds.append(processor(server.process.pid) - cpu)
    server.calls += calls
    server.memory.append(memory(server.process.pid))


def family(pid: int) -> list[int]:
    """A process and all below it."""
    out = [pid]
    for one in out:
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            out += [int(child) for child in task.read_text().split()]
    return out


def memory(pid: int) -> float:
    """MiB."""
    pages = [int(Path(f"/proc/{one}/statm").read_text().split()[1]) for one in family(pid)]
    return sum(pages) * os.sysconf("SC_PAGE_SIZE") / 2**20


def processor(pid: int) -> float:
    """Seconds that a process and those below it have used."""
    ticks = 0
    for one in family(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def figures(server: Server) -> dict[str, Any]:
    """What is told of a server."""
    ordered = sorted(server.calls)
    return {
        "calls": len(ordered),
        "failed": server.failed,
        "calls_a_second": round(statistics.median(server.rates), 1),
        "cpu_ms_a_call": round(1000 * sum(server.seconds) / len(ordered), 2),
        "p50_ms": round(1000 * ordered[len(ordered) // 2], 1),
        "p99_ms": round(1000 * ordered[int(len(ordered) * 0.99)], 1),
        "memory_mib_by_round": [round(one) for one in server.memory],
        "tokens_left": round(server.after / server.before, 3) if server.before else None,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--processes", type=int, help="of ours that compress")
    parser.add_argument("--peer", metavar="PYTHON")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    port, peer_port = free_port(), free_port()
    command = [sys.executable, "-m", "headroom_stream", "gateway", "--port", str(port), "--quiet"]
    command += ["--processes", str(options.processes)] if options.processes is not None else []
    with served("headroom-stream", command, port) as ours:
        servers = [ours]
        if options.peer:
            with served("headroom-ai", [options.peer, str(PEER), str(peer_port)], peer_port) as peer:
                servers.append(peer)
                measured(servers, options)
        else:
            measured(servers, options)
    told = {server.name: figures(server) for server in servers}
    if options.json:
        print(json.dumps(told))
        return
    for name, values in told.items():
        print(name)
        for key, value in values.items():
            print(f"  {key.replace('_', ' '):22} {value}")


def measured(servers: list[Server], options: argparse.Namespace) -> None:
    """Round by round, so that what else runs on the machine weighs on both alike."""
    for number in range(options.rounds):
        for server in servers:
            asyncio.run(round_of(server, options.sessions, options.turns, number))


if __name__ == "__main__":
    main()
