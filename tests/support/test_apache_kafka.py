"""Where Apache Kafka comes from, and what a person without it is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.apache_kafka import POM, kafka_version
from tests.support.processes import Programs

ASK = "from tests.support.apache_kafka import fetch_kafka; print('libs', fetch_kafka())"


def fake(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    program.chmod(0o755)


@pytest.fixture
def surroundings(tmp_path: Path) -> dict[str, str]:
    """A PATH with a `java`, and an empty cache. What Maven does is each test's own."""
    fake(tmp_path / "bin", "java", "exit 0")
    return {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "XDG_CACHE_HOME": str(tmp_path / "cache")}


def test_without_java_and_maven_both_ways_to_get_kafka_are_named(programs: Programs, tmp_path: Path) -> None:
    program = programs.python("-c", ASK, env={"PATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)})

    assert program.wait() == 1
    told = program.wait_for("KafkaUnavailableError: ").string
    assert "java and mvn not found" in told
    assert "JDK" in told and "Maven" in told and "HEADROOM_TEST_KAFKA=host:port" in told


def test_a_broken_download_is_told_and_leaves_nothing_that_would_be_used(
    programs: Programs, surroundings: dict[str, str], tmp_path: Path
) -> None:
    folder = "for a; do case $a in -DoutputDirectory=*) out=${a#*=};; esac; done; mkdir -p $out"
    fake(tmp_path / "bin", "mvn", f"{folder}; touch $out/half.jar; echo no route to repository; exit 1")
    broken = programs.python("-c", ASK, env=surroundings)
    assert broken.wait() == 1
    assert "no route to repository" in broken.output() and "HEADROOM_TEST_KAFKA" in broken.output()
    assert list((tmp_path / "cache" / "headroom-stream").iterdir()) == []

    fake(tmp_path / "bin", "mvn", f"{folder}; touch $out/whole.jar")
    mended = programs.python("-c", ASK, env=surroundings)
    libs = Path(mended.wait_for("libs (.*)")[1])
    assert {path.name for path in libs.iterdir()} == {"whole.jar", "complete"}


def test_what_was_fetched_once_is_used_without_maven(programs: Programs, surroundings: dict[str, str], tmp_path: Path) -> None:
    fake(
        tmp_path / "bin",
        "mvn",
        "for a; do case $a in -DoutputDirectory=*) mkdir -p ${a#*=};; esac; done; echo once >> $XDG_CACHE_HOME/calls",
    )
    for _ in range(2):
        assert programs.python("-c", ASK, env=surroundings).wait() == 0

    assert (tmp_path / "cache" / "calls").read_text("utf-8") == "once\n"


def test_the_version_stands_in_the_pom_alone() -> None:
    assert f"<kafka.version>{kafka_version()}</kafka.version>" in POM.read_text("utf-8")
    assert POM.read_text("utf-8").count(kafka_version()) == 1
