"""An agent whose decisions are written down beforehand and whose tools really run."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from subprocess import SubprocessError

from msgspec import Struct

from headroom_stream.demo.shapes import Message, Shape, Step

Script = Generator[Step, list[str], None]
"""Yields steps and is sent the outputs of their calls, so that it can speak of what it saw."""


class Scenario(Struct, frozen=True, kw_only=True):
    """What an agent is there for."""

    name: str
    title: str
    model: str
    shape: Shape
    system: str
    task: str
    tools: Mapping[str, Callable[..., str]]
    script: Callable[[], Script]
    turns: int
    """How many turns the script has, the opening among them: the length of the progress bar."""


class Turn(Struct, frozen=True, kw_only=True):
    """The new messages of a turn, and what the tools gave."""

    number: int
    messages: list[Message]
    tools: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


class Agent:
    """Plays a scenario turn by turn."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self._script = scenario.script()
        self._number = 0
        self._calls = 0
        self._outputs: list[str] | None = None

    def next_turn(self) -> Turn | None:
        """Run the next turn's tools, which takes up to a few seconds; None when the script is at its end."""
        self._number += 1
        if self._number == 1:
            return Turn(number=1, messages=self.scenario.shape.opening(self.scenario.system, self.scenario.task))
        try:
            step = next(self._script) if self._outputs is None else self._script.send(self._outputs)
        except StopIteration:
            return None
        self._outputs = [self._run(call.tool, call.arguments) for call in step.calls]
        messages = self.scenario.shape.turn(step, self._outputs, self._calls)
        self._calls += len(step.calls)
        tools = tuple(call.tool for call in step.calls)
        return Turn(number=self._number, messages=messages, tools=tools, outputs=tuple(self._outputs))

    def _run(self, tool: str, arguments: Mapping[str, object]) -> str:
        try:
            return self.scenario.tools[tool](**arguments)
        except (OSError, SubprocessError) as error:
            # As an agent would see it: a tool that fails is part of life.
            return f"error: {type(error).__name__}: {error}"
