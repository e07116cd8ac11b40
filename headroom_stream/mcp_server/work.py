"""What the tools do, without the protocol around them."""

from __future__ import annotations

import re
import sys
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import structs

from headroom_stream.config import Settings
from headroom_stream.engine import Call, Compressor, Sessions
from headroom_stream.errors import StorageError, ValidationError
from headroom_stream.mcp_server.answers import Compressed, Here, Part, Retrieved, Stats, Stream
from headroom_stream.mcp_server.archive import Archive, Found
from headroom_stream.results import CompressResult
from headroom_stream.retrieval import Passage, lines, passages

READ_TOKENS = 8_000
"""Of an original in one answer, unless asked for otherwise. Clients of the protocol cut or refuse answers of more than some 20,000."""
FOUND_TOKENS = 1_000
"""Of the passages of a search, unless asked for otherwise."""
_REF = re.compile(r"\b[0-9a-f]{12}\b")
_CALL = "text"


class Work:
    """Compresses, brings back and counts. May be used by several threads. Errors are HeadroomErrors, in words that a model can act on."""

    def __init__(self, settings: Settings | None = None, *, compressor: Compressor | None = None) -> None:
        settings = settings or Settings()
        self._compressor = compressor or Compressor(Sessions(settings.policy))
        self._archive = Archive(settings, self._compressor.originals)
        self._count = self._compressor.sessions.tokenizer.count
        self._lock = threading.Lock()
        self._calls = self._before = self._after = 0
        self._transforms: Counter[str] = Counter()

    def compress(
        self,
        *,
        text: str = "",
        messages: Sequence[Mapping[str, Any]] | None = None,
        query: str = "",
        token_budget: int | None = None,
        tool: str = "",
    ) -> Compressed:
        """A text as if it were the output of `tool`, or the messages of a call."""
        if bool(text) == bool(messages):
            raise ValidationError("give either `text` or `messages`, and not empty")
        if not messages:
            return self._text(text, query, token_budget, tool)
        result = self._compressor.compress(list(messages), Call(query=query or None, max_tokens=token_budget)).result
        self._note(result, result.tokens_before, result.tokens_after)
        return _answer(result, result.tokens_before, result.tokens_after, messages=result.messages)

    def _text(self, text: str, query: str, budget: int | None, tool: str) -> Compressed:
        policy = {} if budget is None else {"output_tokens": budget}
        result = self._compressor.compress(_as_output(text, tool), Call(query=query or None, policy=policy)).result
        short = result.messages[-1]["content"]
        before, after = self._count(text), self._count(short)
        result = structs.replace(result, over_budget=budget is not None and after > budget)
        self._note(result, before, after)
        return _answer(result, before, after, text=short)

    def _note(self, result: CompressResult, before: int, after: int) -> None:
        with self._lock:
            self._calls += 1
            self._before += before
            self._after += after
            self._transforms.update(result.transforms_applied)

    def retrieve(
        self,
        ref: str,
        *,
        query: str = "",
        first_line: int = 1,
        last_line: int | None = None,
        max_tokens: int | None = None,
    ) -> Retrieved:
        """The lines of an original, or the passages in them that `query` is about."""
        named = _REF.search(ref)
        if named is None:
            raise ValidationError(f"{ref[:40]!r} is no reference: they are 12 hexadecimal digits, as in `original 31da97fc1e2c`")
        found = self._archive.find(named[0], query)
        part = lines(found.content, first_line, sys.maxsize if last_line is None else last_line)
        if query:
            shown, following = self._search(part, query, named[0], max_tokens or FOUND_TOKENS), None
        else:
            shown, following = self._read(part, max_tokens or READ_TOKENS)
        return _retrieved(named[0], found, shown, following)

    def _search(self, part: Passage, query: str, ref: str, max_tokens: int) -> list[Passage]:
        before = part.start_line - 1
        shown = passages(part.text, query, max_tokens=max_tokens, count=self._count)
        if not shown:
            raise ValidationError(f"nothing about {query!r} in original {ref}; without `query` it is given whole")
        return [structs.replace(one, start_line=one.start_line + before, end_line=one.end_line + before) for one in shown]

    def _read(self, part: Passage, max_tokens: int) -> tuple[list[Passage], int | None]:
        """As many lines as fit, the first of them always, and the line to go on with."""
        room = max_tokens
        taken: list[str] = []
        for line in part.text.split("\n"):
            room -= self._count(line) + 1
            if room < 0 and taken:
                break
            taken.append(line)
        end = part.start_line + len(taken) - 1
        shown = Passage(start_line=part.start_line, end_line=end, text="\n".join(taken), score=0.0)
        return [shown], end + 1 if end < part.end_line else None

    def stats(self) -> Stats:
        """What this server did, and what workers saved where ClickHouse can say it."""
        with self._lock:
            calls, before, after, transforms = self._calls, self._before, self._after, dict(sorted(self._transforms.items()))
        originals = self._compressor.originals
        here = Here(
            calls=calls,
            tokens_before=before,
            tokens_after=after,
            tokens_saved=before - after,
            saved_percent=round(100 * (before - after) / before, 2) if before else 0.0,
            transforms=transforms,
            originals=len(originals),
            retrievals=originals.retrievals,
        )
        try:
            sums = self._archive.sums()
        except StorageError as error:
            return Stats(here=here, stream=None, stream_missing=str(error))
        stream = Stream(
            sessions=sums.sessions,
            contexts=sums.turns,
            tokens_before=sums.tokens_before,
            tokens_after=sums.tokens_after,
            saved_percent=sums.saved_percent,
            cost_saved_usd=sums.cost_saved_usd,
        )
        return Stats(here=here, stream=stream)


def _as_output(text: str, tool: str) -> list[dict[str, Any]]:
    """A conversation in which a tool gave the text: only outputs are compressed."""
    function = {"name": tool or _CALL, "arguments": "{}"}
    return [
        {"role": "assistant", "content": None, "tool_calls": [{"id": _CALL, "type": "function", "function": function}]},
        {"role": "tool", "tool_call_id": _CALL, "content": text},
    ]


def _answer(result: CompressResult, before: int, after: int, **what: Any) -> Compressed:
    return Compressed(
        **what,
        tokens_before=before,
        tokens_after=after,
        tokens_saved=before - after,
        lossless=result.lossless,
        refs=result.refs,
        transforms=result.transforms_applied,
        over_budget=result.over_budget,
        note=result.error or "",
    )


def _retrieved(ref: str, found: Found, shown: list[Passage], following: int | None) -> Retrieved:
    return Retrieved(
        ref=ref,
        tool=found.tool,
        kind=found.kind,
        found_in=found.found_in,
        tokens=found.tokens,
        lines=found.content.count("\n") + 1,
        parts=[Part(start_line=one.start_line, end_line=one.end_line, text=one.text) for one in shown],
        next_line=following,
    )
