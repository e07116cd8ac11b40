"""A process that compresses: `python -m headroom_stream.gateway.child FD`, with one end of a socket pair as file descriptor FD.

It does one job after the other, and ends when the server closes its end. A signal from the terminal is the server's business.
"""

from __future__ import annotations

import signal
import socket
import sys

from headroom_stream.gateway.desk import Desk
from headroom_stream.gateway.jobs import LENGTH, Done, decode_job, decode_setup, framed


def main() -> None:
    """Serve until the other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(fileno=int(sys.argv[1])) as line:
        first = _piece(line)
        if first is None:
            return
        desk = Desk(decode_setup(first))
        line.sendall(framed(Done(id=0)))
        while (piece := _piece(line)) is not None:
            line.sendall(framed(desk.do(decode_job(piece))))


def _piece(line: socket.socket) -> bytes | None:
    """The next piece; None: the other end was closed."""
    head = _read(line, LENGTH)
    return None if head is None else _read(line, int.from_bytes(head, "big"))


def _read(line: socket.socket, size: int) -> bytes | None:
    buffer = bytearray(size)
    view = memoryview(buffer)
    at = 0
    while at < size:
        try:
            got = line.recv_into(view[at:])
        except ConnectionResetError:
            return None
        if not got:
            return None
        at += got
    return bytes(buffer)


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:
        # The server went away before it had the answer.
        sys.exit(0)
