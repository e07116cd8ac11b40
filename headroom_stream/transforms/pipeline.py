"""Transforms one after the other, each of which may fail or gain nothing without harm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, field, structs

from headroom_stream.config.transforms import HeadroomConfig
from headroom_stream.errors import ConfigurationError
from headroom_stream.results import MessageDecision
from headroom_stream.tokens import Tokenizer
from headroom_stream.transforms.cache_aligner import CacheAligner
from headroom_stream.transforms.conversation import Conversation, read_messages
from headroom_stream.transforms.counting import Counting, Remembering
from headroom_stream.transforms.intelligent_context import IntelligentContextManager
from headroom_stream.transforms.learned import LearnedUse
from headroom_stream.transforms.result import (
    CachePrefixMetrics,
    Clock,
    DiffArtifact,
    Message,
    Transform,
    TransformDiff,
    TransformResult,
)
from headroom_stream.transforms.rolling_window import RollingWindow
from headroom_stream.transforms.smart_crusher import SmartCrusher
from headroom_stream.waste import waste_signals


class Call(Struct, frozen=True, kw_only=True):
    """What is known of one call."""

    tokenizer: Tokenizer
    options: dict[str, Any]
    frozen: int
    protected: frozenset[str]


class Step(Struct, kw_only=True):
    """What has come about so far."""

    current: Conversation
    applied: list[str] = field(default_factory=list)
    markers: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    originals: dict[str, str] = field(default_factory=dict)
    removed: int = 0
    units: int = 0
    metrics: CachePrefixMetrics | None = None
    timing: dict[str, float] = field(default_factory=dict)
    diffs: list[TransformDiff] = field(default_factory=list)


class TransformPipeline(Counting):
    """Runs transforms in order.

    `given` is a list of them or a `HeadroomConfig` that says which; `transforms` and `config` are the same by their names. Without a
    list they are the config's, without a config the default one's. `clock` gives seconds for the result's timings; `toin` is learned
    use for the config's intelligent context. Raises ConfigurationError where one of them is given twice.
    """

    def __init__(
        self,
        given: Sequence[Transform] | HeadroomConfig | None = None,
        /,
        *,
        transforms: Sequence[Transform] | None = None,
        config: HeadroomConfig | None = None,
        tokenizer: Tokenizer | None = None,
        clock: Clock | None = None,
        toin: LearnedUse | None = None,
    ) -> None:
        twice = config if isinstance(given, HeadroomConfig) else transforms
        if given is not None and twice is not None:
            raise ConfigurationError("TransformPipeline: config or transforms are given twice")
        if isinstance(given, HeadroomConfig):
            config = given
        elif given is not None:
            transforms = given
        self.config = config or HeadroomConfig()
        self.transforms: list[Transform] = self.transforms_of(self.config, toin) if transforms is None else list(transforms)
        super().__init__(tokenizer)
        self._clock = clock

    def tokenizer_of(self, model: str) -> Tokenizer:  # noqa: ARG002 - for those who know models
        """The tokenizer of calls that bring none."""
        return self.tokenizer_for(None)

    def transforms_of(self, config: HeadroomConfig, toin: LearnedUse | None) -> list[Transform]:
        """The transforms that a config asks for: the prompt made stable, tool outputs crushed, the budget kept."""
        out: list[Transform] = []
        if config.cache_aligner.enabled:
            out.append(CacheAligner(config.cache_aligner))
        if config.smart_crusher.enabled:
            out.append(SmartCrusher(config.smart_crusher))
        if config.intelligent_context.enabled:
            out.append(IntelligentContextManager(config.intelligent_context, toin=toin))
        elif config.rolling_window.enabled:
            out.append(RollingWindow(config.rolling_window))
        return out

    def transform(
        self,
        messages: Sequence[Message],
        *,
        model: str = "",
        model_limit: int | None = None,
        output_buffer: int | None = None,
        query: str = "",
        tool_profiles: Mapping[str, Mapping[str, Any]] | None = None,
        frozen_message_count: int = 0,
        request_id: str = "",
        tokenizer: Tokenizer | None = None,
    ) -> TransformResult:
        """The messages after all transforms.

        `model_limit`: tokens that the model takes, else the config's for `model`. `query`: what the agent looks for; without it each
        transform looks for it in the messages. `tool_profiles`: `{"tool": {"skip_compression": True}}` leaves the outputs of a tool
        as they are. `frozen_message_count`: leading messages that stay as they are, because a provider has them in its cache.
        `request_id` names the diff.

        A transform that raises, enlarges the context, or touches what is frozen changes nothing, and a warning says so. Raises
        ConfigurationError for options that make no sense, ValidationError for messages that no provider would take.
        """
        tokenizer = Remembering(tokenizer or self.tokenizer_of(model))
        if model_limit is None:
            model_limit = self.config.model_context_limits.get(model)
        if output_buffer is None:
            output_buffer = self.config.output_buffer_tokens
        protected = protected_tools(tool_profiles or {})
        start = read_messages(messages, tokenizer)
        options = {
            "model_limit": model_limit,
            "output_buffer": output_buffer,
            "query": query,
            "frozen": frozen_message_count,
            "protected_tools": tuple(sorted(protected)),
        }
        call = Call(tokenizer=tokenizer, options=options, frozen=frozen_message_count, protected=protected)
        step = Step(current=start)
        for transform in self.transforms:
            self._run(transform, call, step)
        diff = DiffArtifact(
            request_id=request_id, original_tokens=start.total, optimized_tokens=step.current.total, transforms=tuple(step.diffs)
        )
        return TransformResult(
            messages=step.current.messages,
            tokens_before=start.total,
            tokens_after=step.current.total,
            transforms_applied=step.applied,
            markers_inserted=step.markers,
            warnings=step.warnings,
            originals=step.originals,
            messages_removed=step.removed,
            units_removed=step.units,
            cache_metrics=step.metrics,
            diff_artifact=diff if self.config.generate_diff_artifact else None,
            timing=step.timing,
            waste_signals=waste_signals([read.view for read in start.reads], tokenizer),
            message_decisions=_decisions(start, step.current),
        )

    def apply(self, messages: Sequence[Message], model: str = "", *, context: str = "", **options: Any) -> TransformResult:
        """`transform`, under the original's name; `context` is its word for `query`."""
        if context:
            options["query"] = context
        return self.transform(messages, model=model, **options)

    def _run(self, transform: Transform, call: Call, step: Step) -> None:
        """One transform: what it did goes into `step`, or the reason why nothing does."""
        before, name = step.current, transform.name
        began = self._clock() if self._clock else 0.0
        try:
            result = transform.apply(before.messages, call.tokenizer, **call.options)
        except ConfigurationError:
            raise
        except Exception as error:  # noqa: BLE001 - a fault in a transform must not cost the caller the call: the messages go as they are
            step.warnings.append(f"{name} failed and changed nothing: {type(error).__name__}: {error}")
            return
        duration = 1000 * (self._clock() - began) if self._clock else None
        if duration is not None:
            step.timing[name] = step.timing.get(name, 0.0) + duration
        step.warnings += [f"{name}: {warning}" for warning in result.warnings]
        step.metrics = result.cache_metrics or step.metrics
        if not result.transforms_applied:
            return
        result = restored(before, result, call)
        refusal = self._refusal(transform, before, result, call.frozen)
        if refusal:
            step.warnings.append(f"{name} {refusal} and changed nothing")
            return
        step.current = read_messages(result.messages, call.tokenizer)
        step.applied += result.transforms_applied
        step.markers += result.markers_inserted
        step.originals.update(result.originals)
        step.removed += result.messages_removed
        step.units += result.units_removed
        step.diffs.append(
            TransformDiff(
                transform_name=name,
                tokens_before=before.total,
                tokens_after=step.current.total,
                items_removed=result.messages_removed,
                items_kept=len(before.reads) - result.messages_removed,
                details=", ".join(result.transforms_applied),
                duration_ms=duration,
            )
        )

    @staticmethod
    def _refusal(transform: Transform, before: Conversation, result: TransformResult, frozen: int) -> str:
        if result.tokens_after > before.total and not getattr(transform, "may_add_tokens", False):
            return "would have enlarged the context"
        if result.messages[:frozen] != before.messages[:frozen]:
            return "touched messages that are frozen"
        return ""


def _decisions(before: Conversation, after: Conversation) -> list[MessageDecision]:
    """What became of each message, where they are as many as came."""
    if len(before.reads) != len(after.reads):
        return []
    return [
        MessageDecision(
            message_index=i,
            role=old.role,
            tokens_before=old.tokens,
            tokens_after=new.tokens,
            action="kept" if bytes(old.raw) == bytes(new.raw) else "compressed",
        )
        for i, (old, new) in enumerate(zip(before.reads, after.reads, strict=True))
    ]


def protected_tools(profiles: Mapping[str, Mapping[str, Any]]) -> frozenset[str]:
    """Tools whose outputs are left alone. Raises ConfigurationError for a profile that says anything else."""
    out: set[str] = set()
    for tool, profile in profiles.items():
        unknown = sorted(profile.keys() - {"skip_compression"})
        if unknown:
            raise ConfigurationError(f"tool_profiles[{tool!r}] has no {', '.join(unknown)}; it has skip_compression")
        if profile.get("skip_compression"):
            out.add(tool)
    return frozenset(out)


def restored(before: Conversation, result: TransformResult, call: Call) -> TransformResult:
    """The result with what it must not change put back, where it has a message for every message that came."""
    if len(result.messages) != len(before.reads) or not (call.frozen or call.protected):
        return result
    tools = before.tools()
    keep = [i for i in range(len(tools)) if i < call.frozen or call.protected.intersection(tools[i])]
    messages = list(result.messages)
    for i in keep:
        messages[i] = before.messages[i]
    if messages == result.messages:
        return result
    after = read_messages(messages, call.tokenizer)
    text = "\n".join(r.view.text for r in after.reads)
    return structs.replace(
        result,
        messages=messages,
        tokens_after=after.total,
        transforms_applied=result.transforms_applied if messages != before.messages else [],
        markers_inserted=[m for m in result.markers_inserted if m in text],
    )
