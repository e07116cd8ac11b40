"""Messages in, messages to send out: what the client, the gateway and `compress` have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct, structs

from headroom_stream.config import merge
from headroom_stream.engine.conversations import Conversation, Conversations, hashes_of
from headroom_stream.engine.encode import encoded
from headroom_stream.engine.originals import Originals
from headroom_stream.engine.sessions import Reply, Sessions, Transport
from headroom_stream.errors import CompressionError, ConfigurationError
from headroom_stream.events import ContextBatch, Metric, Provider, TurnEvent
from headroom_stream.messages import view
from headroom_stream.results import CompressResult, MessageDecision, WasteSignals
from headroom_stream.retrieval import passages
from headroom_stream.tokens import PER_CONTEXT, count_message
from headroom_stream.waste import Waste

MAX_PASSAGES = 2_000
"""Tokens of the passages that a search within an original brings back."""
STATELESS = "-"
"""Session of calls that have none. Originals are named by session and text, so the same text has the same name in every such call."""
WAITING = "calls wait for their results, and no provider takes messages that end so"


class Call(Struct, frozen=True, kw_only=True):
    """What a caller may say beside the messages."""

    model: str = ""
    session: str | None = None
    """None: the session that the messages go on with."""
    tenant: str = ""
    shape: Provider | None = None
    """Of the messages; None: as they show."""
    query: str | None = None
    max_tokens: int | None = None
    """Budget of the context."""
    keep_turns: int | None = None
    tool_profiles: Mapping[str, Mapping[str, Any]] = {}
    """By a tool's name or a pattern of names, as a `ToolProfile`: `{"bash": {"skip_compression": True}}`."""
    frozen_messages: int = 0
    """Messages at the start that stay as they came."""
    frozen_tokens: int = 0
    """The same, as the tokens of those messages: one that lies in them in part stays too."""
    policy: Mapping[str, Any] = {}
    """Further changes to the policy."""

    def changes(self) -> dict[str, Any] | None:
        """What differs from the policy; None: nothing. Raises ConfigurationError for options that make no sense."""
        out: dict[str, Any] = {}
        if self.max_tokens is not None:
            if self.max_tokens < 1:
                raise ConfigurationError(f"a budget of {self.max_tokens} tokens holds nothing")
            out["window"] = {"max_tokens": self.max_tokens}
        if self.keep_turns is not None:
            # The last round always stays as long as the budget can hold it.
            out.setdefault("window", {})["keep_last_turns"] = max(1, self.keep_turns)
        if self.frozen_messages:
            out["frozen_messages"] = self.frozen_messages
        if self.tool_profiles:
            out["profiles"] = [{"tools": tool, **profile} for tool, profile in self.tool_profiles.items()]
        return merge(out, dict(self.policy)) or None


class Prepared(Struct, frozen=True, kw_only=True):
    """Messages to send, and what is known of them."""

    result: CompressResult
    reply: Reply
    waste: WasteSignals
    """Of all messages of the call."""
    blocks: dict[str, int]
    """Tokens of all messages of the call, by what holds them."""

    @property
    def context(self) -> ContextBatch | None:
        """As it is on the wire."""
        return self.reply.context


class Compressor:
    """Compresses the messages of calls.

    Turns go through `transport`; by default through `sessions`, which also serves calls without a session. Originals of what is left
    out in this process are kept in `originals`; `emit` gets the rows of each turn of a session that is kept here.
    """

    def __init__(
        self,
        sessions: Sessions | None = None,
        *,
        transport: Transport | None = None,
        originals: Originals | None = None,
        emit: Callable[[str, Sequence[Metric]], None] | None = None,
    ) -> None:
        self._emit = emit
        self.sessions = sessions or Sessions()
        self.transport: Transport = self.sessions if transport is None else transport
        self.originals = Originals() if originals is None else originals
        self._conversations = Conversations()

    def compress(self, messages: Sequence[Any], call: Call | None = None, *, diagnostics: bool = False) -> Prepared:
        """The messages of a call that belongs to no session. Equal calls have equal answers."""
        call = call or Call()
        raws = encoded(messages)
        if not raws:
            return _empty(call)
        if _waits(raws):
            return self._waiting(messages, raws, Conversation(STATELESS))
        event = self._event(self._frozen(call, raws), STATELESS, history=raws)
        reply = self.sessions.preview(event)
        waste = Waste(self.sessions.tokenizer)
        self._count(waste, raws, 0, reply)
        result = self._result(messages, raws, reply, Conversation(STATELESS))
        if diagnostics:
            result = structs.replace(result, diagnostics=self._diagnostics(raws, reply))
        return Prepared(result=result, reply=reply, waste=waste.signals, blocks=waste.blocks)

    def turn(self, messages: Sequence[Any], call: Call | None = None, *, preview: bool = False) -> Prepared:
        """The messages of a call, given with all that came before them, as the next turn of their session.

        Only what is new costs time. Messages may be given as JSON, all of them as `Raw`; then those to send are `Raw` as well, and what
        did not change has the bytes that came. With `preview` the session stays as it is. Raises RejectedEventError for messages that no
        provider takes, ConfigurationError for options that make no sense, TransportError where a worker should answer and does not.
        """
        call = call or Call()
        raws = encoded(messages)
        if not raws:
            return _empty(call)
        call = self._frozen(call, raws)
        hashes = hashes_of(raws)
        conversation = self._conversations.find(hashes, session=call.session, tenant=call.tenant)
        with conversation.lock:
            if _waits(raws):
                return self._waiting(messages, raws, conversation)
            known = conversation.known(hashes)
            if preview:
                return self._preview(messages, raws, call, conversation, known)
            reply = self._told(raws, call, conversation, known)
            conversation.usage = None
            if self._emit is not None and reply.metrics:
                self._emit(conversation.session_id, reply.metrics)
            if known is None or conversation.waste is None:
                known, conversation.waste = 0, Waste(self.sessions.tokenizer)
            self._count(conversation.waste, raws, known, reply)
            result = self._result(messages, raws, reply, conversation)
            conversation.sent = _remembered(result.messages)
            conversation.transforms = tuple(result.transforms_applied)
            conversation.prefix_hash = reply.context.prefix_hash if reply.context else ""
            self._conversations.advanced(conversation, hashes, tenant=call.tenant)
            waste = conversation.waste
            return Prepared(result=result, reply=reply, waste=waste.signals, blocks=dict(waste.blocks))

    def retrieve(self, ref: str, query: str | None = None, *, tenant: str | None = None) -> str:
        """What was left out under a name, whole or the passages that a query is about. Raises CacheError if it is not here."""
        content = self.originals.get(ref, query=query or "", tenant=tenant).original.content
        if query is None:
            return content
        found = passages(content, query, max_tokens=MAX_PASSAGES, count=self.sessions.tokenizer.count)
        return "\n…\n".join(one.text for one in found)

    def report(self, session: str, usage: Mapping[str, Any]) -> None:
        """Note what the provider reported for the last call of a session; its next turn says it on."""
        if (found := self._conversations.get(session)) is not None:
            found.usage = dict(usage)

    def forget(self, session: str) -> None:
        """Forget a session of this process."""
        self._conversations.forget(session)
        self.sessions.forget(session)

    def tidy(self) -> None:
        """Forget what is known of sessions that are no longer kept here, which would otherwise outlive them by far."""
        self._conversations.keep(self.sessions.knows)

    def _frozen(self, call: Call, raws: list[Raw]) -> Call:
        """The call with its frozen tokens as messages. Looks at no more of them than it needs."""
        left, count = call.frozen_tokens, 0
        while left > 0 and count < len(raws):
            left -= count_message(view(raws[count], count), self.sessions.tokenizer)
            count += 1
        return structs.replace(call, frozen_messages=max(count, call.frozen_messages), frozen_tokens=0)

    def _preview(
        self, messages: Sequence[Any], raws: list[Raw], call: Call, conversation: Conversation, known: int | None
    ) -> Prepared:
        here = known is not None and self.sessions.knows(conversation.session_id)
        event = self._event(call, conversation.session_id, messages=raws[known:]) if here else None
        reply = self.sessions.preview(event or self._event(call, conversation.session_id, history=raws))
        waste = Waste(self.sessions.tokenizer)
        self._count(waste, raws, 0, reply)
        result = self._result(messages, raws, reply, conversation)
        return Prepared(result=result, reply=reply, waste=waste.signals, blocks=waste.blocks)

    def _told(self, raws: list[Raw], call: Call, conversation: Conversation, known: int | None) -> Reply:
        """The reply to what is new, or to the whole history where the session is not what it was."""
        session = conversation.session_id
        if known and self.transport.knows(session):
            reply = self.transport.turn(self._event(call, session, messages=raws[known:], usage=conversation.usage))
            # A worker may have lost or closed the session, or somebody else may have gone on with it: then its context is not ours.
            if reply.context is None or reply.context.parent_hash == conversation.prefix_hash:
                return reply
        return self.transport.turn(self._event(call, session, history=raws, usage=conversation.usage))

    @staticmethod
    def _event(
        call: Call,
        session: str,
        *,
        messages: list[Raw] | None = None,
        history: list[Raw] | None = None,
        usage: dict[str, Any] | None = None,
    ) -> TurnEvent:
        return TurnEvent(
            session_id=session,
            tenant=call.tenant,
            model=call.model,
            provider=call.shape,
            messages=messages,
            history=history,
            query=call.query,
            policy=call.changes(),
            usage=usage,
        )

    def _count(self, waste: Waste, raws: list[Raw], known: int, reply: Reply) -> None:
        """Count what is new, and keep what was left out of it."""
        saved = {(row.message, row.slot): row.tokens_before - row.tokens_after for row in reply.decisions}
        counted = {(row.message, row.slot): row.tokens_before for row in reply.decisions}
        waste.add([view(raw, i) for i, raw in enumerate(raws[known:], known)], first=known, saved=saved, counted=counted)
        self.originals.add(reply.originals, {row.ref: row.tokens_after for row in reply.decisions if row.ref})

    def _result(self, messages: Sequence[Any], raws: list[Raw], reply: Reply, conversation: Conversation) -> CompressResult:
        context = reply.context
        if context is None:
            raise CompressionError("a turn has no context", {"session": conversation.session_id})
        # A context tells of its new messages; those before them were changed too.
        before = conversation.transforms if context.parent_hash == conversation.prefix_hash else ()
        return CompressResult(
            messages=_sent(messages, raws, context, conversation),
            tokens_before=context.tokens_before,
            tokens_after=context.tokens_after,
            transforms_applied=sorted({*before, *context.transforms}),
            refs=[reference.ref for reference in context.references],
            lossless=not context.references,
            reverted_messages=len({row.message for row in reply.decisions if row.action == "failed"}),
            cache_breakpoints=context.cache_breakpoints,
            over_budget=context.over_budget,
            session_id=conversation.session_id,
        )

    def _waiting(self, messages: Sequence[Any], raws: list[Raw], conversation: Conversation) -> Prepared:
        """Messages that end in calls go as they came. The session is told of them when their results are there."""
        waste = Waste(self.sessions.tokenizer)
        views = [view(raw, i) for i, raw in enumerate(raws)]
        waste.add(views)
        count = PER_CONTEXT + sum(count_message(one, self.sessions.tokenizer) for one in views)
        result = CompressResult(
            messages=list(messages), tokens_before=count, tokens_after=count, session_id=conversation.session_id, error=WAITING
        )
        return Prepared(result=result, reply=Reply(context=None), waste=waste.signals, blocks=waste.blocks)

    def _diagnostics(self, raws: list[Raw], reply: Reply) -> list[MessageDecision] | None:
        """What became of each message; None where a window left some out."""
        context = reply.context
        if context is None or context.message_count != len(raws):
            return None
        tokenizer = self.sessions.tokenizer
        actions = {row.message: f"{row.action}:{row.kind or row.reason}".rstrip(":") for row in reply.decisions}
        out = []
        for i, (raw, sent) in enumerate(zip(raws, context.messages, strict=True)):
            seen = view(raw, i)
            before = count_message(seen, tokenizer)
            after = before if bytes(raw) == bytes(sent) else count_message(view(sent, i), tokenizer)
            action = actions.get(i, "kept")
            out.append(MessageDecision(message_index=i, role=seen.role, tokens_before=before, tokens_after=after, action=action))
        return out


def _waits(raws: Sequence[Raw]) -> bool:
    """Whether the last calls of the messages lack results."""
    answered: set[str] = set()
    for i in range(len(raws) - 1, -1, -1):
        seen = view(raws[i], i)
        if seen.role == "assistant":
            return any(call.key not in answered for call in seen.calls)
        answered.update(seen.answers)
    return False


def _sent(messages: Sequence[Any], raws: list[Raw], context: ContextBatch, conversation: Conversation) -> list[Any]:
    """The messages of a context: the caller's own objects where nothing changed in them. Of JSON, the JSON of the context.

    JSON of a caller may be a part of its whole request, which would be held as long as the message is.
    """
    start = context.messages_from
    if context.parent_hash == conversation.prefix_hash and len(conversation.sent) >= context.first_changed_index:
        out = conversation.sent[: context.first_changed_index]
    elif start:
        raise CompressionError("a context came in part, and the part before it is not known", {"session": context.session_id})
    else:
        out = []
    if isinstance(messages[0], Raw):
        return [*out, *context.messages[len(out) - start :]]
    whole = context.message_count == len(raws)
    for i in range(len(out), context.message_count):
        body = context.messages[i - start]
        if whole and bytes(body) == bytes(raws[i]):
            out.append(messages[i])
        else:
            out.append(msgspec.json.decode(body))
    return out


def _remembered(messages: list[Any]) -> list[Any]:
    """What to keep of a context to answer with the same objects again. JSON is in the session already, and its bytes are the same."""
    return [] if messages and isinstance(messages[0], Raw) else list(messages)


def _empty(call: Call) -> Prepared:
    """No messages: nothing to send."""
    result = CompressResult(messages=[], tokens_before=0, tokens_after=0, session_id=call.session or "")
    return Prepared(result=result, reply=Reply(context=None), waste=WasteSignals(), blocks={})
