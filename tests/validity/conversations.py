"""Conversations with all that providers' messages may hold, each as a program for that provider would have it."""

from __future__ import annotations

import json
from typing import Any

from headroom_stream.events import Provider
from tests.core.conversations import LOGS, RECORDS, TERMINAL
from tests.support.shapes import as_anthropic, as_gemini

Message = dict[str, Any]
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
ERROR = "Error: connection refused\n" + "\n".join(f"  at step {n} of the client" for n in range(40))
INVISIBLE = "\x1b[2J\x1b[H" * 80
OUTPUTS = [
    RECORDS,
    LOGS,
    "",
    RECORDS,
    TERMINAL,
    ERROR,
    "   \n",
    INVISIBLE,
    '{"state": "lost", "rows": ' + RECORDS + "}",
    "ok",
    LOGS,
]


def _call(number: int, tool: str, arguments: str | None = None) -> Message:
    function = {"name": tool, "arguments": json.dumps({"page": number}) if arguments is None else arguments}
    return {"id": f"call_{number}", "type": "function", "function": function}


def plain() -> list[Message]:
    """One call after the other, with outputs of all kinds."""
    out: list[Message] = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Which flight is cheapest?"}]
    for n, text in enumerate(OUTPUTS):
        out += [{"role": "assistant", "content": None if n % 2 else f"Step {n}.", "tool_calls": [_call(n, "find")]}]
        out += [{"role": "tool", "tool_call_id": f"call_{n}", "content": text}]
    return out


def parallel() -> list[Message]:
    """Several calls at once, also of the same tool, answered in another order, and the user's words in between."""
    out: list[Message] = [{"role": "user", "content": "Compare them."}]
    for n in range(0, 24, 4):
        tools = ("find", "read", "find", "list")
        calls = [_call(n + i, tool, "" if tool == "list" else None) for i, tool in enumerate(tools)]
        out.append({"role": "assistant", "content": "", "tool_calls": calls})
        out += [{"role": "tool", "tool_call_id": f"call_{n + i}", "content": OUTPUTS[(n + i) % len(OUTPUTS)]} for i in (1, 0, 3, 2)]
        out += [{"role": "assistant", "content": f"Seen {n}."}, {"role": "user", "content": "Go on."}]
    return out


def openai_special() -> list[Message]:
    """Pictures, parts, a developer's word, refusals, a tool of free text, and the functions of old."""
    out: list[Message] = [
        {"role": "developer", "content": [{"type": "text", "text": "Be brief."}]},
        {
            "role": "user",
            "name": "ann",
            "content": [
                {"type": "text", "text": "What is on it?"},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}", "detail": "low"}},
            ],
        },
    ]
    for n, text in enumerate(OUTPUTS):
        custom = {"id": f"call_{n}", "type": "custom", "custom": {"name": "shell", "input": "ls"}}
        out.append({"role": "assistant", "content": [{"type": "text", "text": "I look."}], "tool_calls": [custom]})
        out.append({"role": "tool", "tool_call_id": f"call_{n}", "content": [{"type": "text", "text": text}]})
    out += [
        {"role": "assistant", "content": None, "refusal": "No."},
        {"role": "user", "content": "Then the old way."},
        {"role": "assistant", "content": None, "function_call": {"name": "find", "arguments": "{}"}},
        {"role": "function", "name": "find", "content": RECORDS},
        {"role": "assistant", "content": "Done."},
    ]
    return out


def anthropic_special() -> list[Message]:
    """Pictures and documents, also in results; thoughts, seen and hidden; tools of the server; marks; errors; empty results."""
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
    out: list[Message] = [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is on it?", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
                image,
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "A page."}, "title": "page"},
            ],
        }
    ]
    for n, text in enumerate(OUTPUTS):
        out.append(
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": f"Page {n}.", "signature": "c2ln"},
                    {"type": "redacted_thinking", "data": "Z2Vo"},
                    {"type": "tool_use", "id": f"toolu_{n}a", "name": "look", "input": {}},
                    {"type": "tool_use", "id": f"toolu_{n}b", "name": "find", "input": {"page": n}},
                ],
            }
        )
        texts = [{"type": "text", "text": text}] if text.strip() else []
        out.append(
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": f"toolu_{n}b", "content": [*texts, image], "is_error": text == ERROR},
                    {"type": "tool_result", "tool_use_id": f"toolu_{n}a", **({"content": text} if n % 3 else {})},
                    {"type": "text", "text": f"Mind page {n}.", "cache_control": {"type": "ephemeral"}},
                ],
            }
        )
    found = {"type": "web_search_result", "title": "t", "url": "https://example.com", "encrypted_content": "eA=="}
    out += [
        {
            "role": "assistant",
            "content": [
                {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "flights"}},
                {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [found]},
                {"type": "text", "text": "Found."},
            ],
        },
        {"role": "user", "content": "Thanks."},
    ]
    return out


def gemini_special() -> list[Message]:
    """Pictures, files, thoughts and their signatures, calls with ids, code that ran, results of every form."""
    out: list[Message] = [
        {
            "role": "user",
            "parts": [
                {"text": "What is on it?"},
                {"inlineData": {"mimeType": "image/png", "data": PIXEL}},
                {"fileData": {"mimeType": "application/pdf", "fileUri": "https://example.com/a.pdf"}},
            ],
        }
    ]
    for n, text in enumerate(OUTPUTS):
        calls = [{"id": f"fc-{n}-{i}", "name": "find", "args": {"page": n}} for i in range(2)]
        out.append(
            {
                "role": "model",
                "parts": [
                    {"text": "I look.", "thought": True},
                    {"functionCall": calls[0], "thoughtSignature": "c2ln"},
                    {"functionCall": calls[1]},
                ],
            }
        )
        forms: list[Message] = [{"output": text, "note": text}, {"result": {"rows": [text, 1.50]}}, {}, {"error": text}]
        results = [{"id": call["id"], "name": "find", "response": forms[(n + i) % 4]} for i, call in enumerate(calls)]
        out.append({"role": "user", "parts": [{"functionResponse": result} for result in results]})
    out += [
        {
            "role": "model",
            "parts": [
                {"executableCode": {"language": "PYTHON", "code": "print(1)"}},
                {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1\n"}},
                {"text": "One."},
            ],
        },
        {"role": "user", "parts": [{"text": "Thanks."}]},
    ]
    return out


CONVERSATIONS: dict[str, tuple[Provider, list[Message]]] = {
    "openai": ("openai", plain()),
    "openai, parallel": ("openai", parallel()),
    "openai, special": ("openai", openai_special()),
    "anthropic": ("anthropic", as_anthropic(plain())),
    "anthropic, parallel": ("anthropic", as_anthropic(parallel())),
    "anthropic, special": ("anthropic", anthropic_special()),
    "gemini": ("gemini", as_gemini(plain())),
    "gemini, parallel": ("gemini", as_gemini(parallel())),
    "gemini, special": ("gemini", gemini_special()),
}
