"""The context layer of an agent fleet, as a stream.

`fold` is the engine as a pure function; `PolicySession` is the same without a broker; the worker, the sink and the command line carry
it out on Kafka and ClickHouse.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from headroom_stream.config import Policy, Settings
from headroom_stream.errors import HeadroomError
from headroom_stream.evaluation import PolicySession
from headroom_stream.events import ContextBatch, TurnEvent
from headroom_stream.session.fold import fold
from headroom_stream.session.state import Position, Session
from headroom_stream.settings import load_settings
from headroom_stream.tokenizers import load_tokenizer

try:
    __version__ = version("headroom-stream")
except PackageNotFoundError:  # run from a source tree that was not installed
    __version__ = "0"

__all__ = [
    "ContextBatch",
    "HeadroomError",
    "Policy",
    "PolicySession",
    "Position",
    "Session",
    "Settings",
    "TurnEvent",
    "__version__",
    "fold",
    "load_settings",
    "load_tokenizer",
]
