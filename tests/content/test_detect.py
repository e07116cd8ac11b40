"""The dispatch: which compressor answers for a text."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.config import LogsConfig, NoiseConfig, Policy, RecordsConfig
from headroom_stream.content import Hints
from headroom_stream.content.detect import compress_text

LOG = "".join(f"2024-05-01 10:00:{n:02} INFO served request number {n}\n" for n in range(60))


def kind(text: str, policy: Policy | None = None) -> str | None:
    out = compress_text(text, Hints(), policy or Policy())
    return None if out is None else out.kind


def test_each_kind_has_its_compressor() -> None:
    assert kind(json.dumps([{"a": 1, "b": 2}] * 3)) == "records"
    assert kind(json.dumps({"a": "b c"})) == "json"
    assert kind(LOG) == "logs"
    assert kind("\x1b[31mred\x1b[0m") == "noise"
    assert kind("plain words") is None


def test_a_log_under_colours_is_still_a_log() -> None:
    assert kind(LOG.replace("INFO", "\x1b[32mINFO\x1b[0m").replace("2024", "\x1b[2m2024")) == "logs"


def test_what_is_switched_off_is_not_done() -> None:
    off = Policy(records=RecordsConfig(enabled=False), logs=LogsConfig(enabled=False), noise=NoiseConfig(enabled=False))
    assert [kind(text, off) for text in ('{"a":  1}', LOG, "\x1b[31mred")] == [None, None, None]


@given(st.text(), st.text(max_size=30))
def test_any_text_gets_shorter_or_stays(text: str, query: str) -> None:
    out = compress_text(text, Hints(query=query), Policy())
    assert out is None or len(out.text) < len(text)
    assert out == compress_text(text, Hints(query=query), Policy())
