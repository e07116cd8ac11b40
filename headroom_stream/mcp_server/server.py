"""The server: tools with descriptions that a model can act on, typed inputs and outputs, and errors that say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import msgspec
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult, TextContent, ToolAnnotations
from pydantic import BaseModel, Field

import headroom_stream
from headroom_stream.errors import HeadroomError
from headroom_stream.mcp_server.answers import Compressed, Retrieved, Stats
from headroom_stream.mcp_server.work import FOUND_TOKENS, READ_TOKENS, Work

NAME = "headroom-stream"
INSTRUCTIONS = (
    "Tool outputs in this conversation may be compressed. A marker such as `[412 lines left out, original 31da97fc1e2c]` stands for text "
    "that is kept: call headroom_retrieve with its 12 digits when you need what is there, with `query` when you look for something in it. "
    "headroom_compress makes long text or a list of chat messages shorter before you pass it on, for example to another agent."
)
_READS = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)

COMPRESS = """Say a long text, or the tool outputs in a list of chat messages, in fewer tokens.

Use it before passing on something long that a tool gave: JSON, logs, search hits, tables, test output, web pages, prose. Code, diffs, \
and messages of users and assistants stay as they are. Most of what it does is lossless; where something is left out, the text says how \
much, with a reference (`original 31da97fc1e2c`) for headroom_retrieve. A text that would not get shorter comes back unchanged."""

RETRIEVE = """Read what a marker in a compressed text stands for, such as `[412 lines left out, original 31da97fc1e2c]`.

With `query`: the passages that are about it, best first; use this when you know what you look for. Without: the lines from `first_line` \
to `last_line` as they were, as far as they fit; `next_line` says where to go on."""

STATS = (
    """Tell how many tokens were saved: by this server since it started, and, where ClickHouse can be asked, over all sessions."""
)


def make_server(work: Work) -> MCPServer[Any]:
    """A server with the tools headroom_compress, headroom_retrieve and headroom_stats, which `work` carries out."""
    server: MCPServer[Any] = MCPServer(
        NAME,
        title="headroom-stream",
        instructions=INSTRUCTIONS,
        version=headroom_stream.__version__,
        log_level="ERROR",
    )

    @server.tool(title="Compress text or messages", description=COMPRESS, annotations=_READS)
    def headroom_compress(
        # The SDK reads JSON out of strings, unless they are declared as nothing but strings: hence "" and not None.
        text: Annotated[str, Field(description="What a tool gave, as it came. Give this or `messages`.")] = "",
        messages: Annotated[
            list[dict[str, Any]] | None,
            Field(description="Chat messages of OpenAI, Anthropic or Gemini, from the first on, with calls before their results."),
        ] = None,
        query: Annotated[
            str,
            Field(description="What is looked for in it; what this names is kept.", examples=["why did the build fail?"]),
        ] = "",
        token_budget: Annotated[
            int | None, Field(ge=20, description="Most tokens to give back. Of messages the oldest rounds leave first.")
        ] = None,
        tool: Annotated[str, Field(max_length=200, description="Name of the tool that gave the text, such as `bash`.")] = "",
    ) -> Annotated[CallToolResult, Compressed]:
        with _told():
            made = work.compress(text=text, messages=messages, query=query, token_budget=token_budget, tool=tool)
        shown = made.text if made.messages is None else msgspec.json.encode(made.messages).decode()
        return _result(made, shown or "", _about(made))

    @server.tool(title="Read what was left out", description=RETRIEVE, annotations=_READS)
    def headroom_retrieve(
        ref: Annotated[str, Field(max_length=400, description="The 12 hexadecimal digits, or the marker that has them.")],
        query: Annotated[str, Field(description="What you look for: words, a name, an error, a number.")] = "",
        first_line: Annotated[int, Field(ge=1, description="Where to begin.")] = 1,
        last_line: Annotated[int | None, Field(ge=1, description="Where to end, this line included.")] = None,
        max_tokens: Annotated[
            int | None,
            Field(ge=20, description=f"Of the answer; {READ_TOKENS:,} unless you say, {FOUND_TOKENS:,} with `query`."),
        ] = None,
    ) -> Annotated[CallToolResult, Retrieved]:
        with _told():
            found = work.retrieve(ref, query=query, first_line=first_line, last_line=last_line, max_tokens=max_tokens)
        parts = [f"lines {part.start_line}-{part.end_line} of {found.lines}:\n{part.text}" for part in found.parts]
        more = "" if found.next_line is None else f"There is more: go on with first_line {found.next_line}."
        return _result(found, "\n…\n".join(parts), more)

    @server.tool(title="What was saved", description=STATS, annotations=_READS)
    def headroom_stats() -> Stats:
        with _told():
            return work.stats()

    return server


@contextmanager
def _told() -> Iterator[None]:
    """Errors of ours as the tool's, whose text the model reads; of others it reads only that there was one."""
    try:
        yield
    except HeadroomError as error:
        raise ToolError(str(error)) from error


def _result(data: BaseModel, *texts: str) -> CallToolResult:
    """The text as it is for the model, since JSON would cost it more tokens, and all of the answer as data."""
    content = [TextContent(type="text", text=text) for text in texts if text]
    return CallToolResult(content=list(content), structured_content=data.model_dump(mode="json"))


def _about(made: Compressed) -> str:
    if made.note:
        return f"[as it came: {made.note}]"
    budget = "; what must stay exceeds the budget" if made.over_budget else ""
    refs = f"; left out, for headroom_retrieve: {', '.join(made.refs)}" if made.refs else ""
    return f"[{made.tokens_before:,} -> {made.tokens_after:,} tokens{budget}{refs}]"
