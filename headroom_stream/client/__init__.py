"""The Kafka client: publish turns, consume contexts.

What an agent does for a call of its model:

    async def ready(session, new_messages):
        async with TurnPublisher(brokers=BROKERS) as publisher, ContextConsumer(brokers=BROKERS) as consumer:
            context = await consumer.request(publisher, turn_event(session, new_messages, model="gpt-5"))
            return messages_of(context)

A program that lives longer keeps both open. Who only publishes, or only consumes, uses one of them:

    async def publish(turns):
        async with TurnPublisher(brokers=BROKERS) as publisher:
            for session, new_messages in turns:
                await publisher.send(turn_event(session, new_messages))  # waits while too many are on their way; the end, for all

    async def consume(handle):
        async with ContextConsumer(brokers=BROKERS, group="my-agents", from_beginning=True) as consumer:
            async for context in consumer:  # each once; whole, even where the topic has deltas
                await handle(context.session_id, messages_of(context))

A broker that asks who is there is described by `kafka=`: `load_settings().kafka`, or

    def secured():
        return KafkaSettings(brokers=BROKERS, security_protocol="SASL_SSL", sasl_mechanism="SCRAM-SHA-512",
                             username="agents", password_file="/run/secrets/kafka", ca_file="/etc/kafka/ca.pem")
"""

from __future__ import annotations

from headroom_stream.client.consumer import ContextConsumer
from headroom_stream.client.deltas import MissingBaseError
from headroom_stream.client.offsets import end_offsets
from headroom_stream.client.plain import messages_of, turn_event
from headroom_stream.client.publisher import TurnPublisher
from headroom_stream.client.reader import TopicReader

__all__ = ["ContextConsumer", "MissingBaseError", "TopicReader", "TurnPublisher", "end_offsets", "messages_of", "turn_event"]
