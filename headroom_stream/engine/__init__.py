"""Context for programs without a broker: sessions are kept in this process, under the same fold as a worker's."""

from __future__ import annotations

from headroom_stream.engine.compressor import Call, Compressor, Prepared
from headroom_stream.engine.originals import Originals
from headroom_stream.engine.sessions import Reply, Sessions, Transport

__all__ = ["Call", "Compressor", "Originals", "Prepared", "Reply", "Sessions", "Transport"]
