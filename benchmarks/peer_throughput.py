"""A round of `throughput.py` with headroom-ai, run by an interpreter that has it: the outputs' file in, seconds and tokens out, as JSON.

Each output is a conversation of its own, with the question and the call that it answers: that is how it takes a tool output. Its caches
are empty but for outputs that came before in this round. It has no network, and writes nothing but a folder that goes when it ends.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from peer_policy import MODEL, alone

WARM = json.dumps([{"order": n, "state": "paid", "total": n * 1.5} for n in range(60)])

QUERY = 400
"""Characters of the question: it would be counted anew with each output, which is no cost of the output."""


def chat(text: str, tool: str, query: str) -> list[dict[str, Any]]:
    """One output as the messages of an agent."""
    call = {"id": "call_1", "type": "function", "function": {"name": tool or "tool", "arguments": "{}"}}
    return [
        {"role": "user", "content": query[:QUERY] or "Go on."},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": text},
    ]


def main() -> None:
    answers, sys.stdout = sys.stdout, sys.stderr
    outputs = json.loads(Path(sys.argv[1]).read_bytes())
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder:
        alone(folder)
        headroom = importlib.import_module("headroom")
        headroom.compress(chat(WARM, "", ""), model=MODEL)
        conversations = [chat(one["text"], one["tool"], one["query"]) for one in outputs]
        before = after = 0
        start = time.process_time()
        for messages in conversations:
            made = headroom.compress(messages, model=MODEL)
            before += made.tokens_before
            after += made.tokens_after
        seconds = time.process_time() - start
        name = f"headroom-ai {headroom.__version__}"
        answers.write(json.dumps({"name": name, "seconds": seconds, "before": before, "after": after}) + "\n")


if __name__ == "__main__":
    main()
