"""Agreement with the scorer that defines these measures, where HEADROOM_SCORING names the directory that holds it and its data."""

from __future__ import annotations

import importlib
import json
import math
import os
from typing import Any

import pytest

from headroom_stream.evaluation import policy
from headroom_stream.evaluation.bill import RATES
from headroom_stream.evaluation.conversation import Conversation
from headroom_stream.evaluation.measure import measure
from headroom_stream.evaluation.reading import Reading
from headroom_stream.evaluation.tally import score
from headroom_stream.tokenizers import load_tokenizer
from tests.evaluation.talk import View, raws

FOLDER = os.environ.get("HEADROOM_SCORING", "")
PER_SET = 6
FIGURES = (
    *("turns", "saved", "tool_saved", "peak_saved", "recall", "first_use", "in_context", "in_context_later", "phrases"),
    *("prefix_cached", "prefix_cached_full", "rewrites", "refetches", "touched", "invalid"),
)

pytestmark = pytest.mark.skipif(not FOLDER, reason="HEADROOM_SCORING names no scorer")


@pytest.fixture
def scorer(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module


@pytest.mark.parametrize("name", ["policy", "head(1000)", "clear_old(5)", "window(6)"])
def test_every_figure_is_the_scorers(name: str, scorer: Any) -> None:
    common, naive, trajectories = scorer("common"), scorer("naive"), scorer("trajectories")
    assert trajectories.encoder(), "both have to count by the same ranks"
    tokenizer = load_tokenizer()
    view = None if name == "policy" else eval(name, vars(naive))
    sets = 0
    for family in common.sets():
        rows = [row for row in common.rows(family) if "messages" in row]
        rows = rows[:: max(1, len(rows) // PER_SET)][:PER_SET]
        if not rows:
            continue
        sets += 1
        theirs = trajectories.summarise(trajectories.evaluate(rows, trajectories.stateless(view) if view else policy))
        conversations = [Conversation(id=row["id"], family=family, messages=raws(row["messages"])) for row in rows]
        tallies = [measure(Reading(one, tokenizer), View(view) if view else policy()).tally for one in conversations]
        ours = {figure: getattr(score(tallies, RATES["anthropic"]), figure) for figure in FIGURES}
        for prices, rates in RATES.items():
            ours |= {
                f"net_saved_{prices}": score(tallies, rates).net_saved,
                f"cost_saved_{prices}": score(tallies, rates).cost_saved,
            }
        for figure, value in ours.items():
            expected = theirs[figure]
            same = math.isnan(expected) if value is None else math.isclose(value, expected, abs_tol=1e-6)
            assert same, json.dumps([family, figure, value, expected])
    assert sets
