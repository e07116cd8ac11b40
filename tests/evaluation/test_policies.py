"""Policies as they are named on a command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from headroom_stream.config import Policy
from headroom_stream.errors import ConfigurationError
from headroom_stream.evaluation.policies import named


def test_default_is_the_policy_of_the_settings() -> None:
    base = Policy(min_tokens=7)
    assert named("default", base) is base


def test_settings_are_changed_one_by_one() -> None:
    made = named('min_tokens=60, logs.enabled=false,protected_tools=["a","b"],emit=delta', Policy())
    assert (made.min_tokens, made.logs.enabled, made.protected_tools, made.emit) == (60, False, ("a", "b"), "delta")
    assert made.records == Policy().records


def test_a_file_is_a_policy_or_settings_with_one(tmp_path: Path) -> None:
    plain, settings = tmp_path / "plain.toml", tmp_path / "settings.toml"
    plain.write_text("min_tokens = 60\n[logs]\nenabled = false\n")
    settings.write_text("[policy]\nmin_tokens = 60\n[policy.logs]\nenabled = false\n[kafka]\nturns = 'x'\n")
    assert named(str(plain), Policy()) == named(str(settings), Policy()) == named("min_tokens=60,logs.enabled=false", Policy())


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("logs.enabled=perhaps", "logs.enabled"),
        ("nothing=1", "nothing"),
        ("absent.toml", "neither key=value nor a file"),
        ("=", "unknown field"),
    ],
)
def test_what_is_no_policy_is_told_with_its_name(spec: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told) as error:
        named(spec, Policy())
    assert f"--policy {spec}: " in str(error.value)


def test_a_file_that_is_no_toml_is_told(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text("min_tokens : 60")
    with pytest.raises(ConfigurationError, match="not TOML"):
        named(str(file), Policy())
