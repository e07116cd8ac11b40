"""What was shown before is pointed at, and what a pointer stands for is exactly what was shown."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headroom_stream.config import ReferencesConfig
from headroom_stream.content.records import parse, restore, write
from headroom_stream.messages import view
from headroom_stream.references import Referring, Shown, expand, refer
from headroom_stream.references.shown import digest
from headroom_stream.references.values import _PUNCTUATION, scan
from headroom_stream.session.state import outputs
from headroom_stream.tokenizers import load_tokenizer
from headroom_stream.tokens import count_message
from tests.core.folding import Folding, call, result, user

CONFIG = ReferencesConfig()
SOURCE = "\n".join(f"{n:4}  value_{n} = compute(value_{n - 1}, weight={n * 7})" for n in range(1, 40))
LINES = SOURCE.split("\n")
RESERVATION = {
    "reservation_id": "K1NW8N",
    "origin": "Oslo Gardermoen",
    "destination": "Lisbon Portela",
    "passengers": [{"first": "Ada", "born": "1950-06-24"}, {"first": "Grace", "born": "1986-05-05"}],
    "status": "open",
}


class Story:
    """Outputs of a session, one after the other, without a fold around them."""

    def __init__(self, config: ReferencesConfig = CONFIG) -> None:
        self.config = config
        self.shown = Shown(config.max_chars)
        self.sent: list[Referring] = []

    def tell(self, text: str) -> Referring:
        made = refer(text, self.shown, self.config)
        sent = made or Referring(text)
        self.sent.append(sent)
        self.shown.add(len(self.sent), sent, digest(text) if made else None)
        return sent

    def expanded(self, sent: Referring) -> str:
        return expand(sent, lambda n: self.sent[n - 1])


def told(*texts: str) -> tuple[Story, Referring]:
    story = Story()
    for text in texts:
        last = story.tell(text)
    return story, last


def test_the_same_output_again_is_one_marker() -> None:
    story, sent = told(SOURCE, "other " * 40, SOURCE)
    assert sent.text == "[same as result 1]"
    assert story.expanded(sent) == SOURCE


def test_a_third_copy_points_at_the_first_which_is_still_whole() -> None:
    _, sent = told(SOURCE, SOURCE, SOURCE)
    assert sent.text == "[same as result 1]"


def test_a_run_of_lines_is_pointed_at_and_what_is_new_stays_in_its_place() -> None:
    later = "\n".join([*LINES[5:15], "new line of the edit", *LINES[15:30], "and an end"])
    story, sent = told(SOURCE, later)
    assert sent.text == "[10 lines as in result 1]\nnew line of the edit\n[15 lines as in result 1]\nand an end"
    assert story.expanded(sent) == later


def test_lines_are_told_apart_by_their_numbers() -> None:
    shifted = "\n".join(line.replace(line[:4], f"{int(line[:4]) + 1:4}", 1) for line in LINES)
    assert told(SOURCE, shifted)[1].marks == ()


CODE = [f"    value_{n} = compute(value_{n * 5 % 7}, weight={n * 7})" if n % 4 else "" for n in range(1, 60)]


def under_numbers(lines: list[str], first: int, form: str = "{}:") -> str:
    return "\n".join(form.format(number) + line for number, line in enumerate(lines, first))


def test_code_that_moved_by_an_edit_is_pointed_at_with_its_numbers() -> None:
    edited = under_numbers([*CODE[:20], "    added = 1", *CODE[20:]], 90)
    story, sent = told(under_numbers(CODE, 90), edited)
    assert sent.text == "[lines 90-109 as in result 1]\n110:    added = 1\n[lines 111-149 as 110-148 in result 1]"
    assert story.expanded(sent) == edited


@pytest.mark.parametrize("form", ["{}:", "{}\t", "{:6}\t", "{:5}→", "{} | ", "{:3} | "])
def test_numbers_are_put_back_as_they_were_written(form: str) -> None:
    first, later = under_numbers(CODE, 80, form), under_numbers(CODE, 95, form)
    story, sent = told(first, later)
    assert sent.text == "[lines 95-153 as 80-138 in result 1]"
    assert story.expanded(sent) == later


def test_a_long_line_alone_is_pointed_at_after_words_that_it_is_found_by() -> None:
    line = "WARNING: the certificate of the registry at https://registry.example.com/v2/ expires in 12 days, renew it"
    for last in (line, f"{line}\nfirst seen"):
        story, sent = told(f"step 1\n{line}\n{'and so on ' * 5}", f"step 2\nall new\n{last}")
        assert sent.text == f"step 2\nall new\n{last.replace(line[13:], '…as in result 1')}"
        assert story.expanded(sent) == f"step 2\nall new\n{last}"
    assert told(f"step 1\n{line[:70]}\n{'and so on ' * 5}", f"step 2\n{line[:70]}\nother")[1].marks == ()


def test_a_line_of_which_the_rest_is_a_marker_is_not_pointed_at() -> None:
    line = "x" * 300
    story, _ = told(f"{line}\n1\n2", f"one\n{line}\n{'and so on ' * 9}")
    again = story.tell(f"two\n{'x' * 24}…as in result 1\nthree{' and so on' * 9}")
    assert again.marks == ()


def test_a_long_line_under_another_number_is_written_out() -> None:
    for lines in (1, 2):
        story = Story(ReferencesConfig(min_lines=lines))
        story.tell(f"12:{'long ' * 80}\n13:x = 1\nend")
        assert story.tell(f"before\n17:{'long ' * 80}\n19:x = 1\nend").marks == ()


def test_code_that_moved_is_written_again_where_it_is_short() -> None:
    assert told(under_numbers(CODE, 90), under_numbers(CODE[4:8], 99))[1].marks == ()


def test_numbers_that_do_not_rise_line_by_line_are_written_out() -> None:
    hits = [f"{n * n}:{line}" for n, line in enumerate(CODE, 5)]
    moved = [f"{n * n + 1}:{line}" for n, line in enumerate(CODE, 5)]
    assert told("\n".join(hits), "\n".join(moved))[1].marks == ()
    assert told(under_numbers(CODE, 5), "\n".join(moved))[1].marks == ()


def test_a_run_begins_with_the_lines_that_say_nothing_themselves() -> None:
    later = "\n".join(["an edit", "}", "", *LINES[5:15], "and an end"])
    assert told("\n".join(["}", "", *LINES[5:15]]), later)[1].text == "an edit\n[12 lines as in result 1]\nand an end"


def test_short_runs_and_runs_that_say_nothing_are_repeated() -> None:
    assert told(SOURCE, "\n".join(["a", *LINES[3:4], "b", *LINES[8:9]]))[1].marks == ()
    assert told("}\n" * 200, "a\n" + "}\n" * 20)[1].marks == ()


def test_a_marker_is_never_pointed_at_as_if_it_were_a_line() -> None:
    first = "\n".join([*LINES[:10], "one", "two", "three that is long enough to count as something", *LINES[10:20]])
    story, _ = told(SOURCE, first, first)
    third = "\n".join([story.sent[1].text.split("\n")[0], "one", "two", "three that is long enough to count as something"])
    sent = story.tell(third)
    assert story.expanded(sent) == third
    assert sent.text.startswith("[10 lines")


def test_an_object_within_json_is_pointed_at() -> None:
    inner = "{street:825 Laurel Lane,suite:595,city:Houston,country:USA}"
    story, sent = told(
        f"{{name:Sofia Kim,address:{inner},member:gold,dob:1950-06-24,phone:+1 212 555 0100}}", f"{{to:{inner},kind:parcel}}"
    )
    assert sent.text == "{to:…as in result 1,kind:parcel}"
    assert story.expanded(sent) == f"{{to:{inner},kind:parcel}}"


def test_an_object_that_is_known_shows_what_changed() -> None:
    before = (
        "{reservation_id:K1NW8N,origin:Oslo Gardermoen,destination:Lisbon Portela,status:open,created:2024-05-14T16:03:16,bags:0}"
    )
    after = before.replace("status:open", "status:cancelled").replace("bags:0", "bags:0,refund:567")
    story, sent = told(before, after)
    assert sent.text == "{reservation_id:K1NW8N,status:cancelled,refund:567,…rest as in result 1}"
    assert restore(story.expanded(sent)) == restore(after)


def test_an_object_within_a_string_of_json_keeps_the_order_of_its_entries() -> None:
    before = "{order_id:W0000001,customer:someone with a name,status:pending,note:some words,items:[1,{sku:A1,price:4}]}"
    after = before.replace("status:pending", "status:cancelled")
    for mark in ("json", "json ", "json2"):
        assert told(f"{{a:{mark}{before}}}", f"{{b:1,a:{mark}{after}}}")[1].marks == ()
        assert told(f"{{a:{mark}{before}}}", f"{{b:1,a:{mark}{before}}}")[1].text == "{b:1,a:" + mark + "…as in result 1}"
    assert "…rest as in result 1" in told(f"{{a:{before}}}", f"{{b:1,a:{after}}}")[1].text


def test_an_object_that_lost_a_field_is_written_whole() -> None:
    before = (
        "{reservation_id:K1NW8N,origin:Oslo Gardermoen,destination:Lisbon Portela,status:open,created:2024-05-14T16:03:16,bags:0}"
    )
    assert told(before, before.replace(",bags:0", ""))[1].marks == ()


ORDER = "{order_number:W%s,customer_name:Ada,delivery_address:{street:%s,town:Oslo},payment_method:card,delivery_status:%s}"


def test_an_object_with_the_keys_of_another_shows_its_values_in_their_order() -> None:
    later = ORDER % ("2", "Long Road", "sent")
    story, sent = told(ORDER % ("1", "Short Road", "open"), later)
    assert sent.text == "{…keys as in result 1:W2,Ada,{street:Long Road,town:Oslo},card,sent}"
    assert story.expanded(sent) == later


def test_a_key_of_the_data_that_reads_like_a_marker_is_in_quotes() -> None:
    forged = {"…keys as in result 1": "x", "a": 1}
    text = write(parse(json.dumps(forged)))
    assert text == '{"…keys as in result 1":x,a:1}'
    assert restore(text) == forged


def test_keys_that_were_shown_long_ago_are_said_again() -> None:
    others = [f"line {n} of another output\n" * 20 for n in range(7)]
    assert told(ORDER % ("1", "Short Road", "open"), *others[:6], ORDER % ("2", "Long Road", "sent"))[1].marks
    assert not told(ORDER % ("1", "Short Road", "open"), *others, ORDER % ("2", "Long Road", "sent"))[1].marks


def test_keys_in_another_order_or_beside_others_are_said_again() -> None:
    first = ORDER % ("1", "Short Road", "open")
    assert not told(first, "{gift:yes," + (ORDER % ("2", "Long Road", "sent"))[1:])[1].marks


def test_the_header_of_a_table_is_pointed_at_and_its_rows_stay() -> None:
    header = "{flight_number,origin,destination,departure,arrival,seats{economy,business}}"
    story, sent = told(
        f"[{header}\nHAT1,OSL,LIS,14:00,17:00,4,2\nHAT2,OSL,LIS,18:00,21:00,9,1]", f"[{header}\nHAT3,LIS,OSL,08:00,11:00,7,7]"
    )
    assert sent.text == "[{…as in result 1}\nHAT3,LIS,OSL,08:00,11:00,7,7]"
    assert story.expanded(sent) == f"[{header}\nHAT3,LIS,OSL,08:00,11:00,7,7]"


def test_a_header_and_an_object_that_reads_like_it_are_not_mistaken_for_each_other() -> None:
    flat = "{kind:parcel,carrier:post,country:Norway,insured:true}"
    assert told(f"[{flat},{flat[:-1]},weight:2}},{{a:1}},{{b:{'2' * 60}}}]", f"[{flat}\n1\n2\n3\n4\n5\n6]")[1].marks == ()


def test_what_left_the_index_is_not_pointed_at() -> None:
    story = Story(ReferencesConfig(max_chars=len(SOURCE) + 200))
    story.tell(SOURCE)
    story.tell("x" * 150)
    assert story.tell(SOURCE).text == "[same as result 1]"
    story.tell("\n".join(f"line {n} of another output, which is long enough" for n in range(40)))
    assert story.tell(SOURCE).text == SOURCE
    assert story.shown.chars <= len(SOURCE) + 200


def test_the_index_forgets_all_of_an_output_that_leaves_it() -> None:
    shown = Shown(10_000)
    texts = [json.dumps({"order_id": f"W{n}", "note": f"note {n} " * 30}).replace(" ", "") for n in range(500)]
    for n, text in enumerate(
        [t for pair in zip(texts, [SOURCE.replace("value", f"v{n}") for n in range(500)], strict=True) for t in pair], 1
    ):
        shown.add(n, Referring(text))
    held = set(shown.documents)
    assert 0 < len(held) < 40
    places: list[Any] = [*shown.grams.values(), *shown.values.values(), *shown.objects.values()]
    assert {place.output for place in places} | set(shown.whole.values()) <= held


piece = st.sampled_from(
    [
        *LINES[:12],
        "",
        "}",
        "7:" + "a long line " * 8,
        "8:" + "a long line " * 8,
        "a long line " * 8,
        "    return total",
        "[same as result 1]",
        "[10 lines as in result 1]",
        "…as in result 2",
    ]
)
listing = st.tuples(st.integers(0, 30), st.integers(1, 30), st.integers(1, 1_100), st.sampled_from(["{}:", "{:4}\t", "{} | "])).map(
    lambda drawn: under_numbers(CODE[drawn[0] : drawn[0] + drawn[1]], drawn[2], drawn[3])
)
text_output = st.lists(piece, min_size=1, max_size=40).map("\n".join) | st.lists(listing, min_size=1, max_size=3).map("\n".join)
leaf = st.sampled_from(
    ["Oslo", "…as in result 1", "K1NW8N", 17, 1.5, None, True, "a longer text, with a comma and {braces} in it", "^", "x" * 50]
)
value = st.recursive(
    leaf, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=4), max_leaves=12
)
changed = st.fixed_dictionaries({"status": st.sampled_from(["open", "cancelled"]), "extra": value}).map(
    lambda more: RESERVATION | more
)
json_output = (changed | st.lists(changed, max_size=3) | value).map(json.dumps)


@given(st.lists(text_output, min_size=1, max_size=6))
def test_every_text_can_be_read_back_from_what_was_sent(texts: list[str]) -> None:
    story = Story()
    for text in texts:
        sent = story.tell(text)
        assert story.expanded(sent) == text
        assert len(sent.text) <= len(text)


@settings(max_examples=60)
@given(st.lists(st.one_of(text_output, json_output), min_size=1, max_size=7))
def test_a_session_says_the_same_with_references_and_without(texts: list[str]) -> None:
    with_them, without = Folding(), Folding(references={"enabled": False})
    for i, text in enumerate(texts):
        for folding in (with_them, without):
            folding.turn(*([user("Go.")] if i == 0 else []), call(f"c{i}"), result(f"c{i}", text))
    assert with_them.session is not None
    assert without.session is not None
    sent = {n: referring for n, referring, _ in outputs(with_them.session.segments)}
    plain = {n: referring.text for n, referring, _ in outputs(without.session.segments)}
    tokenizer = load_tokenizer(network=False)
    for n, referring in sent.items():
        told_again = expand(referring, sent.__getitem__)
        assert told_again == plain[n] or restore(told_again) == restore(plain[n])
        assert tokenizer.count(referring.text) <= tokenizer.count(plain[n])


@settings(max_examples=60)
@given(st.lists(st.one_of(text_output, json_output), min_size=2, max_size=7), st.data())
def test_a_worker_that_meets_the_session_anew_sends_the_same_bytes(texts: list[str], data: st.DataObject) -> None:
    warm, cold = Folding(), Folding()
    moves = data.draw(st.sets(st.integers(1, len(texts) - 1)))
    for i, text in enumerate(texts):
        for folding in (warm, cold):
            folding.turn(*([user("Go.")] if i == 0 else []), call(f"c{i}"), result(f"c{i}", text))
        if i in moves:
            cold.restart()
    assert warm.bodies == cold.bodies


@pytest.mark.parametrize(
    ("source", "again", "marker"),
    [
        (SOURCE, SOURCE, "[39 lines as in result 1]"),
        (under_numbers(CODE, 90), under_numbers(CODE, 98), "[lines 98-156 as 90-148 in result 1]"),
    ],
)
def test_what_is_pointed_at_is_written_out_where_its_source_leaves_the_window(source: str, again: str, marker: str) -> None:
    folding = Folding(window={"max_tokens": 3_400, "low_water": 0.98, "keep_last_turns": 1})
    long = "\n".join(f"row {n} of {n * n} and {n * 31} more, which nobody asks for again" for n in range(60))
    folding.turn(user("Go."), call("a"), result("a", f"{source}\n{long}"))
    folding.turn(call("b"), result("b", f"before\n{again}\nafter"))
    assert marker in folding.content(-1)
    n = 0
    while b"left out" not in folding.bodies[1]:
        n += 1
        folding.turn(call(f"c{n}"), result(f"c{n}", f"step {n}: " + "all is well with the machine so far. " * 12))
    assert [json.loads(body)["content"] for body in folding.bodies if b"before" in body] == [f"before\n{again}\nafter"]
    assert not any(b"in result 1]" in body for body in folding.bodies)
    head = folding.session.head if folding.session else None
    assert head is not None
    assert head.tokens_after == sum(count_message(view(body), folding.tokenizer) for body in folding.bodies)


@pytest.mark.parametrize("provider", ["anthropic", "gemini", "openai"])
def test_references_keep_the_shape_of_every_provider(provider: str) -> None:
    shapes: dict[str, tuple[Any, Any]] = {
        "openai": (call, result),
        "anthropic": (
            lambda k: {"role": "assistant", "content": [{"type": "tool_use", "id": k, "name": "find", "input": {}}]},
            lambda k, t: {"role": "user", "content": [{"type": "tool_result", "tool_use_id": k, "content": t}]},
        ),
        "gemini": (
            lambda k: {"role": "model", "parts": [{"functionCall": {"name": k, "args": {}}}]},
            lambda k, t: {"role": "user", "parts": [{"functionResponse": {"name": k, "response": {"result": t}}}]},
        ),
    }
    ask, answer = shapes[provider]
    start = {"role": "user", "parts": [{"text": "Go."}]} if provider == "gemini" else user("Go.")
    folding = Folding()
    folding.turn(start, ask("a"), answer("a", SOURCE), ask("b"), answer("b", SOURCE))
    assert json.loads(folding.bodies[-1]) == answer("b", "[same as result 1]")


@pytest.mark.parametrize("text", ['["' + '\\"' * 500, '{"a":"' + '\\"b' * 500, '["' + '\\"' * 500 + "\\"])
def test_a_string_without_an_end_is_gone_over_once(text: str) -> None:
    """Were each quote in it tried as a beginning, the time would grow like the square."""
    assert max(found.end() for found in _PUNCTUATION.finditer(text)) == len(text)
    assert len(list(_PUNCTUATION.finditer(text))) <= 3
    assert scan(text) is None
