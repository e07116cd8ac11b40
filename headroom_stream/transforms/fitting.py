"""Fits a conversation into a token budget by leaving out units, and says in their place what is missing.

What may go is a unit: a round of the conversation (an assistant message and all up to the next, so that calls and results stay
together), less the messages in it that have to stay. What stays whatever the budget:

- the opening: all before the first assistant message; its system messages may go where `keep_system` is false,
- system messages (`keep_system`), the message that the user wrote last, and frozen messages,
- the last round.

The budget is kept whenever these fit it, with the markers. Where they do not, everything else goes and a warning says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec
from msgspec import Struct, structs

from headroom_stream.messages import user_message
from headroom_stream.tokens import Tokenizer
from headroom_stream.transforms.conversation import MARKER, Conversation, Read, read_message
from headroom_stream.transforms.outputs import reference
from headroom_stream.transforms.window import opening, shed

_TOOLS_SHOWN = 3
"""Tools that a marker names, the most called first. A marker has to stay small."""
_TOOL_NAME_CHARS = 64


class Unit(Struct, frozen=True):
    """Messages that leave together."""

    messages: tuple[int, ...]
    """Their places."""
    tokens: int


class Fitted(Struct, frozen=True, kw_only=True):
    """A conversation after units left it."""

    conversation: Conversation
    removed: int
    """Messages of the caller's that left."""
    units: int = 0
    markers: tuple[str, ...] = ()
    originals: dict[str, str] = {}  # msgspec copies an empty default
    warning: str = ""


def droppable(conversation: Conversation, *, keep_system: bool, frozen: int = 0) -> list[Unit]:
    """The units that may go, oldest first. The last round is not among them."""
    reads = conversation.reads
    question = conversation.latest_question()
    rounds = conversation.units()
    first = opening(reads)
    parts: list[tuple[int, ...]] = [(i,) for i in range(first) if reads[i].role == "system" and not keep_system]
    parts += [tuple(r) for r in rounds[:-1]]
    out: list[Unit] = []
    for places in parts:
        if places[0] < frozen:
            continue
        if question in places and reads[question].view.answers:
            continue  # results and the user's words in one message: taking it out would orphan the calls
        going = tuple(i for i in places if i != question and not (keep_system and reads[i].role == "system"))
        if going:
            out.append(Unit(going, sum(reads[i].tokens for i in going)))
    return out


def fit(conversation: Conversation, order: Sequence[Unit], budget: int, tokenizer: Tokenizer, *, frozen: int = 0) -> Fitted:
    """Leave out as many of `order`, from the first on, as the budget needs."""
    if conversation.total <= budget:
        return Fitted(conversation=conversation, removed=0)
    parts = [(unit.tokens, False) for unit in order]
    reserve, step = 0, 1
    while True:
        number = shed(parts, conversation.total, target=budget - reserve, budget=budget - reserve)
        fitted = _without(conversation, order[:number], budget, tokenizer, frozen)
        over = fitted.conversation.total - budget
        if over <= 0:
            return fitted
        if number == len(order):
            break
        # Markers cost what only shows when they are written. Doubling keeps the number of tries to a handful.
        reserve, step = reserve + over * step, step * 2
    what = f"{fitted.conversation.total} tokens exceed the budget of {budget}: what has to stay does not fit"
    return structs.replace(fitted, warning=what)


def _without(conversation: Conversation, units: Sequence[Unit], budget: int, tokenizer: Tokenizer, frozen: int) -> Fitted:
    """The conversation without the units, and a marker where each gap begins. Markers of earlier calls go into the new ones.

    A gap reaches to the next assistant message that stays. Where its marker would cost what it frees, nothing goes.
    """
    gone = {i for unit in units for i in unit.messages}
    provider = conversation.provider
    kept: list[Read] = []
    gap: list[tuple[int, Read, bool]] = []
    left: set[int] = set()
    markers: list[str] = []
    originals: dict[str, str] = {}

    def close() -> None:
        going = [read for _, read, goes in gap if goes]
        content = msgspec.json.encode([read.raw for read in going]).decode()
        ref = reference("", "", content)
        text = marker(going, budget, ref)
        stands = read_message(msgspec.json.decode(user_message(text, provider)), tokenizer)
        if stands.tokens >= sum(read.tokens for read in going):
            kept.extend(read for _, read, _ in gap)
        else:
            kept.extend((stands, *(read for _, read, goes in gap if not goes)))
            left.update(i for i, _, goes in gap if goes)
            markers.append(text)
            originals[ref] = content
        gap.clear()

    for i, read in enumerate(conversation.reads):
        if i in gone:
            if not gap and i > frozen and kept and count_of(kept[-1]):
                gap.append((i - 1, kept.pop(), True))
            gap.append((i, read, True))
        elif gap and read.role != "assistant":
            gap.append((i, read, count_of(read) > 0))
        else:
            if gap:
                close()
            kept.append(read)
    if gap:
        close()
    return Fitted(
        conversation=Conversation(kept),
        removed=sum(not count_of(conversation.reads[i]) for i in left),
        units=sum(unit.messages[0] in left for unit in units),
        markers=tuple(markers),
        originals=originals,
    )


def count_of(read: Read) -> int:
    """How many messages a marker stands for; 0: it is none."""
    if read.role != "user" or len(read.view.texts) != 1:
        return 0
    found = MARKER.fullmatch(read.view.texts[0])
    return int(found[1]) if found else 0


def marker(gap: Sequence[Read], budget: int, ref: str) -> str:
    """What stands in place of messages: how many, which tools they called, and where they are."""
    count = sum(count_of(r) or 1 for r in gap)
    called = Counter(c.name for r in gap for c in r.view.calls if _plain(c.name))
    tools = ", ".join(f"{number} {name}" for name, number in called.most_common(_TOOLS_SHOWN))
    return f"[{count} earlier messages left out to fit {budget} tokens{': ' if tools else ''}{tools}, original {ref}]"


def _plain(name: str) -> bool:
    return len(name) <= _TOOL_NAME_CHARS and name.replace("_", "").replace("-", "").replace(".", "").isalnum()
