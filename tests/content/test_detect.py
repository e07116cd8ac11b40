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


def test_without_cuts_texts_still_get_their_short_forms() -> None:
    hits = "\n".join(
        f"app/lang{n % 9}/app.po:{n + 10}:this very text is in every catalogue" for n in sorted(range(90), key=lambda n: n % 9)
    )
    cut, whole = compress_text(hits, Hints(), Policy()), compress_text(hits, Hints(), Policy(lossy=False))
    assert cut is not None and cut.removed
    assert whole is not None and whole.lossless and not whole.removed and len(cut.text) < len(whole.text)
    assert compress_text(LOG, Hints(), Policy(lossy=False)) is None


def test_what_the_agent_looks_for_stays_in_a_cut() -> None:
    rows = str([(f"city_{n}", n) for n in range(200)])
    out = compress_text(rows, Hints(intent="Let me see where city_133 is."), Policy())
    assert out is not None and "city_133" in out.text and "city_134" not in out.text


def test_a_part_of_a_text_gets_the_compressor_of_its_kind() -> None:
    value = json.dumps([{"a": n, "b": "some words"} for n in range(9)], indent=2)
    text = f"<returncode>1</returncode>\n<output>\nAnswer:\n{value}\n</output>"
    out = compress_text(text, Hints(), Policy())
    assert out is not None and out.kind == "records" and out.lossless
    assert out.text.startswith("returncode 1\nAnswer:\n[{a,b")
