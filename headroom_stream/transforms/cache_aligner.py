"""Keeps the start of a context the same from call to call, which is what a provider's prompt cache goes by.

A date in the system prompt makes every call's prefix a new one, and nothing behind it is read from the cache. So values that change
leave the leading system messages: a placeholder such as `[date-1]` stands in their place, and what it stands for comes in a message
at the very end (before an assistant message that ends the context), where it can change without breaking anything. Nothing is lost: put
into their places, the values give the prompt that came, blanks aside.

What leaves, and when:

- at the first call: dates and times that are said to be the present ones ("today is", "current date:", …), time stamps, and whatever
  `dynamic_patterns` find;
- later: any value (date, id, number, …) that is another than at the last call with the same prompt around it. At that call the prefix
  breaks anyway, and from then on it stands;
- what has left stays out, also if it does not change for a while: bringing it back would break the prefix again.

An aligner remembers the prompts that it saw, so use one for all calls of an agent. One that serves several sessions also finds what
differs between them, and their prefixes become one. Code and JSON in the prompt are never altered.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from headroom_stream.config.transforms import CacheAlignerConfig
from headroom_stream.errors import ConfigurationError
from headroom_stream.messages import Path, user_message
from headroom_stream.tokens import Tokenizer
from headroom_stream.transforms.conversation import VALUES, Conversation, read_message, read_messages, rewritten
from headroom_stream.transforms.counting import Counting
from headroom_stream.transforms.prompt_text import fixed_spans, texts_of, tidied
from headroom_stream.transforms.result import CachePrefixMetrics, Message, TransformResult
from headroom_stream.transforms.volatile import Found, find

MAX_PROMPTS = 64
"""Prompts that an aligner remembers, the latest ones."""
_PLACEHOLDER = re.compile(r"\[(?:date|time|id|number|value)-[0-9]{1,6}\]")


class Prompt(Struct, frozen=True):
    """What is remembered of a prompt."""

    values: tuple[str, ...]
    """Those of the last call, in order."""
    left: dict[int, str]
    """Placeholders of the values that left, by their number."""


class Aligned(Struct, frozen=True):
    """The system prompt after values left it."""

    texts: tuple[str, ...]
    values: dict[str, str]
    """By placeholder."""
    staying: tuple[str, ...]
    """Kinds of the values that stayed although they look as if they will change."""


class CacheAligner(Counting):
    """Moves values that change out of the system prompt. See the module for which and when."""

    name = "cache_aligner"
    may_add_tokens = True
    """A stable prefix is worth more than the few tokens of placeholders: cached tokens cost a tenth."""

    def __init__(self, config: CacheAlignerConfig | None = None, *, tokenizer: Tokenizer | None = None) -> None:
        self.config = config or CacheAlignerConfig()
        super().__init__(tokenizer)
        self._prompts: dict[bytes, Prompt] = {}
        self._last_hash: str | None = None

    def apply(
        self, messages: Sequence[Message], tokenizer: Tokenizer | None = None, *, frozen: int = 0, **_: Any
    ) -> TransformResult:
        """`align`, under the name by which a pipeline calls it. Where the first messages are frozen, it only reports."""
        return self._align(messages, tokenizer, report_only=frozen > 0)

    def align(self, messages: Sequence[Message], tokenizer: Tokenizer | None = None) -> TransformResult:
        """The messages with a stable start. `cache_metrics` tells of it; warnings tell what stayed and may yet change.

        Only system messages at the start are looked at; give a system prompt that goes in a field of its own (Anthropic's `system`,
        Gemini's `system_instruction`) as a first message with the role "system" and take it out again.
        Raises ConfigurationError for a pattern that is none, ValidationError for messages that no provider would take.
        """
        return self._align(messages, tokenizer, report_only=False)

    def get_alignment_score(self, messages: Sequence[Message]) -> float:
        """Share of the system prompt before the first value that looks as if it will change, in percent; 100 where there is none."""
        texts = [text for message in _leading_system(messages) for _, text in texts_of(message)]
        length = sum(map(len, texts))
        stable = 0
        patterns = self._patterns()
        for text in texts:
            first = next((f.start for f in _find(text, patterns) if f.sure or f.suspect), None)
            if first is not None:
                return 100.0 * (stable + first) / length
            stable += len(text)
        return 100.0

    def _align(self, messages: Sequence[Message], tokenizer: Tokenizer | None, *, report_only: bool) -> TransformResult:
        tokenizer = self.tokenizer_for(tokenizer)
        before = read_messages(messages, tokenizer)
        count = before.leading_system
        prefix_tokens = sum(r.tokens for r in before.reads[:count])
        places = [(i, path) for i in range(count) for path, _ in texts_of(before.reads[i].message)]
        texts = [text for i in range(count) for _, text in texts_of(before.reads[i].message)]
        small = prefix_tokens < self.config.stable_prefix_min_tokens
        if report_only or small or not self.config.enabled or not count:
            staying = tuple(f.kind for text in texts for f in _find(text, self._patterns()) if f.sure or f.suspect)
            return self._result(before, before, count, Aligned(tuple(texts), {}, () if small else staying))
        aligned = self._moved([tidied(t) for t in texts] if self.config.normalize_whitespace else texts)
        changes: dict[int, dict[Path, str]] = {}
        for (i, path), old, new in zip(places, texts, aligned.texts, strict=True):
            if new != old:
                changes.setdefault(i, {})[path] = new
        reads = [rewritten(r, changes[i], tokenizer) if i in changes else r for i, r in enumerate(before.reads)]
        if aligned.values:
            body = user_message("\n".join((VALUES, *(f"{k} = {v}" for k, v in aligned.values.items()))), before.provider)
            end = len(reads) - (reads[-1].role == "assistant")
            reads.insert(end, read_message(msgspec.json.decode(body), tokenizer))
        return self._result(before, Conversation(reads), count, aligned)

    def _moved(self, texts: Sequence[str]) -> Aligned:
        """Let values leave, and remember the prompt."""
        patterns = self._patterns()
        found = [_find(text, patterns) for text in texts]
        values = tuple(text[f.start : f.end] for text, fs in zip(texts, found, strict=True) for f in fs)
        key = _skeleton(texts, found)
        known = self._prompts.pop(key, None)
        left: dict[int, str] = dict(known.left) if known is not None else {}
        names = _Names("\n".join(texts))
        out: list[str] = []
        number = 0
        moved: dict[str, str] = {}
        staying: list[str] = []
        for text, fs in zip(texts, found, strict=True):
            parts: list[str] = []
            at = 0
            for one in fs:
                name = names.next(one.kind)
                value = values[number]
                changed = known is not None and known.values[number] != value
                if number not in left and (one.sure or changed) and self._may_leave(one):
                    left[number] = name
                if number in left:
                    parts += [text[at : one.start], left[number]]
                    moved[left[number]] = value
                    at = one.end
                elif one.sure or one.suspect:
                    staying.append(one.kind)
                number += 1
            out.append("".join((*parts, text[at:])))
        self._prompts[key] = Prompt(values, left)
        if len(self._prompts) > MAX_PROMPTS:
            del self._prompts[next(iter(self._prompts))]
        return Aligned(tuple(out), moved, tuple(staying))

    def _may_leave(self, one: Found) -> bool:
        return self.config.extract_dates or one.kind not in ("date", "time")

    def _patterns(self) -> list[re.Pattern[str]]:
        try:
            return [re.compile(p) for p in self.config.dynamic_patterns]
        except re.error as error:
            raise ConfigurationError(f"CacheAlignerConfig.dynamic_patterns: {error.pattern!r}: {error}") from error

    def _result(self, before: Conversation, after: Conversation, count: int, aligned: Aligned) -> TransformResult:
        body = b"".join(bytes(r.raw) for r in after.reads[:count])
        prefix = hashlib.blake2b(body, digest_size=8).hexdigest() if count else ""
        previous, self._last_hash = self._last_hash, prefix
        kinds = ", ".join(f"{aligned.staying.count(kind)} {kind}" for kind in dict.fromkeys(aligned.staying))
        return TransformResult(
            messages=after.messages,
            tokens_before=before.total,
            tokens_after=after.total,
            transforms_applied=[self.name] if after is not before and after.messages != before.messages else [],
            markers_inserted=list(aligned.values),
            warnings=[f"values in the system prompt look as if they change from call to call: {kinds}"] if kinds else [],
            cache_metrics=CachePrefixMetrics(
                stable_prefix_bytes=len(body),
                stable_prefix_tokens_est=sum(r.tokens for r in after.reads[:count]),
                stable_prefix_hash=prefix,
                prefix_changed=previous is not None and previous != prefix,
                previous_hash=previous,
            ),
        )


def _leading_system(messages: Sequence[Message]) -> Sequence[Message]:
    count = next((i for i, m in enumerate(messages) if m.get("role") not in ("system", "developer")), len(messages))
    return messages[:count]


def _find(text: str, patterns: Sequence[re.Pattern[str]]) -> list[Found]:
    """The values outside code, JSON and the placeholders of an earlier call."""
    fixed = sorted([*fixed_spans(text), *(m.span() for m in _PLACEHOLDER.finditer(text))])
    return find(text, patterns, fixed)


def _skeleton(texts: Sequence[str], found: Sequence[Sequence[Found]]) -> bytes:
    """The texts without their values: equal for two calls with the same prompt."""
    out = hashlib.blake2b(digest_size=16)
    for text, fs in zip(texts, found, strict=True):
        at = 0
        for one in fs:
            out.update(text[at : one.start].encode(errors="replace") + b"\xff")
            at = one.end
        out.update(text[at:].encode(errors="replace") + b"\xfe")
    return out.digest()


class _Names:
    """Placeholders in order, by kind, and none that the prompt has already."""

    def __init__(self, text: str) -> None:
        self._there = set(_PLACEHOLDER.findall(text))
        self._count: dict[str, int] = {}

    def next(self, kind: str) -> str:
        """The name of the next value of a kind, whether it leaves or not: so names do not depend on what has left."""
        while True:
            number = self._count[kind] = self._count.get(kind, 0) + 1
            name = f"[{kind}-{number}]"
            if name not in self._there:
                return name
