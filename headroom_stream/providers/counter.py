"""Counts the tokens of texts and messages, and says whether the provider would bill the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct

from headroom_stream.errors import TokenizationError
from headroom_stream.messages import View, view
from headroom_stream.providers.wire import to_json
from headroom_stream.tokens import OPAQUE, PER_CONTEXT, Tokenizer, count_message


class Count(Struct, frozen=True):
    """Tokens of a prompt."""

    tokens: int
    exact: bool
    """Whether the provider bills this number: it counted itself, or its published rule covers all of the prompt."""
    why: str = ""
    """Why it is not exact; empty where it is."""


class TokenCounter:
    """Counts for one model, on this machine. What a provider's own count differs in is for subclasses to say.

    The engine and the transforms count texts by its `tokenizer`.
    """

    def __init__(self, model: str, tokenizer: Tokenizer) -> None:
        self.model = model
        self.tokenizer = tokenizer

    @property
    def name(self) -> str:
        """Of the encoding, such as `o200k_base`."""
        return self.tokenizer.name

    @property
    def exact(self) -> bool:
        """Whether `count_messages` gives what the provider bills, for plain text messages. `count_prompt` says it of any."""
        return self.tokenizer.exact_for(self.model)

    def exact_for(self, model: str) -> bool:
        """Whether texts are counted by the encoding of `model`."""
        return self.tokenizer.exact_for(model)

    def count_prompt(
        self, messages: Iterable[Any], *, tools: Sequence[Mapping[str, Any]] = (), system: str | Sequence[Any] | None = None
    ) -> Count:
        """Tokens of a whole prompt, and whether they are exact.

        `messages` are dicts in any provider's shape, or objects of its SDK; `tools` and `system` are what goes beside them.
        Raises ValidationError for messages that no provider would take.
        """
        reasons: list[str] = [] if self.tokenizer.exact_for(self.model) else [f"{self.name} is not the model's own encoding"]
        every = [*([{"role": "system", "content": system}] if system else []), *messages]
        total = PER_CONTEXT + sum(self._message(message, i, reasons) for i, message in enumerate(every))
        total += self._tools(tools, reasons) if tools else 0
        return Count(total, not reasons, "; ".join(dict.fromkeys(reasons)))

    def count_messages(self, messages: Iterable[Any]) -> int:
        """Tokens of a prompt of these messages alone. Raises ValidationError for messages that no provider would take."""
        return self.count_prompt(messages).tokens

    def count_message(self, message: Any) -> int:
        """What one message adds to a prompt. Never asks the provider: it counts whole prompts only."""
        return self._message(message, 0, [])

    def count_text(self, text: str) -> int:
        """Tokens of a text by itself. Never asks the provider. Raises TokenizationError for what is no text."""
        if not isinstance(text, str):
            raise TokenizationError(f"only text has tokens, not {type(text).__name__}")
        return self.tokenizer.count(text)

    def _message(self, message: Any, index: int, reasons: list[str]) -> int:
        raw = message if isinstance(message, bytes | Raw) else to_json(message)
        seen = view(raw, index)
        self._judge(seen, reasons)
        return count_message(seen, self.tokenizer) + (self._pictures(raw, reasons) if seen.opaque else 0)

    def _judge(self, seen: View, reasons: list[str]) -> None:
        """Say what of a message has no published rule."""
        if seen.calls or seen.answers:
            reasons.append("tool calls and their results have no published rule")

    def _pictures(self, raw: bytes | Raw, reasons: list[str]) -> int:
        """What the pictures of a message cost beyond the flat OPAQUE that each part was counted with."""
        more = 0
        for part in _parts(msgspec.json.decode(raw)):
            if _is_plain(part):
                continue
            tokens = self.picture_tokens(part)
            if tokens is None:
                reasons.append("an image of unknown size, or another part that can't be counted")
            else:
                more += tokens - OPAQUE
        return more

    def picture_tokens(self, part: Mapping[str, Any]) -> int | None:  # noqa: ARG002 - for subclasses
        """Tokens of a part of a message that is no text; None where there is no rule, or its size can't be seen."""
        return None

    def _tools(self, tools: Sequence[Mapping[str, Any]], reasons: list[str]) -> int:
        """Tokens of the definitions of tools: here their JSON."""
        reasons.append("definitions of tools have no published rule")
        return sum(self.tokenizer.count(to_json(tool).decode()) for tool in tools)


def _parts(message: dict[str, Any]) -> list[Any]:
    content = message.get("content", message.get("parts"))
    return content if isinstance(content, list) else []


def _is_plain(part: Any) -> bool:
    """Whether a part was counted by its text, call or result."""
    if not isinstance(part, dict):
        return isinstance(part, str)
    called = "function_call", "functionCall", "function_response", "functionResponse"
    kinds = "text", "input_text", "output_text", "refusal", "thinking", "tool_use", "tool_result"
    return part.get("type") in kinds or ("type" not in part and ("text" in part or any(key in part for key in called)))
