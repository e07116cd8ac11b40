"""A stream on each kind of broker."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.processes import Programs
from tests.worker.stream import Stream


@pytest.fixture
async def stream(broker: str, programs: Programs, tmp_path: Path, request: pytest.FixtureRequest) -> Stream:
    # The embedded broker takes short timeouts, and makes a group wait for twice as long; Apache Kafka refuses less than 6 s.
    embedded = request.node.callspec.params["broker"] == "embedded"
    return await Stream.create(broker, programs, tmp_path, session_timeout_s=3 if embedded else 6)
