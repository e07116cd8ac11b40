"""Tokens that a model has little use for, found in the text of messages as they came.

Each kind is found by its characters; of the tokens of a text it gets the share that these characters have of it. Looking takes linear
time, and a message is looked at once.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence

from msgspec import structs

from headroom_stream.messages import View
from headroom_stream.results import WasteSignals
from headroom_stream.tokens import Tokenizer

MIN_JSON = 500
"""Characters: of shorter JSON the layout costs nothing worth a look."""
MIN_LINE = 24
"""Characters of a line whose repetition counts: short ones, such as a closing brace, repeat in any text."""
MAX_LINES = 200_000
"""Lines remembered of a conversation."""

_JSON_START = re.compile(r"\s*+[\[{]\s*+[\[{\"\]}0-9tfn-]")
_JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*+(?:"(\s*+:)?|\\?\Z)', re.DOTALL)
"""One without an end is the rest of the text: were it none, each quote in it would be looked at as the beginning of one."""
_LAYOUT = re.compile(r"\s++")
_BLANKS = re.compile(r"[ \t]{4,}+|\n{3,}+")
_TAGS = re.compile(r"<(?:script|style)\b[^<>]{0,1000}+>|<!--|</?[A-Za-z][\w:-]{0,40}+(?:\s[^<>]{0,2000}+)?/?>")
_ENDS = {"<sc": "</script>", "<st": "</style>", "<!-": "-->"}
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{50,}+={0,2}")
_DATE = re.compile(
    r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?\b"
    r"|\b(?:Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec)[a-z]{0,6}\.? \d{1,2}(?:st|nd|rd|th)?,? \d{4}\b"
    r"|\b\d{1,2}:\d\d(?::\d\d)?\b"
)


class Waste:
    """Counts over the messages of a conversation, each of which is added once."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._count = tokenizer.count
        self._lines: set[bytes] = set()
        self._outputs: set[bytes] = set()
        self.signals = WasteSignals()
        self.blocks: dict[str, int] = {}
        """Tokens of texts by what holds them: system, user, assistant, tool_call, tool_result."""

    def add(
        self,
        views: Iterable[View],
        *,
        first: int = 0,
        saved: Mapping[tuple[int, int], int] | None = None,
        counted: Mapping[tuple[int, int], int] | None = None,
    ) -> None:
        """Count messages that are new, of which the first has the index `first`.

        `saved` tells the tokens that are not sent of a tool output, by the index of its message and its slot there; `counted` tells in the
        same way how many it has, where that is known.
        """
        for index, message in enumerate(views, first):
            found = dict.fromkeys(WasteSignals.__struct_fields__, 0)
            for text in message.texts:
                self._text(
                    text, "system" if message.role == "system" else "assistant" if message.role == "assistant" else "user", found
                )
            for call in message.calls:
                self._block("tool_call", self._count(call.name) + self._count(call.arguments))
            for slot, output in enumerate(message.outputs):
                self._output(output.text, found, (saved or {}).get((index, slot), 0), (counted or {}).get((index, slot)))
            self._plus(found)

    def _plus(self, found: dict[str, int]) -> None:
        self.signals = structs.replace(
            self.signals, **{name: getattr(self.signals, name) + tokens for name, tokens in found.items() if tokens}
        )

    def _block(self, holder: str, tokens: int) -> None:
        self.blocks[holder] = self.blocks.get(holder, 0) + tokens

    def _output(self, text: str, found: dict[str, int], saved: int, counted: int | None) -> None:
        digest = _digest(text)
        tokens = self._count(text) if counted is None else counted
        if digest in self._outputs and len(text) >= MIN_LINE:
            self._block("tool_result", tokens)
            found["reread_tokens"] += tokens
            found["reread_compressed_tokens"] += saved
            return
        self._outputs.add(digest)
        self._text(text, "tool_result", found, tokens)

    def _text(self, text: str, holder: str, found: dict[str, int], counted: int | None = None) -> None:
        tokens = self._count(text) if counted is None else counted
        self._block(holder, tokens)
        if not tokens:
            return
        kinds = {
            "json_bloat_tokens": json_bloat(text),
            "html_noise_tokens": html_noise(text),
            "base64_tokens": base64_characters(text),
            "dynamic_date_tokens": _characters(_DATE, text) if holder == "system" else 0,
        }
        repeated = self._repeated(text)
        if not kinds["json_bloat_tokens"]:
            # Those of JSON are counted: its layout is blanks, and its repeated keys are repeated lines.
            kinds |= {"whitespace_tokens": blank_characters(text), "repetition_tokens": repeated}
        for kind, characters in kinds.items():
            found[kind] += round(tokens * min(1.0, characters / len(text)))

    def _repeated(self, text: str) -> int:
        """Characters of lines that stood in a message before, or before in this one."""
        characters = 0
        for line in text.split("\n"):
            if len(line) < MIN_LINE:
                continue
            digest = _digest(line)
            if digest in self._lines:
                characters += len(line) + 1
            elif len(self._lines) < MAX_LINES:
                self._lines.add(digest)
        return characters


def json_bloat(text: str) -> int:
    """Characters of a JSON text that a table of the same data does without: layout, quotes, and keys that stood before."""
    if len(text) < MIN_JSON or not _JSON_START.match(text):
        return 0
    characters = 0
    keys: set[str] = set()
    at = 0
    for found in _JSON_STRING.finditer(text):
        characters += sum(len(blank) for blank in _LAYOUT.findall(text, at, found.start()))
        at = found.end()
        if found[1] is None:
            characters += 2
        elif found[0] in keys:
            characters += len(found[0])
        else:
            keys.add(found[0])
    return characters + sum(len(blank) for blank in _LAYOUT.findall(text, at))


def html_noise(text: str) -> int:
    """Characters of tags, comments, scripts and styles."""
    characters, at = 0, 0
    # What is never closed from here on: looking for it again at each tag would take the square of the time.
    endless: set[str] = set()
    while (found := _TAGS.search(text, at)) is not None:
        at = found.end()
        closing = _ENDS.get(found[0][:3].lower())
        if closing is not None and closing not in endless:
            end = text.find(closing, at)
            if end < 0:
                # Then the rest is a text about markup rather than markup.
                endless.add(closing)
            else:
                at = end + len(closing)
        characters += at - found.start()
    return characters


def base64_characters(text: str) -> int:
    """Characters of runs that look like base64: of 50 and more, with small and capital letters and digits."""
    return sum(len(run) for run in _BASE64.findall(text) if _is_base64(run[:200]))


def _is_base64(run: str) -> bool:
    """Paths and snake_case names have more of these signs than chance puts into base64."""
    signs = run.count("/") + run.count("_") + run.count("-") + run.count("+")
    kinds = (str.isdigit, str.islower, str.isupper)
    return signs * 12 <= len(run) and all(any(is_kind(c) for c in run) for is_kind in kinds)


def blank_characters(text: str) -> int:
    """Characters of runs of four blanks and more, and of blank lines after the first."""
    return _characters(_BLANKS, text)


def _characters(pattern: re.Pattern[str], text: str) -> int:
    return sum(found.end() - found.start() for found in pattern.finditer(text))


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(errors="replace"), digest_size=8).digest()


def waste_signals(views: Sequence[View], tokenizer: Tokenizer) -> WasteSignals:
    """Of whole conversations."""
    waste = Waste(tokenizer)
    waste.add(views)
    return waste.signals


def block_breakdown(views: Sequence[View], tokenizer: Tokenizer) -> dict[str, int]:
    """Tokens of the texts of a whole conversation, by what holds them: system, user, assistant, tool_call, tool_result."""
    waste = Waste(tokenizer)
    waste.add(views)
    return waste.blocks
