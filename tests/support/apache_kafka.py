"""A real Apache Kafka for tests: one that is given, or one that Maven fetches once and that runs for the length of the test run."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.support.children import free_port, spawn, stop, tail
from tests.support.readiness import BrokerDidNotStartError, await_broker

ADDRESS_VARIABLE = "HEADROOM_TEST_KAFKA"
POM = Path(__file__).with_name("kafka-pom.xml")
COPY_GOAL = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
FETCH_SECONDS = 100.0
START_SECONDS = 45.0
"""Together below pytest's limit for one test, or the first test would be shot while it still waits for its broker. What Maven has
fetched by then it keeps, so the next run goes on from there."""
GIVEN_SECONDS = 15.0
"""For a broker that is given: it should be up, or nearly."""
JVM = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
"""Short start and little memory: the server lives for a minute, beside the tests, on few cores."""


class KafkaUnavailableError(Exception):
    """There is no Apache Kafka on this machine and none can be fetched. Tests skip with this message."""


@contextmanager
def kafka_address() -> Iterator[str]:
    """`host:port` of an Apache Kafka broker, running until the block ends.

    Raises KafkaUnavailableError when there is none to be had, and BrokerDidNotStartError when there is one and it doesn't work:
    the first is the machine's, the second must not pass unseen.
    """
    given = os.environ.get(ADDRESS_VARIABLE)
    if given:
        await_broker(given, seconds=GIVEN_SECONDS)
        yield given
        return
    libs = fetch_kafka()
    with (
        tempfile.TemporaryDirectory(prefix="headroom-kafka-", ignore_cleanup_errors=True) as folder,
        _running(libs, Path(folder)) as address,
    ):
        yield address


def kafka_version() -> str:
    """The version in the pom."""
    found = ET.parse(POM).getroot().findtext("{*}properties/{*}kafka.version")
    if not found:
        raise ValueError(f"{POM} has no kafka.version")
    return found


def fetch_kafka() -> Path:
    """Folder with the server's jars, fetched unless a finished copy is in the cache."""
    java, mvn = shutil.which("java"), shutil.which("mvn")
    home = cache_folder() / f"kafka-{kafka_version()}"
    marker = home / "complete"
    wanted = hashlib.sha256(POM.read_bytes()).hexdigest()
    fetched = marker.is_file() and marker.read_text("ascii") == wanted
    missing = [name for name, path in (("java", java), ("mvn", mvn)) if path is None and not (name == "mvn" and fetched)]
    if missing:
        raise KafkaUnavailableError(
            f"Apache Kafka: {' and '.join(missing)} not found on PATH. Install a JDK (17 or later) and Maven, and it is fetched; "
            f"or set {ADDRESS_VARIABLE}=host:port to a running broker."
        )
    if fetched:
        return home
    home.parent.mkdir(parents=True, exist_ok=True)
    # Copied beside and renamed when whole: neither a broken download nor two test runs at once leave half a server.
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=home.parent, ignore_cleanup_errors=True) as folder:
        fresh = Path(folder) / "libs"
        _copy_jars(str(mvn), fresh, Path(folder) / "mvn.log")
        (fresh / "complete").write_text(wanted, "ascii")
        if marker.is_file() and marker.read_text("ascii") == wanted:
            return home
        shutil.rmtree(home, ignore_errors=True)
        fresh.rename(home)
    return home


def cache_folder() -> Path:
    """Where fetched servers are kept between runs."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "headroom-stream"


def _copy_jars(mvn: str, target: Path, log: Path) -> None:
    argv = [mvn, "--batch-mode", "--quiet", "-f", str(POM), COPY_GOAL, f"-DoutputDirectory={target}", "-DincludeScope=runtime"]
    child = spawn(argv, log)
    try:
        code = child.wait(FETCH_SECONDS)
    except subprocess.TimeoutExpired:
        code = None
    finally:
        stop(child)
    if code != 0:
        reason = f"took longer than {FETCH_SECONDS:.0f} s; run again to go on" if code is None else f"failed with code {code}"
        raise KafkaUnavailableError(
            f"Apache Kafka: `mvn copy-dependencies` {reason}. Maven needs a repository it can reach; "
            f"or set {ADDRESS_VARIABLE}=host:port to a running broker.\n{tail(log, 8)}"
        )


@contextmanager
def _running(libs: Path, folder: Path) -> Iterator[str]:
    java = [str(shutil.which("java")), *JVM, "-cp", f"{libs}/*"]
    for attempt in (1, 2):
        data = folder / f"data-{attempt}"
        log = folder / f"server-{attempt}.log"
        broker, controller = free_port(), free_port()
        properties = folder / f"server-{attempt}.properties"
        properties.write_text("".join(f"{k}={v}\n" for k, v in _properties(broker, controller, data).items()), "utf-8")
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # The tool reads an id that starts with a dash as an option.
        cluster = "A" + cluster[1:]
        _format(java, cluster, properties, log)
        child = spawn([*java, "kafka.Kafka", str(properties)], log)
        try:
            await_broker(f"127.0.0.1:{broker}", seconds=START_SECONDS / 2, child=child, log=log)
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
            yield f"127.0.0.1:{broker}"
        finally:
            stop(child)
        return


class RestartableKafka:
    """A broker that can be killed and comes back with its data. KafkaUnavailableError where none can be started."""

    def __init__(self, folder: Path, *, more: Mapping[str, str] | None = None, format_with: Sequence[str] = ()) -> None:
        """`more` goes behind the settings of the same names; `format_with` to the tool that makes the log folder."""
        self._java = [str(shutil.which("java")), *JVM, "-cp", f"{fetch_kafka()}/*"]
        self._log = folder / "server.log"
        self._properties = folder / "server.properties"
        broker, controller = free_port(), free_port()
        self.address = f"127.0.0.1:{broker}"
        settings = _properties(broker, controller, folder / "data")
        for name, value in (more or {}).items():
            settings[name] = f"{settings[name]},{value}" if name in settings else value
        self._properties.write_text("".join(f"{k}={v}\n" for k, v in settings.items()), "utf-8")
        _format(self._java, "A" + uuid.uuid4().hex[:21], self._properties, self._log, format_with)
        self.start()

    def start(self) -> None:
        self._child = spawn([*self._java, "kafka.Kafka", str(self._properties)], self._log)
        await_broker(self.address, seconds=START_SECONDS, child=self._child, log=self._log)

    def kill(self) -> None:
        """As a machine that loses power: nothing is flushed or told to anyone."""
        self._child.kill()
        self._child.wait()

    def stop(self) -> None:
        stop(self._child)


def _format(java: list[str], cluster: str, properties: Path, log: Path, more: Sequence[str] = ()) -> None:
    tool = spawn([*java, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(properties), *more], log)
    try:
        code = tool.wait(START_SECONDS)
    except subprocess.TimeoutExpired:
        code = None
    finally:
        stop(tool)
    if code != 0:
        raise BrokerDidNotStartError(f"Kafka's StorageTool did not format the log folder:\n{tail(log)}")


def _properties(broker: int, controller: int, data: Path) -> dict[str, str]:
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{broker}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(data),
        # One broker can't hold three copies, which is what the internal topics ask for by default.
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "4",
        # The wait for further members before a group's first assignment: 3 s a test otherwise.
        "group.initial.rebalance.delay.ms": "0",
        # A test must create what it uses, as production does.
        "auto.create.topics.enable": "false",
        # 128 MB by default, a quarter of the heap.
        "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
    }
