"""Messages given as JSON: the same contexts, in the bytes that came, and nothing of the caller's request is held."""

from __future__ import annotations

import json

import msgspec
from msgspec import Raw, structs

from headroom_stream.config import Policy
from headroom_stream.engine import Call, Compressor, Sessions
from headroom_stream.messages import view
from headroom_stream.waste import block_breakdown, waste_signals
from tests.engine.test_compressor import ENDS, TALK


def raws(end: int) -> list[Raw]:
    return [Raw(json.dumps(one, indent=1).encode()) for one in TALK[:end]]


def test_json_gives_the_context_of_objects() -> None:
    of_json, of_objects = Compressor(), Compressor()
    for end in ENDS:
        one = of_json.turn(raws(end), Call(session="s")).result
        other = of_objects.turn(TALK[:end], Call(session="s")).result
        assert [msgspec.json.decode(raw) for raw in one.messages] == other.messages
        assert one.tokens_after == other.tokens_after


def test_what_did_not_change_has_the_bytes_that_came() -> None:
    compressor = Compressor()
    for end in ENDS:
        sent = compressor.turn(raws(end), Call(session="s")).result.messages
        same = [bytes(one) == bytes(came) for one, came in zip(sent, raws(end), strict=True)]
        assert same == [number not in (3, 5, 9) for number in range(end)]
    assert [bytes(one) for one in compressor.compress(raws(2)).result.messages] == [bytes(one) for one in raws(2)]


def test_what_is_counted_turn_by_turn_is_what_a_look_at_all_finds() -> None:
    compressor = Compressor()
    for end in ENDS:
        prepared = compressor.turn(raws(end), Call(session="s"))
        views = [view(raw, i) for i, raw in enumerate(raws(end))]
        assert prepared.blocks == block_breakdown(views, compressor.sessions.tokenizer)
        found = waste_signals(views, compressor.sessions.tokenizer)
        assert structs.replace(prepared.waste, reread_compressed_tokens=0) == found


def test_a_session_tells_how_much_of_it_stands() -> None:
    compressor = Compressor()
    assert compressor.sessions.standing("s") == 0
    for end in ENDS:
        compressor.turn(raws(end), Call(session="s"))
        assert compressor.sessions.standing("s") == end


def test_what_is_known_of_a_session_goes_with_it() -> None:
    compressor = Compressor(Sessions(Policy(), max_bytes=1))
    for name in ("one", "two", "three"):
        compressor.turn(raws(4), Call(session=name))
    compressor.tidy()
    assert [compressor._conversations.get(name) is not None for name in ("one", "two", "three")] == [False, False, True]
    assert len(compressor.turn(raws(6), Call(session="one")).result.messages) == 6
