"""headroom-ai as a policy for `quality.py`, run by an interpreter that has it: turns as JSON lines in, contexts as JSON lines out.

    PEER/bin/python benchmarks/peer_policy.py

The first line out is `{"name": …}`. Each line in is `{"begin": bool, "new": [messages]}`, and each line out `{"kept": n, "messages": […]}`:
the context is the first n messages of the one before and these. The whole history is compressed at each turn, by `headroom.compress`
with its defaults, as its users call it.

It can't reach a network from here, and writes nothing but a folder that goes when it ends.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

MODEL = "gpt-4o"
NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")
"""What the interpreter asks before it does any of these."""
NOWHERE = "http://127.0.0.1:9"
"""A proxy at which nothing listens, for parts that aren't Python."""


def main() -> None:
    # What it prints must not come between the answers.
    answers, sys.stdout = sys.stdout, sys.stderr
    with tempfile.TemporaryDirectory() as folder:
        alone(folder)
        headroom = importlib.import_module("headroom")

        def answer(value: dict[str, Any]) -> None:
            answers.write(json.dumps(value) + "\n")
            answers.flush()

        answer({"name": f"headroom-ai {headroom.__version__}"})
        history: list[Any] = []
        before: list[Any] = []
        for line in sys.stdin:
            turn = json.loads(line)
            if turn["begin"]:
                history, before = [], []
            history += turn["new"]
            # A copy, since what it does to the messages of its caller is not our business.
            now = headroom.compress(json.loads(json.dumps(history)), model=MODEL).messages
            kept = next((i for i, (a, b) in enumerate(zip(before, now, strict=False)) if a != b), min(len(before), len(now)))
            answer({"kept": kept, "messages": now[kept:]})
            before = now


def alone(folder: str) -> None:
    """Cut off this process from the network and from the files of its user."""
    os.environ.update(
        dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"), NOWHERE),
        HOME=folder,
        HEADROOM_WORKSPACE_DIR=folder,
        HEADROOM_OFFLINE="1",
        HEADROOM_TELEMETRY="off",
        HF_HUB_OFFLINE="1",
        LITELLM_LOCAL_MODEL_COST_MAP="True",
    )
    litellm = find_spec("litellm")
    if litellm is not None and litellm.submodule_search_locations:
        # It brings the ranks of tiktoken, which counts exactly with them and estimates otherwise.
        ranks = Path(litellm.submodule_search_locations[0], "litellm_core_utils", "tokenizers")
        os.environ.setdefault("TIKTOKEN_CACHE_DIR", str(ranks))
    sys.addaudithook(refuse)


def refuse(event: str, _arguments: tuple[Any, ...]) -> None:
    if event in NETWORK:
        raise PermissionError(f"no network for the peer: {event}")


if __name__ == "__main__":
    main()
