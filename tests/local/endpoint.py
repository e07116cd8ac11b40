"""A ClickHouse endpoint of our own, as a process, for the tests of one folder."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from headroom_stream.config import Settings
from headroom_stream.local.ports import claim_port
from tests.support.naming import unique

START_SECONDS = 60


@contextlib.contextmanager
def endpoint(data_dir: Path) -> Iterator[str]:
    """Its URL. Skips where chDB isn't installed."""
    pytest.importorskip("chdb")
    port = claim_port(0, "a test")
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "headroom_stream.local.clickhouse", "--port", str(port), "--data-dir", str(data_dir)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        limit = time.monotonic() + START_SECONDS
        while not _answers(url):
            assert process.poll() is None, "the endpoint ended at once"
            assert time.monotonic() < limit, "the endpoint did not start"
            time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/ping", timeout=2) as answer:
            return bool(answer.read() == b"Ok.\n")
    except (urllib.error.URLError, OSError):
        return False


def with_clickhouse(settings: Settings, url: str) -> Settings:
    """`settings` with this endpoint, and a database no other test uses."""
    clickhouse = msgspec.structs.replace(settings.clickhouse, url=url, database=unique("db").replace("-", "_").replace(".", "_"))
    return msgspec.structs.replace(settings, clickhouse=clickhouse)
