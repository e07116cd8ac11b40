"""What the commands that read and write topics share: running them, and short forms of messages for people."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from msgspec import Raw

from headroom_stream.cli.common import err
from headroom_stream.client import ContextConsumer
from headroom_stream.errors import RejectedEventError, ValidationError
from headroom_stream.events import ContextBatch
from headroom_stream.messages import View, view


async def followed(consumer: ContextConsumer) -> AsyncIterator[ContextBatch]:
    """Contexts for ever. A record that is no context is told on standard error and passed over."""
    stream = aiter(consumer)
    while True:
        try:
            yield await anext(stream)
        except ValidationError as error:
            err.print(f"passed over: {error}", style="yellow", markup=False)


_PICTURES = {n: 0x2400 + n for n in range(0x20) if chr(n) not in "\n\t"} | {0x7F: 0x2421} | dict.fromkeys(range(0x80, 0xA0), 0xFFFD)


def harmless(text: str) -> str:
    """The text with control characters made visible: a tool's output must not steer the terminal of who looks at it."""
    return text.translate(_PICTURES)


def look(message: Raw) -> View | None:
    """What the engine sees of a message; None where it can't be read."""
    try:
        return view(message)
    except RejectedEventError:
        return None


def text_of(message: Raw) -> str:
    """The text of a message and the calls it makes; the bytes themselves where there is no more to be had."""
    seen = look(message)
    if seen is None:
        return harmless(bytes(message).decode(errors="replace"))
    parts = [seen.text] if seen.text else []
    parts += [f"{call.name}({call.arguments})" for call in seen.calls]
    if seen.opaque:
        parts.append(f"[{seen.opaque} part{'s' if seen.opaque > 1 else ''} of another kind]")
    return harmless("\n".join(parts))


def role_of(message: Raw) -> str:
    """Who speaks; `tool` as well for a user message that carries tool results."""
    seen = look(message)
    if seen is None:
        return "?"
    return "tool" if seen.answers else seen.role


def shortened(text: str, width: int) -> str:
    """One line of at most `width` characters: the beginning, and how much is left out."""
    line = " ".join(text[: width * 2].split())
    if len(line) <= width and len(text) <= width * 2:
        return line
    more = f" … {len(text):,} characters"
    return line[: max(width - len(more), 10)] + more


def saved(batch: ContextBatch) -> float:
    """Share of tokens saved, 0 to 1; below 0 where a context grew."""
    return 1 - batch.tokens_after / batch.tokens_before if batch.tokens_before else 0.0


def summary_of(batch: ContextBatch) -> dict[str, Any]:
    """A context without its messages, for machines."""
    return {
        "session": batch.session_id,
        "event": batch.event_id,
        "turn": batch.turn,
        "epoch": batch.epoch,
        "model": batch.model,
        "messages": batch.message_count,
        "tokens_before": batch.tokens_before,
        "tokens_after": batch.tokens_after,
        "saved": round(saved(batch), 4),
        "transforms": batch.transforms,
    }


def head_of(batch: ContextBatch) -> str:
    """A context in one line, for people."""
    parts = [
        batch.session_id,
        f"turn {batch.turn}",
        *([batch.model] if batch.model else []),
        f"{batch.message_count} message{'' if batch.message_count == 1 else 's'}",
        f"{batch.tokens_before:,} → {batch.tokens_after:,} tokens ({100 * saved(batch):.1f} % saved)",
        *([f"epoch {batch.epoch}"] if batch.epoch else []),
        *([", ".join(batch.transforms)] if batch.transforms else []),
    ]
    return harmless("  ".join(parts))
