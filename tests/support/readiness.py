"""Waits until a Kafka broker answers."""

from __future__ import annotations

import asyncio
import logging
import socket
import subprocess
import threading
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from tests.support.children import tail

PROBE_SECONDS = 5.0


class BrokerDidNotStartError(RuntimeError):
    """The broker ended or stayed silent; the message holds the end of its log."""


def await_broker(address: str, *, seconds: float, child: subprocess.Popen[bytes] | None = None, log: Path | None = None) -> None:
    """Return when an admin client is told of at least one broker at `address`. Raises BrokerDidNotStartError after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        if child is not None and child.poll() is not None:
            raise BrokerDidNotStartError(
                f"the broker for {address} ended with code {child.returncode}:\n{tail(log) if log else ''}"
            )
        if _listens(address) and _answers(address):
            return
        if time.monotonic() > deadline:
            raise BrokerDidNotStartError(f"no answer from {address} within {seconds:.0f} s:\n{tail(log) if log else ''}")
        time.sleep(0.05)


def _listens(address: str) -> bool:
    # A plain connection first: the Kafka client logs an error for every refused one.
    host, _, port = address.split(",", maxsplit=1)[0].rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return True


def _answers(address: str) -> bool:
    async def ask() -> bool:
        admin = AIOKafkaAdminClient(bootstrap_servers=address, request_timeout_ms=int(PROBE_SECONDS * 1000))
        try:
            await admin.start()
            return bool((await admin.describe_cluster())["brokers"])
        except (KafkaError, OSError, TimeoutError):
            return False
        finally:
            await admin.close()

    logger = logging.getLogger("aiokafka")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        return _run_apart(ask())
    finally:
        logger.setLevel(level)


def _run_apart(work: Coroutine[Any, Any, bool]) -> bool:
    """Run `work` on a loop in a thread of its own, so that fixtures may wait whether or not a test's loop is running."""
    outcome: list[bool] = []

    async def bounded() -> bool:
        return await asyncio.wait_for(work, PROBE_SECONDS)

    def run() -> None:
        try:
            outcome.append(asyncio.run(bounded()))
        except TimeoutError:
            # Connected but silent: the broker is still coming up.
            outcome.append(False)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join()
    return bool(outcome and outcome[0])
