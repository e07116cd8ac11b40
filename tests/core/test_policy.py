"""Every field of the policy changes what it says it changes."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from headroom_stream.config import Policy, Settings, override
from headroom_stream.content import Hints
from headroom_stream.content.detect import compress_text
from headroom_stream.errors import ConfigurationError
from headroom_stream.tokenizers import load_tokenizer
from headroom_stream.worker.processor import Processor, Record
from tests.core.conversations import LOGS, PROSE, RECORDS, TERMINAL
from tests.core.folding import Folding, call, decisions, originals, result, row, said, user

SHORT_LOG = "\n".join(f"2026-01-01 10:00:{i:02} INFO worker-1 request {i} served in {i} ms" for i in range(15))


def shown(text: str, **changes: Any) -> str:
    """A tool output as the context shows it."""
    folding = Folding(**changes)
    folding.turn(user("Go."), call("c", tool="search"), result("c", text))
    content: str = json.loads(folding.bodies[2])["content"]
    return content


def emit() -> bool:
    folding = Folding(emit="delta")
    folding.turn(user("a"))
    context = folding.turn(call("c"), result("c", "x")).context
    return context is not None and context.messages_from == 1 and len(context.messages) == 2 and context.message_count == 3


def min_tokens() -> bool:
    return shown(RECORDS) != RECORDS == shown(RECORDS, min_tokens=100_000)


def protected_tools() -> bool:
    return shown(RECORDS, protected_tools=["other"]) != RECORDS == shown(RECORDS, protected_tools=["search"])


def frozen_messages() -> bool:
    # The output is the third message of its session.
    return shown(RECORDS, frozen_messages=2) != RECORDS == shown(RECORDS, frozen_messages=3)


def records_enabled() -> bool:
    return shown(RECORDS, records={"enabled": False}) == RECORDS


def records_min_rows() -> bool:
    # Thirteen rows are asked for, and there are twelve: it is still minified, but no table.
    return "\n" in shown(RECORDS) and "\n" not in shown(RECORDS, records={"min_rows": 13})


def records_factored_rows() -> bool:
    return "origin:JFK" not in shown(RECORDS) and "origin:JFK" in shown(RECORDS, records={"factored_rows": 12})


def logs_enabled() -> bool:
    return "left out" in shown(LOGS) and shown(LOGS, logs={"enabled": False}) == LOGS


def logs_min_lines() -> bool:
    return shown(SHORT_LOG) == SHORT_LOG and "left out" in shown(SHORT_LOG, logs={"min_lines": 5})


def logs_examples() -> bool:
    return shown(LOGS, logs={"examples": 5}).count("INFO") == shown(LOGS).count("INFO") + 4


def logs_rare() -> bool:
    rare = LOGS + "\n" + "\n".join(f"2026-01-01 10:01:0{i} INFO cache flushed after {i} misses" for i in range(5))
    return rare.count("flushed") == shown(rare, logs={"rare": 5}).count("flushed") > shown(rare).count("flushed")


def noise_enabled() -> bool:
    return "\x1b" not in shown(TERMINAL) and shown(TERMINAL, noise={"enabled": False}) == TERMINAL


def preset() -> bool:
    hard, soft = shown(NUMBERS, preset="aggressive"), shown(NUMBERS, preset="conservative")
    back = override(override(Policy(), {"preset": "aggressive"}), {"preset": "balanced"})
    return len(hard) < len(shown(NUMBERS)) < len(soft) < len(NUMBERS) and "left out" not in soft and back == Policy()


def profiles() -> bool:
    """Each setting of a profile, for tools that fit and tools that do not."""

    def under(tools: str, **profile: Any) -> str:
        return shown(NUMBERS, profiles=[{"tools": tools, **profile}])

    fits = (
        under("sea*", skip_compression=True) == NUMBERS
        and "left out" not in under("search", lossy=False)
        and under("?earch", kinds=["logs"]) == NUMBERS
        and len(under("search", output_tokens=60)) < len(shown(NUMBERS))
    )
    first = shown(NUMBERS, profiles=[{"tools": "se*"}, {"tools": "search", "skip_compression": True}])
    return fits and under("other", skip_compression=True) == shown(NUMBERS) == first


def lossy() -> bool:
    return "left out" in shown(LOGS) and shown(LOGS, lossy=False) == LOGS


def output_tokens() -> bool:
    count = load_tokenizer(network=False).count
    return count(shown(CODE_LINES, output_tokens=200)) <= 200 < count(CODE_LINES) and shown(CODE_LINES) == CODE_LINES


MANY = json.dumps([{"id": n, "name": f"host {n * 7919 % 1000}", "state": "up", "load": n * 37 % 100} for n in range(300)])


def crush_enabled() -> bool:
    return "left out" in shown(MANY, crush={"enabled": True}) and "left out" not in shown(MANY)


def crush_max_items() -> bool:
    return (
        shown(MANY, crush={"enabled": True, "max_items": 20}).count("\n") < shown(MANY, crush={"enabled": True}).count("\n") < 300
    )


def crushed(text: str = MANY, **changes: Any) -> str:
    return shown(text, crush={"enabled": True, "max_items": 10} | changes)


def crush_min_tokens() -> bool:
    return "left out" in crushed() and "left out" not in crushed(min_tokens=100_000)


def crush_keep_first() -> bool:
    ends: dict[str, Any] = {"max_items": 4, "keep_last": 4}
    return "host 757" in crushed(max_items=4, keep_first=4, keep_last=0) and "host 757" not in crushed(keep_first=0, **ends)


def crush_keep_last() -> bool:
    return "host 348" in crushed(keep_first=0, keep_last=8) and "host 348" not in crushed(keep_first=0, keep_last=1)


def crush_relevance_threshold() -> bool:
    def asked(threshold: float) -> str:
        parcels = [
            {"id": n, "note": f"parcel {n * 7919 % 1000} to {'Lisbon' if n % 50 == 33 else 'Porto'} by road"} for n in range(300)
        ]
        folding = Folding(crush={"enabled": True, "max_items": 10, "relevance_threshold": threshold})
        folding.turn(user("Which went to Lisbon or Madrid by ship, and when?"), call("c"), result("c", json.dumps(parcels)))
        text: str = json.loads(folding.bodies[2])["content"]
        return text

    return asked(0.05).count("Lisbon") > asked(1.0).count("Lisbon")


def crush_anomaly_std_threshold() -> bool:
    loads = [{"id": f"h{n:03}", "load": 43.5 if n == 150 else round(40 + n * 7919 % 1000 / 1000, 3)} for n in range(300)]
    return "h150" in crushed(json.dumps(loads)) and "h150" not in crushed(json.dumps(loads), anomaly_std_threshold=1_000)


def crush_preserve_errors() -> bool:
    notes = [
        {"id": f"h{n:03}", "note": f"step {n * 7919 % 1000} {'failed: error 5' if n % 60 == 37 else 'done'}"} for n in range(300)
    ]
    return crushed(json.dumps(notes)).count("failed") > crushed(json.dumps(notes), preserve_errors=False).count("failed")


NUMBERS = json.dumps({"symbol": "ACME", "averages": [n * 31 % 97 for n in range(200)]})
NOTES = json.dumps({"id": 7, "status": "open", "notes": " ".join(f"In year {n} all went well." for n in range(100))})


def bulk_enabled() -> bool:
    return "left out" in shown(NUMBERS) and "left out" not in shown(NUMBERS, bulk={"enabled": False})


def bulk_items() -> bool:
    return "left out" not in shown(NUMBERS, bulk={"items": 200}) and "left out" in shown(NUMBERS, bulk={"items": 199})


def bulk_first() -> bool:
    return shown(NUMBERS, bulk={"first": 20}).count(",") == shown(NUMBERS).count(",") + 13


def bulk_last() -> bool:
    return shown(NUMBERS, bulk={"last": 13}).count(",") == shown(NUMBERS).count(",") + 11


def bulk_characters() -> bool:
    return "left out" in shown(NOTES) and "left out" not in shown(NOTES, bulk={"characters": 4_000})


def bulk_kept() -> bool:
    return len(shown(NOTES, bulk={"kept": 400})) > len(shown(NOTES)) + 200


def bulk_sentences() -> bool:
    notes = NOTES.replace("In year 50 all", "In year 50 K-17 and all").replace("In year 60 all", "In year 60 K-17 and all")

    def told(**changes: Any) -> int:
        folding = Folding(**changes)
        folding.turn(user("What about K-17?"), call("c"), result("c", notes))
        return folding.content(2).count("K-17")

    return (told(), told(bulk={"sentences": 2})) == (1, 2)


SENTENCES = " ".join(f"In the year {1900 + n} the harbour was quiet and the boats stayed out." for n in range(40))


def prose_enabled() -> bool:
    return "sentences left out" in shown(SENTENCES) and shown(SENTENCES, prose={"enabled": False}) == SENTENCES


def prose_min_chars() -> bool:
    return (
        "left out" in shown(SENTENCES, prose={"min_chars": len(SENTENCES)})
        and shown(SENTENCES, prose={"min_chars": len(SENTENCES) + 1}) == SENTENCES
    )


def prose_first() -> bool:
    return shown(SENTENCES, prose={"first": 9}).count("harbour") == 9


CODE_LINES = "\n".join(f"    total += weigh(item, factor={i})" for i in range(30))


def repeated(text: str, **changes: Any) -> str:
    """What the context shows of an output that came before, with another in between."""
    folding = Folding(**changes)
    folding.turn(user("Go."), call("a"), result("a", text))
    folding.turn(call("b"), result("b", PROSE))
    folding.turn(call("c"), result("c", text))
    content: str = json.loads(folding.bodies[6])["content"]
    return content


def references_enabled() -> bool:
    return repeated(CODE_LINES) == "[same as result 1]" and repeated(CODE_LINES, references={"enabled": False}) == CODE_LINES


def references_min_lines() -> bool:
    folding = [Folding(references={"min_lines": n}) for n in (30, 31)]
    for one in folding:
        one.turn(user("Go."), call("a"), result("a", CODE_LINES), call("c"), result("c", f"new\n{CODE_LINES}\nnew"))
    shown_now = [json.loads(one.bodies[4])["content"] for one in folding]
    return [text.count("\n") for text in shown_now] == [2, 31]


def references_max_chars() -> bool:
    return repeated(CODE_LINES, references={"max_chars": len(CODE_LINES) + len(PROSE) - 1}) == CODE_LINES


def learned(**learning: Any) -> str:
    """The third output of a tool, whose first two the agent read from a long list."""
    folding = Folding(learning=learning)
    folding.turn(user("Go."))
    for n in (1, 2):
        folding.turn(call(f"c{n}", tool="get"), result(f"c{n}", parts(n)), said(f"Part {n}-1059 it is."))
    folding.turn(call("c3", tool="get"), result("c3", parts(3)))
    return folding.content(-1)


def parts(n: int) -> str:
    return json.dumps({"order": n, "parts": [f"{n}-{1000 + i}" for i in range(60)]})


def learning_enabled() -> bool:
    return "3-1030" in learned() and "3-1030" not in learned(enabled=False)


def learning_min_outputs() -> bool:
    return "3-1030" in learned(min_outputs=2) and "3-1030" not in learned(min_outputs=3)


def learning_tools() -> bool:
    def first(tool: str, keep: str) -> str:
        return shown(parts(1), learning={"tools": [{"tool": tool, "keep": [keep]}]})

    return (
        "1-1030" in first("search", "parts[]")
        and "left out" in first("other", "parts[]")
        and "left out" in first("search", "order")
    )


def wrappers_enabled() -> bool:
    text = f"<returncode>0</returncode>\n<output>\n{PROSE}\n</output>"
    return shown(text) == PROSE and shown(text, wrappers={"enabled": False}) == text


def numbered_enabled() -> bool:
    text = "\n".join(f"{n:6}\tx = {n}" for n in range(1, 40))
    return shown(text).startswith("1\tx") and shown(text, numbered={"enabled": False}) == text


NAMES = "\n".join(f"test_{n}.py" for n in range(400))


def listings_enabled() -> bool:
    return "\n[" in shown(NAMES) and shown(NAMES, listings={"enabled": False}) == NAMES


def listings_names() -> bool:
    return len(shown(NAMES, listings={"names": 20}).split()) < len(shown(NAMES).split())


HITS = "\n".join(f"app/lang{n}/app.po:{n + 10}:this very text is in every catalogue" for n in range(40))


def search_enabled() -> bool:
    return "left out" in shown(HITS) and shown(HITS, search={"enabled": False}) == HITS


def search_same_text() -> bool:
    return shown(HITS, search={"same_text": 6}).count("very text") == 6 > shown(HITS).count("very text")


def search_longest() -> bool:
    text = "a/x.js:1:" + "var a=1;" * 200 + "\nb/y.js:2:var a\n"
    return len(shown(text, search={"longest": 300})) < len(shown(text)) < len(text)


FOUND = "\n".join(f"the banner of house {n}, seen from far away" for n in range(70))


def found(**hits: Any) -> str:
    folding = Folding(hits=hits)
    folding.turn(user("Go."), call("c") | {"content": "I look for the banner: strings all.img | grep banner"}, result("c", FOUND))
    return folding.content(-1)


def hits_enabled() -> bool:
    return "more lines with banner left out" in found() and "left out" not in found(enabled=False)


def hits_min_lines() -> bool:
    return "left out" in found(min_lines=69) and "left out" not in found(min_lines=70)


def hits_same_form() -> bool:
    return found(same_form=14).count("house") == 14 > found().count("house")


def traces_enabled() -> bool:
    text = "Traceback (most recent call last):\n" + "".join(f'  File "/app/m{n}.py", line {n}, in f\n    f()\n' for n in range(9))
    return "/app/m3.py:3 in f" in shown(text) and shown(text, traces={"enabled": False}) == text


def repeats_enabled() -> bool:
    text = LOOP * 3
    return "more times]" in shown(text) and shown(text, repeats={"enabled": False}) == text


LOOP = "still waiting for the other side to answer the request\nand trying again after two more seconds\n"


def repeats_min_lines() -> bool:
    return "more times]" in shown(LOOP * 3, repeats={"min_lines": 4}) and shown(LOOP * 3, repeats={"min_lines": 5}) == LOOP * 3


def ends_enabled() -> bool:
    text = "\n".join(f"ls: cannot access 'f{n}': No such file or directory" for n in range(9))
    return "\nf3…\n" in shown(text) and shown(text, ends={"enabled": False}) == text


PASSES = "\n".join([*(f"test_{n} (app.Tests) ... ok" for n in range(12)), "test_x (app.Tests) ... FAIL", "Ran 13 tests in 0.1s"])


def runners_enabled() -> bool:
    text = PASSES * 4
    return "left out" in shown(text) and "left out" not in shown(text, tests={"enabled": False})


def runners_min_characters() -> bool:
    return "left out" not in shown(PASSES) and "left out" in shown(PASSES, tests={"min_characters": 100})


STEPS = "\n".join([*(f"Requirement already satisfied: lib{n} in /venv (1.0)" for n in range(9)), "error: no"])


def builds_enabled() -> bool:
    text = "\n".join([STEPS] * 4)
    return "left out" in shown(text) and "left out" not in shown(text, builds={"enabled": False})


def builds_min_characters() -> bool:
    return "left out" not in shown(STEPS) and "left out" in shown(STEPS, builds={"min_characters": 100})


def diffs_enabled() -> bool:
    text = "".join(
        f"diff --git a/m{n}.py b/m{n}.py\nindex 9493de137d..a58a8cefed 100644\n--- a/m{n}.py\n+++ b/m{n}.py\n@@ -1 +1 @@\n-a\n+b\n"
        for n in range(9)
    )
    return "diff --git" not in shown(text) and shown(text, diffs={"enabled": False}) == text


ROWS = str([(f"city {n}", n) for n in range(90)])


def tables_enabled() -> bool:
    return "\ncity 7,7\n" in shown(ROWS) and shown(ROWS, tables={"enabled": False}) == ROWS


def tables_rows() -> bool:
    return "\ncity 55,55\n" in shown(ROWS, tables={"rows": 60}) and "\ncity 55,55\n" not in shown(ROWS)


HEX = " ".join(["0123456789abcdef" * 20, "0123456789abcdef" * 50])


def blobs_enabled() -> bool:
    return "<hex, 800 characters" in shown(HEX) and shown(HEX, blobs={"enabled": False}) == HEX


def blobs_min_characters() -> bool:
    return shown(HEX).count("<hex") == 1 and shown(HEX, blobs={"min_characters": 300}).count("<hex") == 2


PAGE = "HTTP/1.1 200 OK\n\n<!DOCTYPE html>\n" + '<div class="wide blue card"><p class="x">Some words.</p></div>\n' * 12


def markup_enabled() -> bool:
    return "<p" not in shown(PAGE) and shown(PAGE, markup={"enabled": False}) == PAGE


def markup_min_characters() -> bool:
    return "<p" in shown(PAGE, markup={"min_characters": 2000}) and "<p" not in shown(PAGE)


def listings_directories() -> bool:
    tree = "\n\n".join(f"./part{n}/src:\n" + "\n".join(f"module_{n}_{i}.py" for i in range(8)) for n in range(30))
    return "directories below" in shown(tree) and "directories below" not in shown(tree, listings={"directories": 30})


def windowed(**window: Any) -> Folding:
    folding = Folding(window=window)
    folding.turn(user("The task."))
    for i in range(12):
        folding.turn(call(f"c{i}"), result(f"c{i}", f"{i} {PROSE}"))
    return folding


def cuts(folding: Folding) -> int:
    return sum(bool(originals(e)) for e in folding.effects)


def window_max_tokens() -> bool:
    return cuts(windowed()) == 0 < cuts(windowed(max_tokens=1_000))


def window_low_water() -> bool:
    return cuts(windowed(max_tokens=1_000, low_water=0.9)) > cuts(windowed(max_tokens=1_000, low_water=0.4))


def window_keep_last_turns() -> bool:
    def least(keep: int) -> int:
        folding = windowed(max_tokens=1_200, low_water=0.1, keep_last_turns=keep)
        return min(e.context.message_count for e in folding.effects if e.context is not None and originals(e))

    # The opening, the marker, and the rounds that stay.
    return least(1) == 2 + 2 and least(4) == 2 + 8


def limits_event_bytes() -> bool:
    event = Record(
        topic="turns", partition=0, offset=0, timestamp=0, key=b"s", value=b'{"session_id":"s","messages":[{"role":"user"}]}'
    )

    table: dict[bytes, bytes] = {}

    def refused(limit: int) -> int:
        settings = Settings(policy=override(Policy(), {"limits": {"event_bytes": limit}}))
        return Processor(settings, load_tokenizer(network=False)).process([event], table.get).dead

    size = len(event.value or b"")
    return (refused(size), refused(size - 1)) == (0, 1)


def limits_session_messages() -> bool:
    folding = Folding(limits={"session_messages": 3})
    fits = folding.turn(user("a"), call("c"), result("c", "x"))
    beyond = folding.turn(user("b"))
    return fits.dead is None and beyond.dead is not None and beyond.dead.stage == "limit"


def limits_session_bytes() -> bool:
    folding = Folding(limits={"session_bytes": 300})
    fits = folding.turn(user("a" * 200))
    beyond = folding.turn(user("b" * 200))
    return fits.dead is None and beyond.dead is not None and beyond.dead.stage == "limit"


EFFECTS = {
    "preset": preset,
    "profiles": profiles,
    "lossy": lossy,
    "output_tokens": output_tokens,
    "crush.enabled": crush_enabled,
    "crush.min_tokens": crush_min_tokens,
    "crush.max_items": crush_max_items,
    "crush.keep_first": crush_keep_first,
    "crush.keep_last": crush_keep_last,
    "crush.relevance_threshold": crush_relevance_threshold,
    "crush.anomaly_std_threshold": crush_anomaly_std_threshold,
    "crush.preserve_errors": crush_preserve_errors,
    "emit": emit,
    "min_tokens": min_tokens,
    "protected_tools": protected_tools,
    "frozen_messages": frozen_messages,
    "records.enabled": records_enabled,
    "records.min_rows": records_min_rows,
    "records.factored_rows": records_factored_rows,
    "logs.enabled": logs_enabled,
    "logs.min_lines": logs_min_lines,
    "logs.examples": logs_examples,
    "logs.rare": logs_rare,
    "noise.enabled": noise_enabled,
    "wrappers.enabled": wrappers_enabled,
    "numbered.enabled": numbered_enabled,
    "listings.enabled": listings_enabled,
    "listings.names": listings_names,
    "search.enabled": search_enabled,
    "search.same_text": search_same_text,
    "search.longest": search_longest,
    "hits.enabled": hits_enabled,
    "hits.min_lines": hits_min_lines,
    "hits.same_form": hits_same_form,
    "traces.enabled": traces_enabled,
    "repeats.enabled": repeats_enabled,
    "repeats.min_lines": repeats_min_lines,
    "ends.enabled": ends_enabled,
    "tests.enabled": runners_enabled,
    "tests.min_characters": runners_min_characters,
    "builds.enabled": builds_enabled,
    "builds.min_characters": builds_min_characters,
    "diffs.enabled": diffs_enabled,
    "tables.enabled": tables_enabled,
    "tables.rows": tables_rows,
    "blobs.enabled": blobs_enabled,
    "blobs.min_characters": blobs_min_characters,
    "markup.enabled": markup_enabled,
    "markup.min_characters": markup_min_characters,
    "bulk.enabled": bulk_enabled,
    "bulk.items": bulk_items,
    "bulk.first": bulk_first,
    "bulk.last": bulk_last,
    "bulk.characters": bulk_characters,
    "bulk.kept": bulk_kept,
    "bulk.sentences": bulk_sentences,
    "prose.enabled": prose_enabled,
    "prose.min_chars": prose_min_chars,
    "prose.first": prose_first,
    "listings.directories": listings_directories,
    "references.enabled": references_enabled,
    "references.min_lines": references_min_lines,
    "references.max_chars": references_max_chars,
    "learning.enabled": learning_enabled,
    "learning.min_outputs": learning_min_outputs,
    "learning.tools": learning_tools,
    "window.max_tokens": window_max_tokens,
    "window.low_water": window_low_water,
    "window.keep_last_turns": window_keep_last_turns,
    "limits.event_bytes": limits_event_bytes,
    "limits.session_messages": limits_session_messages,
    "limits.session_bytes": limits_session_bytes,
}


def fields(tree: dict[str, Any], prefix: str = "") -> list[str]:
    out: list[str] = []
    for key, value in tree.items():
        out += fields(value, f"{prefix}{key}.") if isinstance(value, dict) else [prefix + key]
    return out


def pytest_generate_tests(metafunc: Any) -> None:
    if "field" in metafunc.fixturenames:
        metafunc.parametrize("field", fields(msgspec.to_builtins(Policy())))


def test_a_field_of_the_policy_has_an_effect(field: str) -> None:
    assert field in EFFECTS, "a new field needs a test that shows its effect"
    assert EFFECTS[field]()


def test_no_effect_is_tested_of_a_field_that_is_gone() -> None:
    assert EFFECTS.keys() == set(fields(msgspec.to_builtins(Policy())))


def test_the_query_of_an_event_steers_what_a_log_keeps() -> None:
    folding = Folding()
    folding.turn(user("Go."), call("c"), result("c", LOGS), query="what about request 41?")
    assert "request 41 served" in json.loads(folding.bodies[2])["content"]
    assert "request 41 served" not in shown(LOGS)


def test_without_a_query_the_last_question_of_the_user_steers() -> None:
    folding = Folding()
    folding.turn(user("what about request 41?"))
    folding.turn(call("c"), result("c", LOGS))
    assert "request 41 served" in json.loads(folding.bodies[2])["content"]


def test_what_is_compressed_is_what_the_compressors_make() -> None:
    made = compress_text(RECORDS, Hints(tool="search"), Policy())
    assert made is not None
    assert shown(RECORDS) == made.text


def test_small_outputs_leave_no_decision() -> None:
    folding = Folding()
    effects = folding.turn(user("Go."), call("c"), result("c", "ok"))
    assert decisions(effects) == []
    assert row(effects).new_messages == 3


def test_what_a_preset_does_not_say_stays_as_it_was() -> None:
    own = override(Policy(), {"min_tokens": 99, "bulk": {"items": 7}})
    changed = override(own, {"preset": "aggressive", "prose": {"first": 8}})
    assert (changed.min_tokens, changed.bulk.items, changed.prose.first) == (99, 12, 8)


def test_a_preset_or_a_kind_that_does_not_exist_is_an_error_that_names_those_that_do() -> None:
    with pytest.raises(ConfigurationError, match="conservative, balanced, aggressive"):
        override(Policy(), {"preset": "wild"})
    with pytest.raises(ConfigurationError, match=r"no kinds pictures; there are records, logs"):
        override(Policy(), {"profiles": [{"tools": "*", "kinds": ["pictures"]}]})
