"""The metric rows of an event. Everything in them follows from the event and the state, so that a replay writes the same rows."""

from __future__ import annotations

from msgspec import structs

from headroom_stream.events import DecisionMetric, Metric, Outcome, TurnMetric, UsageMetric
from headroom_stream.learning import FieldUse, UsageStats
from headroom_stream.learning.schema import TEXT
from headroom_stream.pricing.cost import input_cost
from headroom_stream.pricing.usage import Usage, normalise_usage
from headroom_stream.session.given import Given
from headroom_stream.session.intake import Arrival
from headroom_stream.session.state import Head
from headroom_stream.tokens import PER_CONTEXT


def note_row(head: Head, given: Given, outcome: Outcome) -> TurnMetric:
    """The row of an event that emits no context."""
    event = given.event
    usage = normalise_usage(event.usage) if event.usage else Usage()
    # A repeated event has the id of the first, whose row must stand beside this one.
    event_id = f"{given.event_id}/{given.at.partition}-{given.at.offset}" if outcome == "duplicate" else given.event_id
    return TurnMetric(
        output_id=given.output_id,
        session_id=event.session_id,
        event_id=event_id,
        event_time=given.time,
        tenant=event.tenant or head.tenant,
        model=event.model or head.model,
        provider=head.provider or "",
        outcome=outcome,
        turn=head.turn,
        epoch=head.epoch,
        usage_input_tokens=usage.input,
        usage_cache_read_tokens=usage.cache_read,
        usage_cache_write_tokens=usage.cache_write,
        usage_output_tokens=usage.output,
        policy_version=given.policy_version,
        traceparent=event.traceparent or "",
        topic=given.at.topic,
        partition=given.at.partition,
        offset=given.at.offset,
    )


def turn_row(previous: Head, head: Head, given: Given, arrival: Arrival, reason: str) -> TurnMetric:
    """The row of a turn. `previous` is the head before it, `head` the one that its context shows."""
    before, after = PER_CONTEXT + head.tokens_before, PER_CONTEXT + head.tokens_after
    cached_before = PER_CONTEXT + head.standing_before if head.standing else 0
    cached_after = PER_CONTEXT + head.standing_after if head.standing else 0
    # A pending turn makes no call of the model, so it has no bill.
    price = given.prices.find(head.model, given.time.date()) if head.model and not head.open_calls else None
    if price and previous.last_event_time and (given.time - previous.last_event_time).total_seconds() > price.cache_ttl_s:
        cached_before = cached_after = 0
    return structs.replace(
        note_row(head, given, "pending" if head.open_calls else "context"),
        epoch_reason=reason,
        messages=head.sent,
        new_messages=len(arrival.stored),
        dropped_messages=head.dropped,
        tokens_before=before,
        tokens_after=after,
        new_tokens_before=sum(m.before for m in arrival.stored),
        new_tokens_after=sum(m.after for m in arrival.stored),
        cached_before=cached_before,
        cached_after=cached_after,
        tokenizer=given.tokenizer.name,
        tokens_exact=given.tokenizer.exact_for(head.model),
        cost_before_nanousd=input_cost(price, before, cached_before) if price else None,
        cost_after_nanousd=input_cost(price, after, cached_after) if price else None,
        price_version=given.prices.version if price else "",
        gap=given.event.turn is not None and given.event.turn > previous.turn + 1,
    )


def decision_rows(head: Head, given: Given, arrival: Arrival) -> list[Metric]:
    """A row for each tool output that was looked at."""
    first = head.received - len(arrival.stored)
    return [
        DecisionMetric(
            output_id=given.output_id,
            session_id=given.event.session_id,
            event_time=given.time,
            message=first + made.message,
            slot=made.slot,
            tenant=head.tenant,
            tool=made.tool,
            kind=made.decision.kind,
            action=made.decision.action,
            reason=made.decision.reason,
            lossless=made.decision.lossless,
            tokens_before=made.decision.tokens_before,
            tokens_after=made.decision.tokens_after,
            ref=made.decision.ref,
        )
        for made in arrival.decisions
    ]


def usage_rows(before: UsageStats, after: UsageStats, head: Head, given: Given) -> list[Metric]:
    """What the event taught: a row for each shape of outputs that came or were used, and one for each field that was used."""
    rows: list[Metric] = []
    for key, tool in after.tools.items():
        old = before.tools.get(key)
        if old is tool or tool.schema == TEXT:
            continue
        counts = {"": (tool.outputs - old.outputs, tool.used - old.used) if old else (tool.outputs, tool.used)}
        for field, use in tool.fields.items():
            uses = use.used - (old.fields.get(field, FieldUse()).used if old else 0)
            # A field whose key is empty would be taken for the outputs as a whole.
            if field and uses:
                counts[field] = (0, uses)
        rows += [
            UsageMetric(
                session_id=given.event.session_id,
                event_id=given.event_id,
                event_time=given.time,
                tool=tool.tool,
                schema=tool.schema,
                field=field,
                tenant=head.tenant,
                outputs=outputs,
                used=used,
            )
            for field, (outputs, used) in counts.items()
        ]
    return rows
