"""Agents as programs write them with each provider's SDK: a history that grows, tools that print much."""

from __future__ import annotations

from typing import Any

from tests.core.conversations import LOGS, RECORDS

QUESTION = "Which flight is cheapest?"
OUTPUTS = (RECORDS, LOGS, RECORDS)


def openai_history(calls: int = 3) -> list[dict[str, Any]]:
    """The messages before the last of `calls` calls that follow a tool's output; the first has no output yet."""
    out: list[dict[str, Any]] = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": QUESTION}]
    for n in range(calls):
        call = {"id": f"c{n}", "type": "function", "function": {"name": "find", "arguments": "{}"}}
        out += [
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": f"c{n}", "content": OUTPUTS[n % 3]},
        ]
    return out


def anthropic_history(calls: int = 3) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = [{"role": "user", "content": QUESTION}]
    for n in range(calls):
        out += [
            {"role": "assistant", "content": [{"type": "tool_use", "id": f"c{n}", "name": "find", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": f"c{n}", "content": OUTPUTS[n % 3]}]},
        ]
    return out


def gemini_history(calls: int = 3) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = [{"role": "user", "parts": [{"text": QUESTION}]}]
    for n in range(calls):
        out += [
            {"role": "model", "parts": [{"function_call": {"name": "find", "args": {}}}]},
            {"role": "user", "parts": [{"function_response": {"name": "find", "response": {"result": OUTPUTS[n % 3]}}}]},
        ]
    return out
