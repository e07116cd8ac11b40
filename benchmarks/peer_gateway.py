"""headroom-ai's own proxy, for `gateway.py`, run by an interpreter that has it: `PEER/bin/python benchmarks/peer_gateway.py PORT`.

It listens on loopback. It can't reach a network from here, and writes nothing but a folder that goes when it ends.
"""

from __future__ import annotations

import importlib
import sys
import tempfile

from peer_policy import alone


def main() -> None:
    port = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        alone(folder)
        cli = importlib.import_module("headroom.cli")
        sys.argv = ["headroom", "proxy", "--port", port, "--no-rate-limit"]
        cli.main()


if __name__ == "__main__":
    main()
