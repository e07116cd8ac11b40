"""Settings: file, then environment, then flags; what is unknown or out of range names its source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headroom_stream.config import Policy, Settings, ToolProfile, merge, override, policy_version
from headroom_stream.errors import ConfigurationError
from headroom_stream.settings import load_settings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "headroom.toml"
    path.write_text(
        '[kafka]\nbrokers = "file:1"\nturns = "file.turns"\n[worker]\ngroup = "file"\n[policy.window]\nmax_tokens = 5000\n'
    )
    return path


def test_without_anything_the_defaults_hold() -> None:
    assert load_settings(environ={}) == Settings()


def test_the_environment_wins_over_the_file_and_flags_win_over_both(file: Path) -> None:
    environ = {"HEADROOM_STREAM_BROKERS": "env:2", "HEADROOM_STREAM_WORKER__GROUP": "env"}
    settings = load_settings(config=file, environ=environ)
    assert (settings.kafka.brokers, settings.kafka.turns, settings.worker.group) == ("env:2", "file.turns", "env")
    settings = load_settings(config=file, environ=environ, brokers="flag:3", clickhouse="http://flag:4")
    assert (settings.kafka.brokers, settings.clickhouse.url) == ("flag:3", "http://flag:4")
    assert settings.kafka.turns == "file.turns"
    assert settings.policy.window.max_tokens == 5_000


def test_the_file_may_be_named_by_the_environment_and_the_flag_wins(file: Path, tmp_path: Path) -> None:
    assert load_settings(environ={"HEADROOM_STREAM_CONFIG": str(file)}).worker.group == "file"
    other = tmp_path / "other.toml"
    other.write_text('[worker]\ngroup = "other"\n')
    assert load_settings(config=other, environ={"HEADROOM_STREAM_CONFIG": str(file)}).worker.group == "other"


def test_numbers_and_switches_are_read_from_the_text_of_variables() -> None:
    environ = {
        "HEADROOM_STREAM_KAFKA__PARTITIONS": "3",
        "HEADROOM_STREAM_POLICY__LOGS__ENABLED": "false",
        "HEADROOM_STREAM_POLICY__WINDOW__LOW_WATER": "0.5",
        "HEADROOM_STREAM_POLICY__WINDOW__MAX_TOKENS": "null",
        "HEADROOM_STREAM_CLICKHOUSE": "http://ch:1",
    }
    settings = load_settings(environ=environ)
    assert settings.kafka.partitions == 3
    assert not settings.policy.logs.enabled
    assert settings.policy.window.low_water == 0.5
    assert settings.policy.window.max_tokens is None
    assert settings.clickhouse.url == "http://ch:1"


def test_a_preset_is_where_a_policy_starts_from(tmp_path: Path) -> None:
    path = tmp_path / "hard.toml"
    path.write_text(
        '[policy]\npreset = "aggressive"\noutput_tokens = 900\n[[policy.profiles]]\ntools = "read_*"\nskip_compression = true\n'
    )
    policy = load_settings(config=path, environ={}).policy
    assert (policy.preset, policy.crush.enabled, policy.output_tokens) == ("aggressive", True, 900)
    assert policy.profiles == (ToolProfile(tools="read_*", skip_compression=True),)
    assert load_settings(config=path, environ={"HEADROOM_STREAM_POLICY__PRESET": "conservative"}).policy.lossy is False


def test_other_variables_are_nobodys_business() -> None:
    assert load_settings(environ={"HEADROOM": "x", "PATH": "y", "headroom_stream_brokers": "z"}) == Settings()


@pytest.mark.parametrize(
    ("environ", "names"),
    [
        ({"HEADROOM_STREAM_BROKER": "x"}, ["environment", "broker"]),
        ({"HEADROOM_STREAM_WORKER__GRUOP": "x"}, ["environment", "gruop"]),
        ({"HEADROOM_STREAM_KAFKA__PARTITIONS": "many"}, ["environment", "partitions"]),
        ({"HEADROOM_STREAM_KAFKA__PARTITIONS": "0"}, ["environment", "partitions"]),
        ({"HEADROOM_STREAM_POLICY__EMIT": "half"}, ["environment", "emit"]),
        ({"HEADROOM_STREAM_KAFKA": "x", "HEADROOM_STREAM_KAFKA__TURNS": "y"}, ["HEADROOM_STREAM_KAFKA__TURNS"]),
        ({"HEADROOM_STREAM_KAFKA": "x"}, ["environment", "kafka"]),
        ({"HEADROOM_STREAM_CONFIG": "nowhere.toml"}, ["nowhere.toml"]),
    ],
)
def test_a_variable_that_makes_no_sense_is_an_error(environ: dict[str, str], names: list[str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environ=environ)
    assert all(name in str(caught.value) for name in names)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("[worker]\ngruop = 'x'", ["gruop"]),
        ("[kafka]\npartitions = 0", ["partitions"]),
        ("[policy.window]\nlow_water = 1.5", ["low_water"]),
        ("[polcy]", ["polcy"]),
        ("not toml", ["not TOML"]),
    ],
)
def test_a_file_that_makes_no_sense_is_an_error_that_names_it(text: str, names: list[str], tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_settings(config=path, environ={})
    assert all(name in str(caught.value) for name in [str(path), *names])


def test_a_file_that_is_not_there_or_not_text_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="can't read"):
        load_settings(config=tmp_path / "none.toml", environ={})
    with pytest.raises(ConfigurationError, match="can't read"):
        load_settings(config=tmp_path, environ={})
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match=r"bytes\.toml"):
        load_settings(config=tmp_path / "bytes.toml", environ={})


def test_merging_goes_section_by_section() -> None:
    base = {"a": {"x": 1, "y": {"z": 2}}, "b": 3}
    assert merge(base, {"a": {"y": {"w": 4}}, "c": 5}) == {"a": {"x": 1, "y": {"z": 2, "w": 4}}, "b": 3, "c": 5}
    assert merge(base, {"a": 7}) == {"a": 7, "b": 3}
    assert base == {"a": {"x": 1, "y": {"z": 2}}, "b": 3}


def test_an_override_changes_what_it_names_alone() -> None:
    changed = override(Policy(), {"window": {"max_tokens": 9}, "protected_tools": ["cat"]})
    assert changed.window.max_tokens == 9
    assert changed.window.low_water == Policy().window.low_water
    assert changed.protected_tools == ("cat",)
    assert override(Policy(), {}) == Policy()


@pytest.mark.parametrize("changes", [{"nope": 1}, {"window": {"nope": 1}}, {"min_tokens": "1"}, {"min_tokens": 0}, {"logs": None}])
def test_a_bad_override_is_an_error(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="policy"):
        override(Policy(), changes)


def test_the_version_of_a_policy_follows_from_what_it_says() -> None:
    assert policy_version(Policy()) == policy_version(override(Policy(), {"min_tokens": Policy().min_tokens}))
    assert policy_version(Policy()) != policy_version(override(Policy(), {"min_tokens": 41}))
    assert len(policy_version(Policy())) == 12
