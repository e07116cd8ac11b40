"""Learns within a session which fields of its tools' outputs the agent uses.

It learns from the messages as they are sent, which is what an agent can use, and what a worker that meets the session anew has of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from msgspec import structs

from headroom_stream.config import LearningConfig
from headroom_stream.content.notation import NotationError
from headroom_stream.content.records import restore
from headroom_stream.learning import UsageStats
from headroom_stream.messages import View, view
from headroom_stream.session.state import Segment, Stored

MAX_CHARS = 50_000
"""Longer outputs are not learnt from: reading one of a megabyte takes a third of a second."""
_MARKER = re.compile(r"\[.* left out, original [0-9a-f]{12}\]")
"""What `compress_output` writes below what it cut."""


def as_learnt(seen: View, stored: Stored) -> View:
    """A message as it is sent, with the data of its outputs as JSON, and without the outputs that nothing is learnt from.

    These are plain texts, which have no fields, and outputs that point at earlier ones: what they bring that is new can't be told apart.
    """
    if not seen.outputs:
        return seen
    pointing = {own.slot for own in stored.pointing}
    outputs = []
    for slot, output in enumerate(seen.outputs):
        if slot not in pointing and output.text[:1] in ("{", "[") and len(output.text) <= MAX_CHARS:
            text = _data(output.text) if slot in stored.compact else output.text
            outputs.append(structs.replace(output, text=text))
    return structs.replace(seen, outputs=tuple(outputs))


def _data(text: str) -> str:
    body, _, last = text.rpartition("\n")
    try:
        return json.dumps(restore(body if _MARKER.fullmatch(last) else text), ensure_ascii=False)
    except NotationError:  # with our words in it (`…12 more`) it need not be readable; then it is a text
        return text


def learnt_from(segments: Iterable[Segment]) -> Iterator[View]:
    """The messages of a session, as they are learnt from."""
    for message in (m for s in segments for m in s.messages if m.output or m.role == "assistant"):
        yield as_learnt(view(message.body), message)


def used(stats: UsageStats, tool: str, config: LearningConfig) -> frozenset[str]:
    """The fields of a tool's outputs that are used: in enough outputs of the session, or in other sessions."""
    own = (one.fields for one in stats.tools.values() if one.tool == tool)
    now = {name for fields in own for name, use in fields.items() if use.used >= config.min_outputs}
    return frozenset(now.union(*(one.keep for one in config.tools if one.tool == tool)))
