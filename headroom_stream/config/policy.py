"""What is done to a session's messages, as values."""

from __future__ import annotations

import hashlib
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from headroom_stream.config.cuts import (
    BulkConfig,
    DiffsConfig,
    EndsConfig,
    HitsConfig,
    PositiveInt,
    ProseConfig,
    RepeatsConfig,
    SearchConfig,
    TracesConfig,
)
from headroom_stream.config.presets import PRESETS, Preset
from headroom_stream.errors import ConfigurationError


class RecordsConfig(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """JSON record lists as header-and-row tables: lossless."""

    enabled: bool = True
    min_rows: PositiveInt = 2
    """Shorter lists stay JSON, and so do those whose keys would cost more in a header than in the rows."""
    factored_rows: PositiveInt = 20
    """From this length on what the rows of a table share moves to its header: constants, beginnings of addresses, repeats, nulls. Agents
    look the rows of shorter lists up one by one; there each row says all that it has."""


class LogsConfig(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Log lines by template: each template once, with counts and time span; the original is kept."""

    enabled: bool = True
    min_lines: PositiveInt = 20
    """Shorter outputs are read line by line by agents; leave them."""
    examples: PositiveInt = 1
    """Whole lines shown for a template that repeats."""
    rare: PositiveInt = 2
    """Templates with at most this many lines are kept whole, and so are lines with a state that no more of them have."""


class NoiseConfig(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Terminal escapes, overwritten progress lines, white space that ends lines."""

    enabled: bool = True


class CrushConfig(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Long record lists by `SmartCrusher`: errors, what is unusual, what the question names and a sample stay; the original is kept."""

    enabled: bool = False
    min_tokens: PositiveInt = 200
    """Smaller outputs are left to the other compressors."""
    max_items: PositiveInt = 50
    """Items that stay of a list, those that have to aside."""
    keep_first: Annotated[int, Meta(ge=0)] = 3
    """Items at the start that stay."""
    keep_last: Annotated[int, Meta(ge=0)] = 2
    """Items at the end that stay."""
    relevance_threshold: Annotated[float, Meta(ge=0, le=1)] = 0.3
    """Items with at least this score for the question stay, best first."""
    anomaly_std_threshold: Annotated[float, Meta(gt=0)] = 2.0
    """Numbers further than this many standard deviations from the middle of their field stay."""
    preserve_errors: bool = True
    """Whether items that tell of an error stay."""


class ToolProfile(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What differs for the outputs of some tools."""

    tools: str
    """Name of the tools, with `*` and `?` for any characters."""
    skip_compression: bool = False
    """Their outputs are never altered."""
    lossy: bool | None = None
    """In place of the policy's `lossy`."""
    kinds: tuple[str, ...] | None = None
    """The only contents that are compressed, by the names of the policy's sections."""
    output_tokens: PositiveInt | None = None
    """In place of the policy's `output_tokens`."""

    def __post_init__(self) -> None:
        unknown = set(self.kinds or ()) - set(CONTENTS)
        if unknown:
            raise ValueError(f"no kinds {', '.join(sorted(unknown))}; there are {', '.join(CONTENTS)}")


class ReferencesConfig(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What the session was shown before is pointed at instead of repeated: lossless."""

    enabled: bool = True
    min_lines: PositiveInt = 2
    """Shorter runs of lines are repeated, but for single lines that are long, and so are runs of few characters."""
    max_chars: PositiveInt = 1_000_000
    """Of earlier outputs that can be pointed at, as they were sent; older ones are forgotten. Bounds a session's memory."""


class ToolLearning(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What was learnt of one tool. `headroom-stream learn` writes it from all sessions."""

    tool: str
    keep: tuple[str, ...] = ()
    """Fields that are not cut, as `orders[].notes`: `[]` for the items of a list, `*` for keys with digits."""


class LearningConfig(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Which fields of its tools' outputs the agent uses: in later outputs of the session they are not cut."""

    enabled: bool = True
    min_outputs: PositiveInt = 2
    """Outputs of the session of which a field has to be used before it counts: once may be chance."""
    tools: tuple[ToolLearning, ...] = ()
    """What was learnt before the session."""


class WrappersConfig(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What stands around an output: tags, exit codes, footers, JSON. Shortened where it says success, kept where it does not.

    Disabled, a text is taken as a whole, and not in parts of several kinds.
    """

    enabled: bool = True


class NumberedConfig(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Blanks before the line numbers of `cat -n` and `nl`: lossless."""

    enabled: bool = True


class ListingsConfig(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Directory listings: the names of a directory on one line, what rows share said once."""

    enabled: bool = True
    names: PositiveInt = 60
    """Names shown of a directory in a long listing; of more, the others are counted by their kind."""
    directories: PositiveInt = 10
    """Directories shown of a recursive listing, those near its root first; of more, the others are counted."""


class TestsConfig(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Output of test runners: failures whole, passes and set-up left out."""

    enabled: bool = True
    min_characters: PositiveInt = 500
    """Shorter outputs are read line by line by agents; leave them."""


class BuildsConfig(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Output of installers and build tools: results and what went wrong whole, steps and progress left out."""

    enabled: bool = True
    min_characters: PositiveInt = 500
    """Shorter outputs are read line by line by agents; leave them."""


class TablesConfig(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Tables of databases and commands: padding and borders dropped, long results cut."""

    enabled: bool = True
    rows: PositiveInt = 40
    """First rows shown of a longer table."""


class BlobsConfig(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Base64 and hexadecimal by what they are and their length."""

    enabled: bool = True
    min_characters: PositiveInt = 600
    """Shorter runs stay: keys, signatures and digests are read and compared."""


class MarkupConfig(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Fetched web pages by their content: text, links and what can be acted on. The source of pages is code and left alone."""

    enabled: bool = True
    min_characters: PositiveInt = 500
    """Shorter pages stay as they are."""


class WindowConfig(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A token budget for the whole context. Dropping old turns rewrites history, so it happens seldom and in bulk."""

    max_tokens: PositiveInt | None = None
    """Budget; null: none."""
    low_water: Annotated[float, Meta(gt=0, le=1)] = 0.6
    """A rewrite drops down to this share of the budget, so that the next ones append again."""
    keep_last_turns: PositiveInt = 2
    """User-or-tool turns at the end that stay as long as the budget can hold them."""


class LimitsConfig(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Past these an event is refused with a dead letter; they bound memory and the size of a record."""

    event_bytes: PositiveInt = 8 * 1024 * 1024
    session_messages: PositiveInt = 20_000
    session_bytes: PositiveInt = 24 * 1024 * 1024
    """Of the messages as they are sent: a whole context is one record, which has to fit `kafka.max_message_bytes`."""


class Policy(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What is done to a session's messages. A turn may override any part of it."""

    preset: Preset = "balanced"
    """Where all else starts from: nothing is left out (conservative), what no agent misses (balanced), what few miss (aggressive)."""
    emit: Literal["full", "delta"] = "full"
    """Contexts carry every message, or those from the first changed one on (`ContextConsumer` puts them together)."""
    min_tokens: PositiveInt = 10
    """Tool outputs below are left alone."""
    protected_tools: tuple[str, ...] = ()
    """Tools whose output is never altered."""
    frozen_messages: Annotated[int, Meta(ge=0)] = 0
    """Messages at a session's start that stay as they came, because a provider has them in its cache."""
    profiles: tuple[ToolProfile, ...] = ()
    """What differs for some tools; the first that fits a tool's name counts."""
    lossy: bool = True
    """Whether anything may be left out. What is left out has a marker, and its original is kept."""
    output_tokens: PositiveInt | None = None
    """Longer outputs are cut to this in the end: beginning, end and what the question names stay; null: no such limit."""
    records: RecordsConfig = RecordsConfig()
    logs: LogsConfig = LogsConfig()
    noise: NoiseConfig = NoiseConfig()
    wrappers: WrappersConfig = WrappersConfig()
    numbered: NumberedConfig = NumberedConfig()
    listings: ListingsConfig = ListingsConfig()
    search: SearchConfig = SearchConfig()
    traces: TracesConfig = TracesConfig()
    ends: EndsConfig = EndsConfig()
    tests: TestsConfig = TestsConfig()
    builds: BuildsConfig = BuildsConfig()
    diffs: DiffsConfig = DiffsConfig()
    tables: TablesConfig = TablesConfig()
    blobs: BlobsConfig = BlobsConfig()
    markup: MarkupConfig = MarkupConfig()
    hits: HitsConfig = HitsConfig()
    repeats: RepeatsConfig = RepeatsConfig()
    bulk: BulkConfig = BulkConfig()
    prose: ProseConfig = ProseConfig()
    crush: CrushConfig = CrushConfig()
    references: ReferencesConfig = ReferencesConfig()
    learning: LearningConfig = LearningConfig()
    window: WindowConfig = WindowConfig()
    limits: LimitsConfig = LimitsConfig()


def policy_version(policy: Policy) -> str:
    """Short hash of everything a policy says: equal policies have equal versions, in any process."""
    return hashlib.blake2b(msgspec.json.encode(policy, order="sorted"), digest_size=6).hexdigest()


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`base` with the values of `over`, section by section."""
    out = dict(base)
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(out.get(key), dict):
            out[key] = merge(out[key], value)
        else:
            out[key] = value
    return out


def with_preset(changes: dict[str, Any]) -> dict[str, Any]:
    """`changes` to a policy with those that its `preset` stands for, where it names one.

    Raises ConfigurationError for a preset that does not exist.
    """
    name = changes.get("preset")
    if name is None:
        return changes
    if name not in PRESETS:
        raise ConfigurationError(f"policy: no preset {name!r}; there are {', '.join(PRESETS)}")
    # What the other presets change goes back to its default: from any policy one comes to the one that is named.
    every: dict[str, Any] = {}
    for values in PRESETS.values():
        every = merge(every, values)
    return merge(merge(_like(every, msgspec.to_builtins(Policy())), PRESETS[name]), changes)


def _like(shape: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Of `values` those that `shape` has keys for."""
    return {key: _like(inner, values[key]) if isinstance(inner, dict) else values[key] for key, inner in shape.items()}


RETRIEVE_TOOL = "headroom_retrieve"
"""How the name of the tool ends that brings originals back; clients put one of their own before it. What an agent asked back has to reach
it: it would be given `[same as result 1]` of the very result that was cut."""


def for_tool(policy: Policy, tool: str) -> Policy | None:
    """The policy for outputs of a tool; None: they are never altered."""
    if tool in policy.protected_tools or tool.endswith(RETRIEVE_TOOL):
        return None
    profile = next((p for p in policy.profiles if fnmatchcase(tool, p.tools)), None)
    return policy if profile is None else _profiled(policy, profile)


@lru_cache(maxsize=256)
def _profiled(policy: Policy, profile: ToolProfile) -> Policy | None:
    if profile.skip_compression:
        return None
    changes: dict[str, Any] = {"profiles": ()}
    if profile.lossy is not None:
        changes["lossy"] = profile.lossy
    if profile.output_tokens is not None:
        changes["output_tokens"] = profile.output_tokens
    if profile.kinds is not None:
        off = {name: {"enabled": False} for name in CONTENTS if name not in profile.kinds}
        changes |= msgspec.to_builtins(override(policy, off))
    return override(policy, changes)


def override(policy: Policy, changes: dict[str, Any]) -> Policy:
    """`policy` with `changes`, a nested mapping in the shape of `Policy`.

    Raises ConfigurationError for unknown keys and for values out of range, naming where.
    """
    try:
        return msgspec.convert(merge(msgspec.to_builtins(policy), with_preset(changes)), Policy)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"policy: {error}") from error


CONTENTS = tuple(
    field.name
    for field in msgspec.structs.fields(Policy)
    if hasattr(field.default, "enabled") and field.name not in ("references", "learning")
)
"""The sections of a policy that are about a kind of content."""
