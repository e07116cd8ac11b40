"""Every Python example of the API page that HEADROOM_API_PAGE names, as it is written there, one after the other.

`test_calls` has the same calls in words of ours, for machines that do not have the page.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headroom_stream import RelevanceScore, RollingWindowConfig, SimulationResult, ToolUsage, load_tokenizer
from headroom_stream.config import CacheAlignerConfig, IntelligentContextConfig
from headroom_stream.learning import UsageStats
from headroom_stream.relevance import BM25Scorer
from tests.api.conversation import ORDERS, conversation
from tests.api.machine import machine
from tests.api.page import run, snippets
from tests.support.provider_stub import Reply

PATH = os.environ.get("HEADROOM_API_PAGE")
Names = dict[str, Any]


def scored(names: Names) -> bool:
    return [isinstance(each, RelevanceScore) and 0 <= each.score <= 1 for each in names["scores"]] == [True, True]


AFTER: dict[str, Callable[[Names], bool]] = {
    "client = HeadroomClient": lambda n: n["client"].mode == "optimize",
    "response = client": lambda n: n["response"].choices[0].message.content == "It was W0137.",
    "plan = client": lambda n: (
        isinstance(n["plan"], SimulationResult) and n["plan"].savings_percent > 20 and n["plan"].transforms_applied == ["records"]
    ),
    "stats = client": lambda n: n["stats"].keys() >= {"session", "config", "transforms"},
    "metrics = client": lambda n: [row.model for row in n["metrics"]] == ["gpt-4o", "gpt-4o"],
    "summary = client": lambda n: (
        n["summary"]["total_requests"] == 2
        and min(n["summary"][key] for key in ("total_tokens_saved", "avg_compression_ratio", "total_cost_saved_usd")) > 0
    ),
    "result = client": lambda n: n["result"]["valid"] and n["result"]["issues"] == [],
    "config = SmartCrusherConfig": lambda n: n["config"].max_items_after_crush == 50,
    "config = CacheAlignerConfig": lambda n: n["config"] == CacheAlignerConfig(),
    "config = RollingWindowConfig": lambda n: n["config"] == RollingWindowConfig(),
    "config = IntelligentContextConfig(\n    enabled": lambda n: n["config"] == IntelligentContextConfig(enabled=True),
    "config = HeadroomConfig": lambda n: n["config"].rolling_window.preserve_recent_turns == 3,
    "provider = OpenAIProvider": lambda n: (n["tokens"], n["limit"], n["cost"]) == (4, 128_000, 0.0075),
    "provider = AnthropicProvider": lambda n: n["tokens"] == 42,
    "provider = GoogleProvider": lambda n: n["provider"].name == "google",
    "scorer = create_scorer": lambda n: n["scorer"].alpha == 0.7 and n["scorer"].embedding_scorer is not None,
    "scorer = BM25Scorer": scored,
    "scorer = EmbeddingScorer": lambda n: scored(n) and n["scorer"].model == "all-MiniLM-L6-v2",
    "scorer = HybridScorer": lambda n: scored(n) and isinstance(n["scorer"].bm25_scorer, BM25Scorer),
    "crusher = SmartCrusher": lambda n: n["result"].was_modified,
    "aligner = CacheAligner": lambda n: "2026-03-04" not in n["result"].messages[0]["content"],
    "window = RollingWindow": lambda n: 0 < n["result"].tokens_after <= 100_000,
    "manager = IntelligentContextManager": lambda n: 0 < n["result"].tokens_after <= 128_000,
    "pipeline = TransformPipeline": lambda n: n["result"].tokens_after < n["result"].tokens_before / 2,
    "tokenizer = Tokenizer": lambda n: n["tokens"] > 10_000,
    "report = generate_report": lambda n: n["report"].startswith("<!doctype html>") and "gpt-4o" in n["report"],
}
"""By a piece of each example: what holds after it ran."""


@pytest.mark.skipif(PATH is None, reason="HEADROOM_API_PAGE names no page")
@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")
def test_every_example_of_the_page_runs_and_does_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = Path(PATH or "").read_text(encoding="utf-8")
    examples = snippets(page)
    assert sum(code.count("\nfrom headroom") + code.startswith("from headroom") for code in examples) == page.count(
        "\nfrom headroom"
    )
    checks = dict(AFTER)
    given: Names = {
        "messages": conversation(3),
        "records": ORDERS,
        "items": ["item 1", "item 2"],
        "query": "item",
        "config": RollingWindowConfig(),
        "toin": ToolUsage(UsageStats()),
        "tokenizer": load_tokenizer(),
    }
    names: Names = {}
    with machine(tmp_path, monkeypatch) as stub:
        stub.reply("It was W0137.")
        for code in examples:
            names |= given
            if "count_messages(messages)  # Accurate count via API" in code:
                names["messages"] = [{"role": "user", "content": "Which orders were lost?"}]
            run(code, names)
            (piece,) = (piece for piece in checks if piece in code)
            assert checks.pop(piece)(names), code
        assert checks == {}
        # The call of the page, streamed.
        stub.reply(Reply("It was W0137.", pieces=5))
        (call,) = (code for code in examples if code.startswith("response = client"))
        run(call.replace("headroom_mode", "stream=True, headroom_mode"), names := names | given)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in names["response"]) == "It was W0137."
        assert "headroom" not in str([request.body.keys() for request in stub.requests])
        names["client"].close()
    assert "Transforms: ['records']" in capsys.readouterr().out
