"""Session logs of Claude Code: `~/.claude/projects/*/*.jsonl`.

A log is a tree: each entry names its parent. It forks where the user went back and where calls run side by side, and a compaction
begins a new root. Each root's tree is a conversation: the path to its last message, with the results of parallel calls. Subagents
(sidechains) are trees of their own. An answer of the model is split over several entries with one `message.id`, one a block.

The tree can't be known before the log's end, so the messages of a log (not its other entries) are held in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType, field

from headroom_stream.importers.session import Said, Session, SessionIds, content_id, session_of
from headroom_stream.importers.source import Document

SYNTHETIC = "<synthetic>"
"""The model's name in entries that the program wrote itself, such as errors of the API."""


class _Message(Struct):
    role: str
    content: Raw
    id: str | None = None
    model: str | None = None


class _Entry(Struct, rename="camel"):
    type: str = ""
    uuid: str | None = None
    parent_uuid: str | UnsetType | None = UNSET
    session_id: str = ""
    agent_id: str | None = None
    is_sidechain: bool = False
    is_api_error_message: bool = False
    is_visible_in_transcript_only: bool = False
    timestamp: datetime | None = None
    message: Raw | UnsetType = UNSET


class _Node(Struct):
    """An entry's place in the tree, and its message if it has one."""

    tree: int
    parent: int | None
    entry: _Entry
    role: str = ""
    content: Raw = field(default_factory=Raw)
    message_id: str = ""
    model: str = ""


_entry = msgspec.json.Decoder(_Entry)
_message = msgspec.json.Decoder(_Message)
_blocks = msgspec.json.Decoder(list[Raw])


class _Block(Struct):
    type: str = ""
    id: str = ""
    tool_use_id: str = ""


_block = msgspec.json.Decoder(_Block)


def sessions(documents: Iterable[Document]) -> Iterator[Session]:
    """The conversations of a log, in the order in which they began. Raises ImportFormatError.

    A session's id is the log's; later trees of the same log get `#2` and so on, subagents `/` and their own id.
    """
    ids = SessionIds()
    trees: dict[int, list[int]] = {}
    nodes = list(_nodes(documents))
    for at, node in enumerate(nodes):
        if node.role:
            trees.setdefault(node.tree, []).append(at)
    for root, members in trees.items():
        said, models = _conversation(nodes, members)
        if said:
            name = _name(nodes[root].entry, nodes[members[-1]].entry) or content_id([m.body for m in said])
            yield session_of(ids.unique(name), "anthropic", said, models[0] if models else "")


def _name(root: _Entry, last: _Entry) -> str:
    if not root.is_sidechain:
        return last.session_id
    return f"{last.session_id}/{last.agent_id or (root.uuid or 'subagent')[:8]}"


def _nodes(documents: Iterable[Document]) -> Iterator[_Node]:
    """Entries with their parents resolved to positions."""
    by_uuid: dict[str, int] = {}
    latest: dict[tuple[str, bool, str | None], int] = {}
    trees: list[int] = []
    sides: list[bool] = []
    for at, document in enumerate(documents):
        entry = document.read(_entry, "an entry of a Claude Code log, an object with a type")
        thread = (entry.session_id, entry.is_sidechain, entry.agent_id)
        parent: int | None = None
        if entry.parent_uuid is UNSET or (entry.parent_uuid is not None and entry.parent_uuid not in by_uuid):
            # Logs that were cut or cleaned lack links: the entry follows what came before it.
            parent = latest.get(thread)
        elif entry.parent_uuid is not None:
            parent = by_uuid[entry.parent_uuid]
        if parent is not None and sides[parent] != entry.is_sidechain:
            parent = None
        node = _Node(tree=at if parent is None else trees[parent], parent=parent, entry=entry)
        if entry.type in ("user", "assistant") and not entry.is_api_error_message and not entry.is_visible_in_transcript_only:
            _read_message(document, node)
        entry.message = UNSET
        trees.append(node.tree)
        sides.append(entry.is_sidechain)
        if entry.uuid:
            by_uuid[entry.uuid] = at
        if entry.uuid or node.role:
            latest[thread] = at
        yield node


def _read_message(document: Document, node: _Node) -> None:
    if node.entry.message is UNSET:
        raise document.wrong(f"a message in an entry of type {node.entry.type}")
    message = Document(document.path, document.line, bytes(node.entry.message)).read(_message, "a message with role and content")
    if message.model == SYNTHETIC:
        return
    if message.role not in ("user", "assistant"):
        raise document.wrong("a message of user or assistant", f"got {message.role!r}")
    node.role, node.model, node.message_id = message.role, message.model or "", message.id or ""
    # A copy, or the whole line would stay in memory, tool results a second time among it.
    node.content = message.content.copy()


def _conversation(nodes: list[_Node], members: list[int]) -> tuple[list[Said], list[str]]:
    """The messages of a tree along the path to its last one."""
    path = set()
    at: int | None = members[-1]
    while at is not None:
        path.add(at)
        at = nodes[at].parent
    answers = {nodes[i].message_id for i in path if nodes[i].role == "assistant"} - {""}
    spoken = [i for i in members if i in path or nodes[i].message_id in answers]
    calls = {b.id for i in spoken if nodes[i].role == "assistant" for b in _look(nodes[i].content) if b.type == "tool_use"}
    results = {i for i in members if nodes[i].role == "user" and any(b.tool_use_id in calls for b in _look(nodes[i].content))}
    # A call's result may be there twice, once on a branch that was left.
    answered: dict[str, int] = {}
    for i in sorted(results):
        for block in _look(nodes[i].content):
            if block.tool_use_id and (block.tool_use_id not in answered or i in path):
                answered[block.tool_use_id] = i
    kept = sorted({*spoken, *answered.values()})
    return _merge([nodes[i] for i in kept])


def _look(content: Raw) -> list[_Block]:
    """The blocks of a content; a text has none. Strings among them, which no API sends, are passed over."""
    if not bytes(content).startswith(b"["):
        return []
    return [_block.decode(b) for b in _blocks.decode(content) if bytes(b).startswith(b"{")]


def _merge(nodes: list[_Node]) -> tuple[list[Said], list[str]]:
    """Entries as the messages that the model saw: one for each answer, and one for all results of its calls."""
    groups: list[list[_Node]] = []
    answers: dict[str, list[_Node]] = {}
    for node in nodes:
        if node.message_id in answers:
            # Results of an answer's first calls may stand before its last block; they belong after it.
            answers[node.message_id].append(node)
        elif groups and node.role == "user" and groups[-1][0].role == "user" and _has_result([*groups[-1], node]):
            groups[-1].append(node)
        else:
            groups.append([node])
            if node.role == "assistant" and node.message_id:
                answers[node.message_id] = groups[-1]
    said = [
        Said(
            body=_body(group),
            assistant=group[0].role == "assistant",
            time=group[-1].entry.timestamp,
            model=group[0].model,
        )
        for group in groups
    ]
    return said, [m.model for m in said if m.model]


def _has_result(group: list[_Node]) -> bool:
    return any(b.type == "tool_result" for node in group for b in _look(node.content))


def _body(group: list[_Node]) -> Raw:
    """The message as it goes to the API: role and content. Blocks keep their bytes; results come first, as the API wants them."""
    role = group[0].role
    if len(group) == 1:
        return Raw(msgspec.json.encode({"role": role, "content": group[0].content}))
    blocks: list[Any] = []
    for node in group:
        if bytes(node.content).startswith(b"["):
            blocks += _blocks.decode(node.content)
        else:
            blocks.append({"type": "text", "text": node.content})
    blocks.sort(key=lambda b: not (isinstance(b, Raw) and _block.decode(b).type == "tool_result"))
    return Raw(msgspec.json.encode({"role": role, "content": blocks}))
