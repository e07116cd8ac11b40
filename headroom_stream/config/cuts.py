"""The sections of a policy about lines, sentences and long values: what of them is said once, and what is left out."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

PositiveInt = Annotated[int, Meta(ge=1)]


class BulkConfig(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Long lists of plain values and long strings within JSON: beginning, end and what stands out; the original is kept."""

    enabled: bool = True
    items: PositiveInt = 24
    """Longer lists of numbers, strings and the like are shortened."""
    first: PositiveInt = 7
    """Items at their start that stay."""
    last: PositiveInt = 2
    """Items at their end that stay."""
    characters: PositiveInt = 700
    """Longer strings are shortened, unless one is all there is: that was asked for."""
    kept: PositiveInt = 120
    """Characters of them that stay, of their beginning and their end."""
    sentences: PositiveInt = 1
    """Sentences between that stay where the question names them."""


class ProseConfig(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Long prose: its first sentences, and those with words of the question or of what the agent said last; the original is kept."""

    enabled: bool = True
    min_chars: PositiveInt = 600
    """Shorter texts are kept whole."""
    first: PositiveInt = 4
    """Sentences at the start that stay."""


class SearchConfig(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Search hits grouped by file, each path said once."""

    enabled: bool = True
    same_text: PositiveInt = 3
    """Hits shown of one text in files of one name; many more are left out."""
    longest: PositiveInt = 600
    """Characters of a hit; longer ones, of minified code, show their beginning and end."""


class TracesConfig(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Frames of stack traces in a short form: lossless."""

    enabled: bool = True


class DiffsConfig(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Patches: lines that repeat a path go, every line of a hunk stays: lossless."""

    enabled: bool = True


class RepeatsConfig(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Runs of lines that stand twice in one output, but for code: lossless."""

    enabled: bool = True
    min_lines: PositiveInt = 2
    """Shorter runs are written again, and so are runs of few characters."""


class EndsConfig(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What many lines begin or end with, said once above them, but for code: lossless."""

    enabled: bool = True


class HitsConfig(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Long lists of lines that all hold a word of the call; the original is kept."""

    enabled: bool = True
    min_lines: PositiveInt = 60
    """Shorter lists are read line by line by agents; leave them."""
    same_form: PositiveInt = 10
    """Lines shown of those in which the word stands in one form."""
