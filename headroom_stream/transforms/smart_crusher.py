"""Long JSON tool outputs: as compact tables where that is enough, else with the items that matter, and a line on the others.

A text of JSON is written without loss first (`content.records`). Where one of its lists has more items than the cap, `crush.choose`
says which stay; items that have to stay (errors, anomalies, rare values, items that the query names, both ends) do so even if they are
more than the cap. The last line tells how many are left out and by which reference the original can be had.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from msgspec import Struct

from headroom_stream.config.crusher import RelevanceScorerConfig, SmartCrusherConfig
from headroom_stream.errors import ConfigurationError, ValidationError
from headroom_stream.messages import Path
from headroom_stream.relevance import Scorer, scorer_for
from headroom_stream.tokens import Tokenizer
from headroom_stream.transforms.conversation import Conversation, Read, is_ours, read_messages, rewritten
from headroom_stream.transforms.counting import Counting
from headroom_stream.transforms.crush.cut import cut
from headroom_stream.transforms.outputs import MIN_LOSSY_GAIN, reference
from headroom_stream.transforms.result import Message, TransformResult

_CHARS_A_TOKEN = 4
"""Where no tokenizer is given to `crush`; it only decides which texts are too small to touch."""


class CrushResult(Struct, frozen=True, kw_only=True):
    """What became of one value."""

    compressed: str
    """For the model; the original where nothing was gained."""
    original: str
    was_modified: bool
    strategy: str
    """`passthrough`, `lossless`, or the shapes of the lists that lost items, such as `time_series` or `logs+strings`."""
    removed: str = ""
    """What is left out: `412 of 500 items of results`."""
    ref: str = ""
    """Name of the original, as the compressed text has it. Keep the original under it, and nothing is lost."""


class SmartCrusher(Counting):
    """Crushes JSON values, and the tool outputs of conversations.

    The scorer is `scorer`, else that of `relevance_config`, else the configuration's `relevance_tier`. `ref` names originals; by
    default after their content.
    """

    name = "smart_crusher"

    def __init__(
        self,
        config: SmartCrusherConfig | None = None,
        relevance_config: RelevanceScorerConfig | None = None,
        scorer: Scorer | None = None,
        *,
        ref: Callable[[str], str] | None = None,
        tokenizer: Tokenizer | None = None,
    ) -> None:
        self.config = config or SmartCrusherConfig()
        self.relevance_config = relevance_config
        self._scorer = scorer
        self._ref = ref or partial(reference, "", "")
        super().__init__(tokenizer)

    def default_scorer(self, config: RelevanceScorerConfig) -> Scorer:
        """The scorer of a configuration. Loading a model reads files, which the core does not do: here there is none."""
        return scorer_for(config)

    def crush(
        self,
        data: Any = None,
        query: str = "",
        bias: float = 1.0,
        *,
        content: str | None = None,
        tokenizer: Tokenizer | None = None,
    ) -> CrushResult:
        """A dict, a list or a JSON text in its short form. `content` is the original's word for a text.

        `query` is what the agent looks for; `bias` above 1 keeps more items, below 1 fewer. Texts that are no JSON, and such as would
        not get shorter, come back as they are. Values that JSON has no word for, such as dates, are written as their text. Raises
        ValidationError for what cannot be written at all, such as a list that holds itself, and ConfigurationError where the
        configuration asks for a scorer that is not there.
        """
        if not 0 < bias < math.inf:
            raise ConfigurationError(f"bias is a number above 0, not {bias}")
        if content is not None:
            data = content
        text = data if isinstance(data, str) else _as_json(data)
        tokenizer = tokenizer or self._tokenizer
        count = tokenizer.count if tokenizer is not None else lambda content: len(content) // _CHARS_A_TOKEN
        kept = CrushResult(compressed=text, original=text, was_modified=False, strategy="passthrough")
        before = count(text)
        if not self.config.enabled or before < self.config.min_tokens_to_crush:
            return kept
        scorer, threshold = self._scorer_and_threshold()
        made = cut(text, query, self.config, scorer, threshold=threshold, bias=bias)
        if made is None:
            return kept
        if not made.removed:
            shorter = count(made.text) < before
            return CrushResult(compressed=made.text, original=text, was_modified=True, strategy="lossless") if shorter else kept
        ref = self._ref(text)
        shown = f"{made.text}\n[{made.removed} left out, original {ref}]"
        if count(shown) > before - MIN_LOSSY_GAIN:
            return kept
        return CrushResult(
            compressed=shown, original=text, was_modified=True, strategy="+".join(made.shapes), removed=made.removed, ref=ref
        )

    def apply(
        self,
        messages: Sequence[Message],
        tokenizer: Tokenizer | None = None,
        *,
        query: str = "",
        frozen: int = 0,
        protected_tools: Sequence[str] = (),
        **_: Any,
    ) -> TransformResult:
        """The messages with their JSON tool outputs crushed; everything else stays byte for byte.

        Without a `query`, an output is crushed for the user's message before it and the arguments of the call that it answers, so that
        later messages never change it. The first `frozen` messages and the outputs of `protected_tools` stay as they are.
        """
        tokenizer = self.tokenizer_for(tokenizer)
        before = read_messages(messages, tokenizer)
        if not self.config.enabled:
            return TransformResult(messages=before.messages, tokens_before=before.total, tokens_after=before.total)
        markers: list[str] = []
        originals: dict[str, str] = {}
        after: list[Read] = []
        question = ""
        arguments: dict[str, str] = {}
        for at, (read, tools) in enumerate(zip(before.reads, before.tools(), strict=True)):
            if read.role == "user" and read.view.texts and not is_ours(read.view):
                question = "\n".join(read.view.texts)
            texts: dict[Path, str] = {}
            for output, tool in zip(read.view.outputs, tools, strict=True):
                if at < frozen or tool in protected_tools:
                    continue
                asked = query or f"{question}\n{arguments.get(output.key, '')}"
                made = self.crush(output.text, asked, tokenizer=tokenizer)
                if made.was_modified:
                    texts[output.path] = made.compressed
                if made.ref:
                    markers.append(made.compressed.rsplit("\n", 1)[1])
                    originals[made.ref] = made.original
            after.append(rewritten(read, texts, tokenizer) if texts else read)
            arguments.update((call.key, call.arguments) for call in read.view.calls)
        changed = any(new is not old for new, old in zip(after, before.reads, strict=True))
        conversation = Conversation(after)
        return TransformResult(
            messages=conversation.messages,
            tokens_before=before.total,
            tokens_after=conversation.total,
            transforms_applied=[self.name] if changed else [],
            markers_inserted=markers,
            originals=originals,
        )

    def _scorer_and_threshold(self) -> tuple[Scorer, float | None]:
        given = self.relevance_config
        threshold = given.relevance_threshold if given is not None else None
        if self._scorer is not None:
            return self._scorer, threshold
        config = given or RelevanceScorerConfig(scorer_type=self.config.relevance_tier)
        return self.default_scorer(config), threshold


def _as_json(data: Any) -> str:
    try:
        return json.dumps(data, ensure_ascii=False, default=str)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValidationError(f"data can't be written as JSON: {error}; its keys have to be texts or numbers") from error
