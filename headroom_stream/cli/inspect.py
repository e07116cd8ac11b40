"""`inspect`: a session message by message, before and after."""

from __future__ import annotations

import asyncio
from typing import Any

import click
from msgspec import Raw, Struct
from rich.text import Text

from headroom_stream.cli.common import connection_options, json_option, out, print_json
from headroom_stream.cli.pairs import Pair, marked, pair
from headroom_stream.cli.streams import head_of, shortened, summary_of, text_of
from headroom_stream.client import ContextConsumer, TopicReader
from headroom_stream.config import KafkaSettings
from headroom_stream.errors import TokenizationError, ValidationError
from headroom_stream.events import ContextBatch, TurnEvent, decode_turn
from headroom_stream.settings import load_settings
from headroom_stream.tokenizers import load_tokenizer
from headroom_stream.tokens import Tokenizer

EXCERPT_LINES = 6
"""Of each side of a changed message; `--message` shows all."""


class Found(Struct):
    """What the topics have of a session."""

    events: list[TurnEvent]
    context: ContextBatch | None = None

    def before(self) -> tuple[list[Raw], int]:
        """The messages as the agent had them when the context was made, and how many came after."""
        last = self.context.event_id if self.context is not None else None
        messages: list[Raw] = []
        folded: int | None = None
        for event in self.events:
            if event.history is not None:
                messages = list(event.history)
            messages += event.messages or []
            if last is not None and event.event_id == last:
                folded = len(messages)
        if folded is None or folded > len(messages):
            return messages, 0
        return messages[:folded], len(messages) - folded


@click.command("inspect")
@click.argument("session")
@click.option("--message", type=click.IntRange(min=0), metavar="N", help="Show message N of the list whole.")
@json_option
@connection_options
def command(
    *, session: str, message: int | None, as_json: bool, brokers: str | None, clickhouse: str | None, config: str | None
) -> None:
    """Show a session message by message, before and after.

    Before: the messages of the session's turns. After: those of its latest context. Red is what the model is not sent any more,
    green what stands there instead. Both topics are read from the beginning, which takes a while where they are large.

    \b
    Examples:
      headroom-stream inspect run-1
      headroom-stream inspect run-1 --message 4
      headroom-stream inspect run-1 --json | jq '.messages[] | select(.changed)'
    """
    kafka = load_settings(config=config, brokers=brokers, clickhouse=clickhouse).kafka
    found = asyncio.run(_find(kafka, session))
    if not found.events and found.context is None:
        raise ValidationError(f"no session {session!r} on {kafka.turns} and {kafka.contexts} at {kafka.brokers}")
    before, later = found.before()
    pairs = pair(before, found.context.messages if found.context else [], _tokenizer(found.context))
    if message is not None and message >= len(pairs):
        raise ValidationError(f"session {session!r} has no message {message}; the last is {len(pairs) - 1}")
    chosen = [(n, p) for n, p in enumerate(pairs) if message is None or n == message]
    if as_json:
        print_json(
            {
                "session": session,
                "events": len(found.events),
                "messages_not_folded": later,
                "context": summary_of(found.context) if found.context else None,
                "messages": [_as_json(n, p) for n, p in chosen],
            }
        )
        return
    if found.context is not None:
        out.print(head_of(found.context), style="bold", markup=False, soft_wrap=True)
    else:
        out.print(f"{session}: no context yet. Is a worker running?", style="yellow", markup=False, soft_wrap=True)
    for n, one in chosen:
        _show(n, one, whole=message is not None, context=found.context is not None)
    if later:
        out.print(f"{later} newer message{'s' if later > 1 else ''} not in a context yet.", style="dim")


async def _find(kafka: KafkaSettings, session: str) -> Found:
    found = Found(events=[])
    ids: set[str] = set()
    async with TopicReader(kafka=kafka, topic=kafka.turns, from_beginning=True) as reader:
        async for record in reader.so_far():
            if record.key != session.encode():
                continue
            if record.value is None:
                found.events.clear()
                ids.clear()
                continue
            event = _read(record.value)
            # As in the worker, a repeated id is not folded again.
            if event is not None and not (event.event_id is not None and event.event_id in ids):
                found.events.append(event)
                ids.add(event.event_id or "")
    async with ContextConsumer(kafka=kafka, session=session, from_beginning=True, incomplete="give") as consumer:
        async for batch in consumer.so_far():
            found.context = batch
    return found


def _read(value: bytes) -> TurnEvent | None:
    try:
        return decode_turn(value)
    except ValueError:
        # msgspec's errors are ValueErrors. The worker refused it too: it is among the dead letters, not in the session.
        return None


def _tokenizer(context: ContextBatch | None) -> Tokenizer | None:
    if context is None or not context.tokenizer:
        return None
    try:
        return load_tokenizer(context.tokenizer, network=False)
    except TokenizationError:
        return None


def _as_json(n: int, one: Pair) -> dict[str, Any]:
    return {
        "message": n,
        "role": one.role,
        "changed": one.changed,
        "tokens_before": one.tokens_before,
        "tokens_after": one.tokens_after,
        "before": one.before,
        "after": one.after,
    }


def _show(n: int, one: Pair, *, whole: bool, context: bool) -> None:
    title = Text(f"{n:4} {one.role:9}", style="bold")
    if not context or not one.changed:
        title.append(f" {_count(one.tokens_before)}", style="dim")
        message = one.before if one.before is not None else one.after
        text = text_of(message) if message is not None else ""
        if whole:
            out.print(title)
            out.print(text, markup=False)
        else:
            title.append(shortened(text, max(out.width - len(title) - 3, 40)))
            out.print(title, soft_wrap=True)
        return
    if one.before is None:
        title.append(f" put in, {_count(one.tokens_after)}")
    elif one.after is None:
        title.append(f" dropped, {_count(one.tokens_before)}")
    elif one.tokens_before and one.tokens_after is not None:
        share = 100 * (1 - one.tokens_after / one.tokens_before)
        title.append(f" {one.tokens_before:,} → {one.tokens_after:,} tokens ({share:.0f} % saved)")
    out.print(title, soft_wrap=True)
    before, after = marked(one)
    if one.before is not None:
        _side("before", before, whole=whole)
    if one.after is not None:
        _side("after", after, whole=whole)


def _count(tokens: int | None) -> str:
    return "" if tokens is None else f"{tokens:,} tokens  "


def _side(name: str, text: Text, *, whole: bool) -> None:
    width = max(out.width - 16, 40)
    lines = text.wrap(out, width)
    shown = lines if whole else lines[:EXCERPT_LINES]
    for i, line in enumerate(shown):
        out.print(Text(f"     {name if i == 0 else '':6} │ ", style="dim").append_text(line), soft_wrap=True)
    if len(lines) > len(shown):
        out.print(f"            │ … {len(lines) - len(shown):,} more lines of {width} characters; --message shows all", style="dim")
