"""What the tools answer, as data: each becomes the output schema of its tool."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field


class Compressed(BaseModel):
    """Of `headroom_compress`."""

    text: Annotated[str | None, Field(description="The shorter text, where a text was given.")] = None
    messages: Annotated[list[dict[str, Any]] | None, Field(description="The messages to send, where messages were given.")] = None
    tokens_before: int
    tokens_after: int
    tokens_saved: int
    lossless: Annotated[bool, Field(description="True: nothing was left out, it only says the same in fewer tokens.")]
    refs: Annotated[list[str], Field(description="Names of what was left out, for headroom_retrieve.")]
    transforms: Annotated[list[str], Field(description="The kinds of content that were compressed.")]
    over_budget: Annotated[bool, Field(description="What must stay has more tokens than the budget.")]
    note: Annotated[str, Field(description="Why messages are as they came, where they had to be.")] = ""


class Part(BaseModel):
    """Some lines of an original."""

    start_line: Annotated[int, Field(description="From 1.")]
    end_line: Annotated[int, Field(description="This line included.")]
    text: str


class Retrieved(BaseModel):
    """Of `headroom_retrieve`."""

    ref: str
    tool: Annotated[str, Field(description="The tool that gave the original.")]
    kind: Annotated[str, Field(description="What the context has in its place.")]
    found_in: Annotated[Literal["process", "clickhouse"], Field(description="Where the original was.")]
    tokens: Annotated[int, Field(description="Of the whole original.")]
    lines: Annotated[int, Field(description="Of the whole original.")]
    parts: Annotated[list[Part], Field(description="What was asked for; of a search the best first.")]
    next_line: Annotated[int | None, Field(description="`first_line` of the next call, to go on reading; null: that was all.")] = (
        None
    )


class Here(BaseModel):
    """Counts of this server since it started."""

    calls: Annotated[int, Field(description="Of headroom_compress.")]
    tokens_before: int
    tokens_after: int
    tokens_saved: int
    saved_percent: float
    transforms: Annotated[dict[str, int], Field(description="Calls in which each kind of content was compressed.")]
    originals: Annotated[int, Field(description="Kept in memory, for headroom_retrieve.")]
    retrievals: int


class Stream(BaseModel):
    """Sums over all sessions of the workers, from ClickHouse."""

    sessions: int
    contexts: int
    tokens_before: int
    tokens_after: int
    saved_percent: float
    cost_saved_usd: Annotated[float | None, Field(description="Input bill under prompt caching; null: no price is known.")]


class Stats(BaseModel):
    """Of `headroom_stats`."""

    here: Here
    stream: Annotated[Stream | None, Field(description="Null: ClickHouse could not be asked.")]
    stream_missing: Annotated[str, Field(description="Why `stream` is null.")] = ""
