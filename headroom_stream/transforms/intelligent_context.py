"""The intelligent context: what matters least leaves until a model's limit is kept."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from msgspec import structs

from headroom_stream.config import Policy
from headroom_stream.config.transforms import IntelligentContextConfig, RollingWindowConfig
from headroom_stream.content import Hints
from headroom_stream.errors import ConfigurationError
from headroom_stream.messages import Path
from headroom_stream.relevance import BM25Scorer, Scorer
from headroom_stream.tokens import Tokenizer
from headroom_stream.transforms.conversation import Conversation, read_messages, rewritten
from headroom_stream.transforms.counting import Counting
from headroom_stream.transforms.fitting import Unit, droppable, fit
from headroom_stream.transforms.importance import scores, signals
from headroom_stream.transforms.learned import LearnedUse
from headroom_stream.transforms.outputs import compress_output, reference
from headroom_stream.transforms.result import Message, TransformResult
from headroom_stream.transforms.rolling_window import apart, check_budget, result_of, windowed


class IntelligentContextManager(Counting):
    """Keeps a model's limit by importance. `fitting` says what stays, and what happens when even that is too much.

    Where little is too much (`compress_threshold`), tool outputs are compressed first, those of the least important rounds before
    others, and rounds leave only if that is not enough. `toin` is learned use, such as a `ToolUsage`; `scorer` finds what is near to
    the query (BM25 if none is given); `policy` says how outputs are compressed.
    """

    name = "intelligent_context"

    def __init__(
        self,
        config: IntelligentContextConfig | None = None,
        *,
        toin: LearnedUse | None = None,
        scorer: Scorer | None = None,
        policy: Policy | None = None,
        tokenizer: Tokenizer | None = None,
    ) -> None:
        self.config = config or IntelligentContextConfig()
        self._toin = toin
        self._scorer = scorer or BM25Scorer()
        self._policy = policy or Policy()
        super().__init__(tokenizer)

    def apply(
        self,
        messages: Sequence[Message],
        tokenizer: Tokenizer | None = None,
        *,
        model_limit: int | None = None,
        output_buffer: int | None = None,
        query: str = "",
        frozen: int = 0,
        protected_tools: Sequence[str] = (),
        **_: Any,
    ) -> TransformResult:
        """The messages within `model_limit` less the output buffer (the argument, else the config's).

        `query` is what the agent looks for, by default what the user and the assistant said last. The first `frozen` messages stay as
        they are, and so do outputs of `protected_tools`, unless their round leaves. Raises ConfigurationError without a limit or where
        no budget is left, ValidationError for messages that no provider would take.
        """
        if model_limit is None:
            raise ConfigurationError("IntelligentContextManager.apply needs model_limit, the tokens that the model takes")
        tokenizer = self.tokenizer_for(tokenizer)
        conversation = read_messages(messages, tokenizer)
        budget = model_limit - (self.config.output_buffer_tokens if output_buffer is None else output_buffer)
        check_budget(budget)
        if not self.config.use_importance_scoring:
            window = RollingWindowConfig(preserve_system=self.config.keep_system, preserve_recent_turns=self.config.keep_last_turns)
            return windowed(conversation, window, budget, tokenizer, frozen=frozen, name=self.name)
        if conversation.total <= budget:
            return TransformResult(
                messages=conversation.messages, tokens_before=conversation.total, tokens_after=conversation.total
            )
        return self._fitted(conversation, budget, tokenizer, query, frozen, protected_tools)

    def _fitted(
        self, before: Conversation, budget: int, tokenizer: Tokenizer, query: str, frozen: int, protected_tools: Sequence[str]
    ) -> TransformResult:
        query = query or before.sought()
        units = droppable(before, keep_system=self.config.keep_system, frozen=frozen)
        other, recent = apart(before, units, self.config.keep_last_turns)
        order = [*self._least_first(before, other, query), *recent]
        conversation = before
        applied: list[str] = []
        originals: dict[str, str] = {}
        markers: list[str] = []
        if before.total - budget <= self.config.compress_threshold * budget:
            policy = _protecting(self._policy, protected_tools)
            conversation, originals, markers = _compressed(before, order, budget, tokenizer, policy, query, frozen)
            applied = [f"{self.name}:compress"] if conversation is not before else []
            order = [Unit(u.messages, sum(conversation.reads[i].tokens for i in u.messages)) for u in order]
        result = result_of(before, fit(conversation, order, budget, tokenizer, frozen=frozen), self.name)
        result.transforms_applied[:0] = applied
        result.markers_inserted[:0] = markers
        result.originals.update(originals)
        return result

    def _least_first(self, conversation: Conversation, units: Sequence[Unit], query: str) -> list[Unit]:
        """The units by importance. Signals look at all rounds, so that the last ones count as later mentions."""
        rounds = [tuple(r) for r in conversation.units()]
        within = {place for places in rounds for place in places}
        places = [*(u.messages for u in units if u.messages[0] not in within), *rounds]
        found = signals(conversation, places, self.config, query=query, scorer=self._scorer, learned=self._toin)
        by_place = {p: score for ps, score in zip(places, scores(found, self.config), strict=True) for p in ps}
        return sorted(units, key=lambda unit: (by_place[unit.messages[0]], unit.messages[0]))


def _protecting(policy: Policy, tools: Sequence[str]) -> Policy:
    return structs.replace(policy, protected_tools=(*policy.protected_tools, *tools)) if tools else policy


def _compressed(
    before: Conversation, order: Sequence[Unit], budget: int, tokenizer: Tokenizer, policy: Policy, query: str, frozen: int
) -> tuple[Conversation, dict[str, str], list[str]]:
    """The conversation with tool outputs compressed, in the order of the units, until the budget is kept; their originals and markers."""
    reads = list(before.reads)
    tools = before.tools()
    total = before.total
    originals: dict[str, str] = {}
    markers: list[str] = []
    listed = [i for unit in order for i in unit.messages]
    known = set(listed)
    rest = [i for i in range(frozen, len(reads)) if i not in known]
    for i in (*listed, *rest):
        if total <= budget:
            break
        texts: dict[Path, str] = {}
        for output, tool in zip(reads[i].view.outputs, tools[i], strict=True):
            hints = Hints(tool=tool, query=query)
            made = compress_output(output.text, hints, policy, tokenizer, ref=partial(reference, "", ""))
            if made.action == "compressed":
                texts[output.path] = made.text
                if made.ref:
                    originals[made.ref] = output.text
                    markers += [line for line in (made.text.rpartition("\n")[2],) if made.ref in line]
        if texts:
            now = rewritten(reads[i], texts, tokenizer)
            total += now.tokens - reads[i].tokens
            reads[i] = now
    return (Conversation(reads) if total != before.total else before), originals, markers
