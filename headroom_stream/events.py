"""The wire: what travels on the topics. The JSON Schemas in `schemas/` are generated from these Structs.

Evolution: a field may be added with a default; none is ever removed, renamed or given another type. Readers ignore fields they
don't know, so that a newer publisher can talk to an older worker; a `schema_version` above `SCHEMA_VERSION` is refused.

Messages are JSON values in the shape of the provider they are meant for, and travel as they came: `msgspec.Raw` keeps the bytes.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Raw, Struct

SCHEMA_VERSION = 1
"""The newest version that is known here. The fields default to 1 for ever: defaults are left out on the wire, so absent means 1."""

Provider = Literal["openai", "anthropic", "gemini"]
Identifier = Annotated[str, Meta(min_length=1, max_length=256)]
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class TurnEvent(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """One turn of an agent: what is new since its last call of the model, on `headroom.turns`, keyed by `session_id`.

    Give either `messages` (what is new) or `history` (everything so far: the worker finds what is new). With neither, the event
    only reports `usage` or ends the session (`close`).
    """

    session_id: Identifier
    event_id: Identifier | None = None
    """Unique in the session; a repeated id is counted and not folded again. Absent: the record's position."""
    schema_version: Annotated[int, Meta(ge=1)] = 1
    tenant: Annotated[str, Meta(max_length=256)] = ""
    model: Annotated[str, Meta(max_length=256)] = ""
    provider: Provider | None = None
    """Shape of the messages; absent: the session's, and at first what the shape of the messages shows."""
    messages: list[Raw] | None = None
    history: list[Raw] | None = None
    turn: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None
    """Number of the turn, from 1. One at or below the last applied is late: refused and counted."""
    query: str | None = None
    """What the agent looks for now; steers what lossy steps keep."""
    policy: dict[str, Any] | None = None
    """Overrides of the worker's policy for this turn, in the shape of `Policy`."""
    usage: dict[str, Any] | None = None
    """What the provider reported for the last call, in its own field names."""
    event_time: Annotated[datetime, Meta(tz=True)] | None = None
    """When the turn happened; absent: the record's timestamp."""
    traceparent: str | None = None
    """W3C trace context; a Kafka header of that name serves as well."""
    tracestate: str | None = None
    close: bool = False
    """The session is over: its state is wiped, its metrics stay. A record with a null value wipes both."""


class Reference(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """Where something was left out of a context, and the name under which the original is kept."""

    ref: str
    message: Count
    """Index of the message in the context."""
    kind: str
    tokens: Count
    """Tokens of the original."""


class ContextBatch(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """The messages that are ready to send to the model, on `headroom.contexts`, keyed by `session_id`.

    Within an epoch a context starts with the bytes of the one before: `messages[:first_changed_index]` are those of the context whose
    `prefix_hash` is this one's `parent_hash`.
    """

    output_id: str
    """Same for every delivery of the same context; readers drop what they have seen."""
    session_id: str
    event_id: str
    schema_version: int = 1
    tenant: str = ""
    model: str = ""
    provider: Provider = "openai"
    turn: Count = 0
    epoch: Count = 0
    """Counts the rewrites of history; while it stands, the provider's cached prefix holds."""
    messages: list[Raw] = msgspec.field(default_factory=list)
    messages_from: Count = 0
    """Index of the first message given: 0 for a whole context, `first_changed_index` with `emit = "delta"`."""
    message_count: Count = 0
    """Messages of the whole context."""
    first_changed_index: Count = 0
    tokens_before: Count = 0
    tokens_after: Count = 0
    tokenizer: str = ""
    tokens_exact: bool = False
    """Whether the tokenizer is the model's own."""
    prefix_hash: str = ""
    """Hash of all messages of this context, chained message by message."""
    parent_hash: str = ""
    """`prefix_hash` of the session's context before this one; empty at first."""
    cache_breakpoints: list[Count] = msgspec.field(default_factory=list)
    """Indexes of messages after which a cache breakpoint pays; at most 4."""
    references: list[Reference] = msgspec.field(default_factory=list)
    transforms: list[str] = msgspec.field(default_factory=list)
    over_budget: bool = False
    """The messages that must stay exceed the token budget by themselves."""
    event_time: datetime | None = None
    traceparent: str | None = None
    tracestate: str | None = None


Outcome = Literal["context", "pending", "usage", "closed", "duplicate", "late"]


class TurnMetric(Struct, kw_only=True, frozen=True, omit_defaults=True, tag="turn", tag_field="type"):
    """What one event did: a row of the ClickHouse table `turns`. Everything in it follows from the event alone."""

    output_id: str
    session_id: str
    event_id: str
    event_time: datetime
    schema_version: int = 1
    tenant: str = ""
    model: str = ""
    provider: str = ""
    outcome: Outcome = "context"
    turn: Count = 0
    epoch: Count = 0
    epoch_reason: str = ""
    """Why history was rewritten at this turn; empty: it was not."""
    messages: Count = 0
    new_messages: Count = 0
    dropped_messages: Count = 0
    tokens_before: Count = 0
    """Tokens of the context as the agent would have sent it."""
    tokens_after: Count = 0
    """Tokens of the context that was emitted."""
    new_tokens_before: Count = 0
    new_tokens_after: Count = 0
    cached_before: Count = 0
    """Tokens of the prefix that stood in the uncompressed context of the call before."""
    cached_after: Count = 0
    """Tokens of the prefix that stood in the emitted context before."""
    tokenizer: str = ""
    tokens_exact: bool = False
    cost_before_nanousd: Count | None = None
    """Input bill in 10^-9 USD under prompt caching, uncompressed; null: the model's price isn't known."""
    cost_after_nanousd: Count | None = None
    price_version: str = ""
    usage_input_tokens: Count | None = None
    """Reported by the provider for the call before; null: not reported. Input includes cache reads and writes."""
    usage_cache_read_tokens: Count | None = None
    usage_cache_write_tokens: Count | None = None
    usage_output_tokens: Count | None = None
    gap: bool = False
    """The turn number skipped ahead: something upstream was lost."""
    policy_version: str = ""
    traceparent: str = ""
    topic: str = ""
    partition: int = 0
    offset: int = 0


class DecisionMetric(Struct, kw_only=True, frozen=True, omit_defaults=True, tag="decision", tag_field="type"):
    """What was done to one tool output, and why: a row of `decisions`."""

    output_id: str
    session_id: str
    event_time: datetime
    message: Count
    """Index of the message among those of the session, from its start."""
    slot: Count = 0
    """Which of the message's tool outputs."""
    schema_version: int = 1
    tenant: str = ""
    tool: str = ""
    kind: str = ""
    action: Literal["compressed", "kept", "failed", "dropped"] = "kept"
    reason: str = ""
    lossless: bool = True
    tokens_before: Count = 0
    tokens_after: Count = 0
    ref: str = ""


class OriginalMetric(Struct, kw_only=True, frozen=True, omit_defaults=True, tag="original", tag_field="type"):
    """What a lossy step removed, whole: a row of `originals`, found by `ref`."""

    ref: str
    session_id: str
    event_time: datetime
    content: str
    schema_version: int = 1
    tenant: str = ""
    tool: str = ""
    kind: str = ""
    tokens: Count = 0


class UsageMetric(Struct, kw_only=True, frozen=True, omit_defaults=True, tag="usage", tag_field="type"):
    """What an event taught of the use of a tool's outputs: a row of `tool_usage`. The numbers of all rows add up."""

    session_id: str
    event_id: str
    event_time: datetime
    tool: str
    schema: str
    """Name of the shape of the outputs: a hash of the fields of their JSON."""
    field: str = ""
    """Path of a field of them; empty: they as a whole."""
    schema_version: int = 1
    tenant: str = ""
    outputs: Count = 0
    """Outputs of this shape that came; 0 in the rows of fields."""
    used: Count = 0
    """Outputs of which the agent first used something now, or first something of this field."""


class DeadMetric(Struct, kw_only=True, frozen=True, omit_defaults=True, tag="dead", tag_field="type"):
    """An event was refused: a row of `dead_letters`. The event itself is on the dead-letter topic."""

    topic: str
    partition: int
    offset: int
    event_time: datetime
    stage: str
    error: str
    schema_version: int = 1
    session_id: str = ""
    tenant: str = ""


class EraseMetric(Struct, kw_only=True, frozen=True, omit_defaults=True, tag="erase", tag_field="type"):
    """A null value came for a session: the sink deletes its rows up to this event."""

    session_id: str
    event_time: datetime
    schema_version: int = 1


Metric = TurnMetric | DecisionMetric | OriginalMetric | UsageMetric | DeadMetric | EraseMetric


class DeadLetter(Struct, kw_only=True, frozen=True):
    """Why a record was refused: the headers of a record on `headroom.dead`, whose key and value are the refused ones, untouched."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    """Of the refused record, milliseconds since the epoch."""
    stage: str
    error: str
    attempt: int = 1
    schema_version: int = 1

    def to_headers(self) -> list[tuple[str, bytes]]:
        """As Kafka headers, `headroom.<field>`, values as text."""
        return [(f"headroom.{f}", str(getattr(self, f)).encode()) for f in self.__struct_fields__]

    @classmethod
    def from_headers(cls, headers: list[tuple[str, bytes]] | tuple[tuple[str, bytes], ...]) -> DeadLetter:
        """Read what `to_headers` wrote; other headers are ignored. Raises `msgspec.ValidationError`."""
        # Of a letter refused again the last ones count; those before may come from anyone, without a value or in no encoding.
        own = {k.removeprefix("headroom."): (v or b"").decode(errors="replace") for k, v in headers if k.startswith("headroom.")}
        return msgspec.convert(own, cls, strict=False)


_encoder = msgspec.json.Encoder()
encode = _encoder.encode
"""Any of the Structs above as the bytes that travel."""
decode_turn = msgspec.json.Decoder(TurnEvent).decode
decode_context = msgspec.json.Decoder(ContextBatch).decode
decode_metric = msgspec.json.Decoder(Metric).decode
