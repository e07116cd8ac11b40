"""Fixtures of all tests: brokers, unique names, programs, and how much hypothesis tries."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from headroom_stream.config import Settings
from tests.support import naming
from tests.support.apache_kafka import KafkaUnavailableError, kafka_address
from tests.support.embedded import EmbeddedBrokerUnavailableError, embedded_address
from tests.support.processes import Programs

# Deadlines measure the machine, and a shared one is slow at times. `ci` tries the same cases every time, so that a failure
# comes from the change under test.
hypothesis_settings.register_profile("ci", deadline=None, derandomize=True, max_examples=60, print_blob=True)
hypothesis_settings.register_profile("thorough", deadline=None, max_examples=2_000, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

MARKER_OF_FIXTURE = {"embedded_broker": "broker", "fresh_broker": "broker", "kafka_broker": "kafka"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that asks for a broker carries its marker, so `-m "not broker and not kafka"` is what runs anywhere.

    First, before pytest deselects by markers.
    """
    for item in items:
        for fixture, marker in MARKER_OF_FIXTURE.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(marker)


@pytest.fixture(scope="session")
def embedded_broker() -> Iterator[str]:
    """Address of the embedded broker that all tests share."""
    try:
        with embedded_address() as address:
            yield address
    except EmbeddedBrokerUnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture
def fresh_broker() -> Iterator[str]:
    """Address of an embedded broker that no other test has touched."""
    try:
        with embedded_address() as address:
            yield address
    except EmbeddedBrokerUnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def kafka_broker() -> Iterator[str]:
    """Address of an Apache Kafka broker."""
    try:
        with kafka_address() as address:
            yield address
    except KafkaUnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture(params=[pytest.param("embedded", marks=pytest.mark.broker), pytest.param("kafka", marks=pytest.mark.kafka)])
def broker(request: pytest.FixtureRequest) -> str:
    """Address of each kind of broker in turn."""
    address: str = request.getfixturevalue(f"{request.param}_broker")
    return address


@pytest.fixture
def topics() -> Callable[[str], str]:
    """`topics("in")` is a name no other test uses, for a topic or a group."""
    return naming.unique


@pytest.fixture
def make_settings() -> Callable[..., Settings]:
    """`make_settings(brokers, partitions=4)`: settings whose topics and groups belong to this test alone."""
    return naming.make_settings


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    """Starts programs as processes of their own; what still runs when the test ends is ended."""
    running = Programs(tmp_path)
    yield running
    running.stop_all()
