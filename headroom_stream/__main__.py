"""`python -m headroom_stream`."""

from __future__ import annotations

from headroom_stream.cli import main

main()
