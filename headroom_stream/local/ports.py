"""TCP ports of this machine."""

from __future__ import annotations

import asyncio
import socket

from headroom_stream.errors import LocalPartError

HOST = "127.0.0.1"


def claim_port(wanted: int, what: str) -> int:
    """`wanted` if nothing listens there, for 0 a free one. Raises LocalPartError; `what` names the part in its message."""
    with socket.socket() as probe:
        # As servers do, so that connections that are only winding down don't count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted))
        except OSError as error:
            raise LocalPartError(
                f"the port for {what} is taken; choose another one, or stop what uses it", {"port": wanted}
            ) from error
        port: int = probe.getsockname()[1]
        return port


async def wait_for_port(port: int) -> None:
    """Return when something accepts connections there. The caller sets the limit."""
    while True:
        try:
            _, writer = await asyncio.open_connection(HOST, port)
        except OSError:
            await asyncio.sleep(0.02)
        else:
            writer.close()
            return
