"""Takes new messages into a session: checks that calls and results fit together, and compresses each tool output once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from msgspec import Raw, Struct, structs

from headroom_stream.config import Policy
from headroom_stream.content import Hints
from headroom_stream.errors import RejectedEventError
from headroom_stream.events import OriginalMetric
from headroom_stream.learning import Learning, observe
from headroom_stream.messages import Path, View, with_texts, without_cache_control
from headroom_stream.references import Referring, Shown
from headroom_stream.session.state import OpenCall, Pointing, Stored
from headroom_stream.session.use import as_learnt, used
from headroom_stream.tokens import Tokenizer, count_frame
from headroom_stream.transforms.outputs import Decision, compress_output, kept, reference

INTENT_CHARS = 4_000
"""Of the agent's last message, from its end: a call that writes a whole file says little about what is looked for."""


class Made(Struct, frozen=True):
    """A decision, and the output that it is about."""

    message: int
    """Index among the new messages."""
    slot: int
    tool: str
    decision: Decision


class Arrival(Struct, frozen=True):
    """New messages as they will be sent."""

    stored: tuple[Stored, ...]
    open_calls: tuple[OpenCall, ...]
    decisions: tuple[Made, ...]
    originals: tuple[OriginalMetric, ...]
    outputs: int
    """Tool outputs of the session, these included."""
    learning: Learning | None
    """What the session teaches of their use, these messages included."""


class Intake(Struct, frozen=True, kw_only=True):
    """What holds for all new messages of an event."""

    session_id: str
    tenant: str
    time: datetime
    query: str
    intent: str
    """What the agent said before these messages."""
    policy: Policy
    tokenizer: Tokenizer
    frozen: int = 0
    """Of the messages, those at the start that stay as they came."""

    def receive(
        self,
        raws: Sequence[Raw],
        views: Sequence[View],
        open_calls: tuple[OpenCall, ...],
        *,
        outputs: int,
        shown: Shown | None,
        learning: Learning | None,
    ) -> Arrival:
        """Compress and count the messages. Raises RejectedEventError where a provider would refuse the conversation.

        `outputs` is the number of tool outputs before them; `shown`, what can be pointed at, is extended with theirs. `learning` is what
        was learnt of their use before; None: nothing is to be.
        """
        stored: list[Stored] = []
        decisions: list[Made] = []
        originals: list[OriginalMetric] = []
        intent = self.intent
        for i, (raw, seen) in enumerate(zip(raws, views, strict=True)):
            names, open_calls = answer(open_calls, seen, i)
            if seen.role == "assistant":
                intent = said(seen)
            made = [
                self._decide(i, slot, o.text, self._hints(names[o.key] or o.tool, intent, learning), shown)
                for slot, o in enumerate(seen.outputs)
            ]
            texts: dict[Path, str] = {}
            first = outputs + 1
            for one, output in zip(made, seen.outputs, strict=True):
                outputs += 1
                if shown is not None:
                    shown.add(outputs, Referring(one.decision.text, one.decision.marks), one.decision.repeats or None)
                if one.decision.action == "compressed":
                    texts[output.path] = one.decision.text
                if one.decision.ref:
                    originals.append(self._original(one, output.text))
            body = without_cache_control(raw) if seen.cache_control else raw
            frame = count_frame(seen, self.tokenizer)
            stored.append(
                Stored(
                    # A copy: a Raw of the event would keep the whole event alive for as long as the session lasts.
                    body=with_texts(body, texts) if texts else body.copy(),
                    role=seen.role,
                    before=frame + sum(m.decision.tokens_before for m in made),
                    after=frame + sum(m.decision.tokens_after for m in made),
                    digest=seen.digest,
                    refs=tuple(m.decision.ref for m in made if m.decision.ref),
                    kinds=tuple(sorted({m.decision.kind for m in made if m.decision.action == "compressed"})),
                    output=first if made else 0,
                    pointing=tuple(Pointing(m.slot, m.decision.marks, m.decision.repeats.hex()) for m in made if m.decision.marks),
                    compact=tuple(m.slot for m in made if m.decision.compact),
                )
            )
            decisions += [m for m in made if m.decision.reason != "small"]
            if learning is not None:
                learning = observe(learning, as_learnt(_as_sent(seen, made), stored[-1]))
        return Arrival(tuple(stored), open_calls, tuple(decisions), tuple(originals), outputs, learning)

    def _hints(self, tool: str, intent: str, learning: Learning | None) -> Hints:
        fields = used(learning.stats, tool, self.policy.learning) if learning is not None else frozenset[str]()
        return Hints(tool=tool, query=self.query, intent=intent, used=fields)

    def _decide(self, message: int, slot: int, text: str, hints: Hints, shown: Shown | None) -> Made:
        if message < self.frozen:
            return Made(message, slot, hints.tool, kept(text, self.tokenizer.count(text), "frozen"))
        ref = partial(reference, self.tenant, self.session_id)
        return Made(message, slot, hints.tool, compress_output(text, hints, self.policy, self.tokenizer, ref=ref, shown=shown))

    def _original(self, made: Made, text: str) -> OriginalMetric:
        return OriginalMetric(
            ref=made.decision.ref,
            session_id=self.session_id,
            event_time=self.time,
            content=text,
            tenant=self.tenant,
            tool=made.tool,
            kind=made.decision.kind,
            tokens=made.decision.tokens_before,
        )


def _as_sent(seen: View, made: Sequence[Made]) -> View:
    outputs = tuple(structs.replace(o, text=m.decision.text) for o, m in zip(seen.outputs, made, strict=True))
    return structs.replace(seen, outputs=outputs)


def said(message: View) -> str:
    """What an assistant message says, with the arguments of its calls."""
    return "\n".join((*message.texts, *(call.arguments for call in message.calls)))[-INTENT_CHARS:]


def answer(open_calls: tuple[OpenCall, ...], seen: View, index: int) -> tuple[dict[str, str], tuple[OpenCall, ...]]:
    """Match a message's results with the calls that wait for them.

    Returns the names of the tools that were answered, by call, and the calls that wait after this message. Raises RejectedEventError
    for a result without its call, and for a message that comes before all calls are answered: every provider refuses both.
    """
    left = list(open_calls)
    names: dict[str, str] = {}
    for key in seen.answers:
        found = next((c for c in left if c.key == key), None)
        if found is None:
            what = f"message {index}: a tool result for {key!r}, which no open call of the session has"
            raise RejectedEventError("messages", what, {"message": index})
        left.remove(found)
        names[key] = found.name
    if left and not seen.answers:
        what = f"message {index}: comes before the result of {left[0].name}, call {left[0].key!r}"
        raise RejectedEventError("messages", what, {"message": index})
    return names, (*left, *(OpenCall(c.key, c.name) for c in seen.calls))
