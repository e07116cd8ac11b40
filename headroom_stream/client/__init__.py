"""The Kafka client: publish turns, consume contexts."""

from __future__ import annotations

from headroom_stream.client.consumer import ContextConsumer
from headroom_stream.client.deltas import MissingBaseError
from headroom_stream.client.offsets import end_offsets
from headroom_stream.client.publisher import TurnPublisher
from headroom_stream.client.reader import TopicReader

__all__ = ["ContextConsumer", "MissingBaseError", "TopicReader", "TurnPublisher", "end_offsets"]
