"""What the demo's agents send is what the worker takes, in the shapes of all three providers."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from headroom_stream.demo.agent import Agent, Scenario
from headroom_stream.demo.run import require_extra
from headroom_stream.demo.scenarios import scenarios
from headroom_stream.demo.shop import Shop
from headroom_stream.errors import LocalPartError
from headroom_stream.evaluation import PolicySession
from headroom_stream.price_table import load_prices

PROVIDERS = ["openai", "anthropic", "gemini"]


def scenario_of(provider: str, shop: Shop, folder: Path) -> Scenario:
    return next(one for one in scenarios(shop, folder) if one.shape.provider == provider)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_turn_of_an_agent_gives_a_context_in_its_providers_shape(provider: str, tmp_path: Path) -> None:
    with Shop() as shop:
        scenario = scenario_of(provider, shop, tmp_path)
        agent, session, turns = Agent(scenario), PolicySession(model=scenario.model), 0
        while turn := agent.next_turn():
            session.turn(turn.messages)
            turns += 1
            assert session.context is not None
            # Until it is known by a tool result, the shape may still be another's.
            assert turns == 1 or session.context.provider == provider
            assert not [text for text in turn.outputs if text.startswith("error: ")]
    assert turns == scenario.turns
    assert session.context is not None
    assert session.context.tokens_after < 0.9 * session.context.tokens_before


def test_the_agents_models_have_prices(tmp_path: Path) -> None:
    prices = load_prices()
    with Shop() as shop:
        models = [scenario.model for scenario in scenarios(shop, tmp_path)]
    assert [prices.find(model, datetime.now(UTC).date()) is not None for model in models] == [True, True, True]


def test_an_agent_speaks_of_what_its_tools_gave(tmp_path: Path) -> None:
    with Shop() as shop:
        agent = Agent(scenario_of("openai", shop, tmp_path))
        said = []
        while turn := agent.next_turn():
            said.append(json.dumps(turn.messages[0]))
    assert any("KeyError: 'CHF'" in text for text in said)
    assert any("/orders/<id>" in text for text in said)


def test_without_the_extra_it_says_what_to_install() -> None:
    with pytest.raises(LocalPartError, match=r"pip install 'headroom-stream\[local\]' \(missing: no-such-part\)"):
        require_extra(("json", "no_such_part"))


def test_a_tool_that_fails_is_an_output_and_not_the_end(tmp_path: Path) -> None:
    with Shop() as shop:
        scenario = scenario_of("anthropic", shop, tmp_path)
        agent = Agent(scenario)
        for path in sorted(tmp_path.rglob("*.py")):
            path.unlink()
        outputs: list[str] = []
        while turn := agent.next_turn():
            outputs += turn.outputs
    assert any(text.startswith("error: FileNotFoundError") for text in outputs)
