"""Configs of the API page: two vocabularies, checked at every change."""

from __future__ import annotations

import math
from dataclasses import asdict, field, replace
from typing import Annotated, Any, Literal

import pytest
from msgspec import Meta

from headroom_stream.config.aliases import Alias, PageConfig, Refused
from headroom_stream.errors import ConfigurationError


class Inner(PageConfig):
    weight: Annotated[float, Meta(ge=0, le=1)] = 0.5


class Outer(PageConfig):
    keep: Annotated[int, Meta(ge=0)] = 5
    keep_last = Alias[int]("keep")
    kind: Literal["a", "b"] = "a"
    names: list[str] = field(default_factory=list)
    inner: Inner = field(default_factory=Inner)
    maybe: Inner | None = None
    learning = Refused("nothing is learnt here")


class Needy(PageConfig):
    name: str


def made_of(config: type[PageConfig], **given: Any) -> PageConfig:
    return config(**given)


def made(**given: Any) -> Outer:
    return Outer(**given)


def test_defaults_are_those_of_the_fields_and_never_shared() -> None:
    one, two = Outer(), Outer()
    one.names.append("x")
    one.inner.weight = 1
    assert (two.keep, two.names, two.inner.weight, two.maybe) == (5, [], 0.5, None)


def test_an_alias_is_given_read_and_set_like_its_field() -> None:
    config = made(keep_last=7)
    assert (config.keep, config.keep_last) == (7, 7)
    config.keep_last = 8
    assert config.keep == 8
    assert config == Outer(keep=8)
    assert asdict(config) == {"keep": 8, "kind": "a", "names": [], "inner": {"weight": 0.5}, "maybe": None}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"keeep": 1}, "Outer has no keeep; it has keep, kind"),
        ({"keep": -1}, "Outer.keep: Expected `int` >= 0"),
        ({"keep": "5"}, "Outer.keep: Expected `int`, got `str`"),
        ({"keep": True}, "Outer.keep: Expected `int`, got `bool`"),
        ({"keep": 1, "keep_last": 1}, "two names"),
        ({"kind": "c"}, "Outer.kind: Invalid enum value"),
        ({"inner": 3}, "Outer.inner: "),
        ({"inner": {"weight": 2}}, "Inner.weight: Expected `float` <= 1"),
        ({"inner": {"wait": 1}}, "Inner has no wait"),
        ({"inner": {"weight": math.nan}}, "Inner.weight: "),
        ({"learning": True}, "Outer has no learning: nothing is learnt here"),
    ],
)
def test_what_is_unknown_or_out_of_range_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said.replace("(", r"\(")):
        made(**given)


@pytest.mark.parametrize(("name", "value"), [("keep", -1), ("keep_last", -1), ("keeep", 1), ("learning", True)])
def test_setting_is_checked_like_giving(name: str, value: object) -> None:
    config = Outer()
    with pytest.raises(ConfigurationError):
        setattr(config, name, value)
    assert config == Outer()


def test_reading_a_refused_setting_says_why() -> None:
    with pytest.raises(ConfigurationError, match="nothing is learnt here"):
        _ = Outer().learning


def test_a_nested_config_may_be_a_mapping() -> None:
    assert made(inner={"weight": 1}, maybe={"weight": 0}) == Outer(inner=Inner(weight=1), maybe=Inner(weight=0))


def test_a_field_without_default_is_needed() -> None:
    with pytest.raises(ConfigurationError, match="Needy needs name"):
        made_of(Needy)


def test_a_changed_copy_is_checked_too() -> None:
    assert replace(Outer(), keep=1).keep == 1
    with pytest.raises(ConfigurationError):
        replace(Outer(), keep=-1)
