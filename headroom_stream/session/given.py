"""What the fold is given for one event."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from headroom_stream.config import Policy
from headroom_stream.events import TurnEvent
from headroom_stream.pricing.cost import PriceTable
from headroom_stream.session.state import Position
from headroom_stream.tokens import Tokenizer


class Given(Struct, frozen=True, kw_only=True):
    """An event with all that the fold takes from outside."""

    event: TurnEvent
    event_id: str
    output_id: str
    policy: Policy
    policy_version: str
    at: Position
    time: datetime
    tokenizer: Tokenizer
    prices: PriceTable
