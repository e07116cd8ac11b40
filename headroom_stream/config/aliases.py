"""Configs that callers build and change in place, under the names of the API page or those of the original.

A config is a class of annotated fields; types and ranges are those that msgspec checks (`Annotated[int, Meta(ge=1)]`). Every value is
checked when it is given and when it is set later; an unknown name is a ConfigurationError, never ignored:

    class WindowConfig(PageConfig):
        keep_turns: Annotated[int, Meta(ge=0)] = 5
        keep_last_turns = Alias[int]("keep_turns")
        summary_model = Refused("nothing is summarised here")
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, ClassVar, Generic, TypeVar, dataclass_transform, get_args, get_type_hints, overload

import msgspec

from headroom_stream.errors import ConfigurationError

T = TypeVar("T")


class Alias(Generic[T]):
    """A second name of a field, to be read, set and given to the constructor like the field itself."""

    def __init__(self, target: str) -> None:
        self.target = target

    @overload
    def __get__(self, config: None, owner: type) -> Alias[T]: ...
    @overload
    def __get__(self, config: object, owner: type) -> T: ...
    def __get__(self, config: object | None, owner: type) -> Alias[T] | T:
        if config is None:
            return self
        value: T = getattr(config, self.target)
        return value

    def __set__(self, config: object, value: T) -> None:
        setattr(config, self.target, value)


class Refused:
    """A setting of the original that means nothing here. Giving, reading or setting it is an error that says why."""

    def __init__(self, why: str) -> None:
        self.why = why

    def __set_name__(self, owner: type, name: str) -> None:
        self.what = f"{owner.__name__} has no {name}: {self.why}"

    def __get__(self, config: object | None, owner: type) -> Refused:
        if config is None:
            return self
        raise ConfigurationError(self.what)

    def __set__(self, config: object, value: object) -> None:
        raise ConfigurationError(self.what)


@dataclass_transform(kw_only_default=True, field_specifiers=(field,))
class PageConfig:
    """Base of such configs. Subclasses are dataclasses with equality and a repr; they compare and print by their fields alone."""

    _fields: ClassVar[tuple[Field[Any], ...]] = ()
    _types: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        cls._fields = fields(dataclass(kw_only=True, init=False)(cls))  # type: ignore[arg-type]  # it is a dataclass now
        hints = get_type_hints(cls, include_extras=True)
        cls._types = {f.name: hints[f.name] for f in cls._fields}

    def __init__(self, /, **given: Any) -> None:
        for name, value in _by_field(type(self), given).items():
            setattr(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        cls = type(self)
        if name in cls._types:
            object.__setattr__(self, name, _checked(cls, name, value))
        elif isinstance(getattr(cls, name, None), Alias | Refused):
            object.__setattr__(self, name, value)
        else:
            raise _unknown(cls, [name])


def _by_field(cls: type[PageConfig], given: Mapping[str, Any]) -> dict[str, Any]:
    """The value of every field: as given under its own name or an alias, else its default."""
    chosen: dict[str, Any] = {}
    unknown: list[str] = []
    for name, value in given.items():
        known = getattr(cls, name, None)
        if isinstance(known, Refused):
            raise ConfigurationError(known.what)
        target = known.target if isinstance(known, Alias) else name
        if target in chosen:
            raise ConfigurationError(f"{cls.__name__}: {name} is given under two names")
        chosen[target] = value
        if target not in cls._types:
            unknown.append(name)
    if unknown:
        raise _unknown(cls, unknown)
    return {f.name: chosen[f.name] if f.name in chosen else _default(cls, f) for f in cls._fields}


def _default(cls: type[PageConfig], of: Field[Any]) -> Any:
    if of.default_factory is not MISSING:
        return of.default_factory()
    if of.default is MISSING:
        raise ConfigurationError(f"{cls.__name__} needs {of.name}")
    return of.default


def _checked(cls: type[PageConfig], name: str, value: Any) -> Any:
    """`value` as the field holds it. A nested config may be given as a mapping of its settings."""
    hint = cls._types[name]
    for part in (hint, *get_args(hint)):
        if isinstance(part, type) and issubclass(part, PageConfig):
            if isinstance(value, part):
                return value
            if isinstance(value, Mapping):
                return part(**value)
    try:
        return msgspec.convert(value, hint)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{cls.__name__}.{name}: {error}") from error


def _unknown(cls: type[PageConfig], names: list[str]) -> ConfigurationError:
    known = ", ".join(f.name for f in cls._fields)
    return ConfigurationError(f"{cls.__name__} has no {', '.join(names)}; it has {known}")
