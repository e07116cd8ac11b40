"""The tools of this package for coding agents and other clients of the Model Context Protocol. Needs the extra `mcp`."""

from __future__ import annotations

from headroom_stream.mcp_server.server import make_server
from headroom_stream.mcp_server.work import Work

__all__ = ["Work", "make_server"]
