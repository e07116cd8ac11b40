"""Puts Anthropic's cache breakpoints into a request: at most four, in places that the API takes, around those that are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from headroom_stream.providers.wire import to_json, to_plain

MOST = 4
"""Breakpoints of a request; the API refuses more."""
_MARK = {"type": "ephemeral"}
_CHARACTERS_A_TOKEN = 4
MARKABLE = frozenset(
    (
        "text", "image", "document", "search_result", "container_upload", "tool_use", "tool_result", "server_tool_use",
        "web_search_tool_result", "web_fetch_tool_result", "code_execution_tool_result", "bash_code_execution_tool_result",
        "text_editor_code_execution_tool_result", "tool_search_tool_result",
    )
)  # fmt: skip
"""Kinds of blocks that take a mark. Thinking does not, and of kinds not known here the API might refuse it."""


class Request(NamedTuple):
    """The parts of a request that marks stand in, in the order in which the cache reads them: tools, system, messages."""

    system: Any
    tools: Any
    messages: Any


class _Place(NamedTuple):
    """Where a mark stands: 0 tools, 1 system, 2 messages; and which of them, and which of its blocks."""

    part: int
    at: int
    block: int = 0


def place(request: Request, indexes: Sequence[int], *, least: int, taken: int = 0) -> Request:
    """The request with marks after the messages at `indexes`. Parts without a new mark are the very objects that came.

    - Marks that are there stay. Of more than four, which the API would refuse, the last four do.
    - One goes after the head (the system prompt, or the tools where there is none) if it is long enough to be cached by itself, `least`
      tokens: it outlasts a rewrite of the messages. It goes before all indexes but the last one, should places be short.
    - Where a message ends in a block that takes no mark (thinking, empty text), the mark goes to the block before, also of the message
      before it.
    - None of ours goes before a mark for an hour, since the API wants longer lives first and ours are for five minutes.
    """
    there = _marks(request)
    room = MOST - taken
    dropped = there[: max(0, len(there) - room)]
    kept = there[len(dropped) :]
    hours = [p for p in kept if _ttl(request, p) == "1h"]
    found = _after(request.messages, indexes)
    # A head that is marked, or marked within, is the caller's own choice.
    head = None if there and there[0].part < 2 else _head(request, least)
    chosen: list[_Place] = []
    for wanted in (*found[:1], *([head] if head else []), *found[1:]):
        if len(kept) + len(chosen) < room and wanted not in kept and (not hours or wanted > hours[-1]):
            chosen.append(wanted)
    return _with(request, chosen, dropped)


def _after(messages: Sequence[Any], indexes: Sequence[int]) -> list[_Place]:
    """Where marks after these messages go, the last place first, none twice."""
    found: list[_Place] = []
    settled = len(messages)
    for index in sorted({i for i in indexes if 0 <= i < len(messages)}, reverse=True):
        if index >= settled:
            continue  # no block between takes a mark, so it is the place that was found
        place = _in_message(messages, index)
        if place is None:
            break
        found.append(place)
        settled = place.at
    return found


def _head(request: Request, least: int) -> _Place | None:
    """The end of the system prompt, or of the tools; None where it is too short."""
    if (len(to_json(request.system or "")) + len(to_json(request.tools or ()))) // _CHARACTERS_A_TOKEN < least:
        return None
    blocks = _blocks(request.system)
    block = next((i for i in reversed(range(len(blocks))) if _takes_mark(blocks[i])), None)
    if block is not None:
        return _Place(1, block)
    tools = request.tools or ()
    # A tool that is loaded when it is searched for is no part of the prefix.
    at = next((i for i in reversed(range(len(tools))) if not _get(tools[i], "defer_loading")), None)
    return None if at is None else _Place(0, at)


def _in_message(messages: Sequence[Any], index: int) -> _Place | None:
    """The last block that takes a mark, up to the end of the message."""
    for at in range(index, -1, -1):
        blocks = _blocks(_get(messages[at], "content"))
        for block in reversed(range(len(blocks))):
            if _takes_mark(blocks[block]):
                return _Place(2, at, block)
    return None


def _takes_mark(block: Any) -> bool:
    kind = "text" if isinstance(block, str) else _get(block, "type")
    if kind != "text":
        return kind in MARKABLE
    text = block if isinstance(block, str) else _get(block, "text")
    return isinstance(text, str) and bool(text.strip())


def _marks(request: Request) -> list[_Place]:
    """The marks of a request, in the order of its prefix."""
    found = [_Place(0, i) for i, tool in enumerate(request.tools or ()) if _get(tool, "cache_control")]
    found += [_Place(1, i) for i, block in enumerate(_blocks(request.system)) if _get(block, "cache_control")]
    for at, message in enumerate(request.messages):
        found += [_Place(2, at, i) for i, b in enumerate(_blocks(_get(message, "content"))) if _get(b, "cache_control")]
    return found


def _ttl(request: Request, place: _Place) -> str:
    mark = _get(_at(request, place), "cache_control")
    return str(_get(mark, "ttl") or "5m")


def _at(request: Request, place: _Place) -> Any:
    if place.part == 0:
        return request.tools[place.at]
    if place.part == 1:
        return _blocks(request.system)[place.at]
    return _blocks(_get(request.messages[place.at], "content"))[place.block]


def _with(request: Request, chosen: Sequence[_Place], dropped: Sequence[_Place]) -> Request:
    changes = [*((p, True) for p in chosen), *((p, False) for p in dropped)]
    parts = {p.part for p, _ in changes}
    tools = list(request.tools) if 0 in parts else request.tools
    system = list(_blocks(request.system)) if 1 in parts else request.system
    messages = list(request.messages) if 2 in parts else request.messages
    contents: dict[int, list[Any]] = {}
    for place, marked in changes:
        if place.part == 2 and place.at not in contents:
            message = messages[place.at]
            fields = dict(message) if isinstance(message, Mapping) else to_plain(message)
            contents[place.at] = list(_blocks(fields["content"]))
            messages[place.at] = fields | {"content": contents[place.at]}
        blocks, at = (contents[place.at], place.block) if place.part == 2 else (tools if place.part == 0 else system, place.at)
        blocks[at] = _marked(blocks[at], marked)
    return Request(system, tools, messages)


def _marked(block: Any, marked: bool) -> dict[str, Any]:
    """A copy of the block with a mark, or without."""
    fields = (
        {"type": "text", "text": block}
        if isinstance(block, str)
        else dict(block)
        if isinstance(block, Mapping)
        else to_plain(block)
    )
    fields.pop("cache_control", None)
    return fields | {"cache_control": dict(_MARK)} if marked else fields


def _blocks(content: Any) -> Sequence[Any]:
    """Content as blocks; a text is one."""
    return [content] if isinstance(content, str) else content or []


def _get(value: Any, field: str) -> Any:
    """A field of a dict or of an SDK's object; None where there is none."""
    return value.get(field) if isinstance(value, Mapping) else getattr(value, field, None)
