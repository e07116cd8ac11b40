"""SmartCrusher: what stays of long lists, what is said of the rest, and what is left alone."""

from __future__ import annotations

import json
import random
from datetime import date
from typing import Any

import pytest

from headroom_stream.config.crusher import RelevanceScorerConfig, SmartCrusherConfig
from headroom_stream.content import Hints
from headroom_stream.content.records import restore
from headroom_stream.errors import ConfigurationError, ValidationError
from headroom_stream.relevance import RelevanceScore, VectorScorer
from headroom_stream.tokenizers import load_tokenizer
from headroom_stream.transforms.crush.cut import crush_records
from headroom_stream.transforms.outputs import reference
from headroom_stream.transforms.smart_crusher import CrushResult, SmartCrusher
from tests.relevance.embedder import embed

WORDS = ["amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heath", "islet", "jetty", "knoll", "larch"]
MORE_WORDS = [word + end for end in ("", "wood", "field", "side") for word in WORDS]
"""Enough that no two rows are alike by chance."""


def rows(count: int = 400, seed: int = 1) -> list[dict[str, Any]]:
    """Ordinary rows: no errors, nothing rare, numbers without tails."""
    rng = random.Random(seed)
    return [
        {
            "id": 10_000 + n,
            "state": "idle" if n % 2 else "busy",
            "load": rng.randrange(40, 60),
            "note": " ".join(rng.sample(MORE_WORDS, 6)),
        }
        for n in range(count)
    ]


def crush(data: Any, query: str = "", **config: Any) -> CrushResult:
    return SmartCrusher(SmartCrusherConfig(**config)).crush(data, query)


def shown(result: CrushResult) -> Any:
    """The value that stays, without the marker."""
    text = result.compressed.rsplit("\n[", 1)[0] if result.removed else result.compressed
    return restore(text)


def ids(result: CrushResult) -> set[int]:
    return {row["id"] for row in shown(result)}


def test_a_list_within_the_cap_becomes_a_table_without_loss() -> None:
    data = rows(40)
    result = crush(json.dumps(data, indent=1))
    assert (result.strategy, result.was_modified, result.removed, result.ref) == ("lossless", True, "", "")
    assert shown(result) == data
    assert len(result.compressed) < len(json.dumps(data, separators=(",", ":")))


def test_a_long_list_keeps_the_cap_and_says_what_is_left_out() -> None:
    data = rows()
    result = crush(data)
    assert len(ids(result)) == 50
    assert result.original == json.dumps(data)
    assert result.removed == "350 of 400 items"
    assert result.compressed.endswith(f"\n[350 of 400 items left out, original {result.ref}]")
    assert result.ref == reference("", "", result.original)
    assert [row for row in data if row["id"] in ids(result)] == shown(result)


def test_the_page_example_takes_a_dict() -> None:
    result = SmartCrusher().crush(data={"results": rows(), "total": 400}, query="user query")
    assert result.removed == "350 of 400 items of results"
    assert shown(result)["total"] == 400


def test_the_first_and_the_last_items_stay() -> None:
    data = rows()
    kept = ids(crush(data))
    assert {row["id"] for row in (*data[:3], *data[-2:])} <= kept


@pytest.mark.parametrize(
    "error",
    [
        {"note": "connection refused by upstream"},
        {"error": "E17"},
        {"error": {"reason": "quota"}},
        {"status": 503},
        {"success": False},
        {"level": "E"},
        {"result": "java.lang.NullPointerException at x"},
    ],
)
def test_items_that_tell_of_an_error_stay(error: dict[str, Any]) -> None:
    data: list[dict[str, Any]] = [{"success": True, "level": "I", "status": 200, "error": None} | row for row in rows()]
    places = range(40, 340, 12)  # more than any rule for rare values would keep
    for at in places:
        data[at] |= error
    assert {data[at]["id"] for at in places} <= ids(crush(data))


def test_a_field_by_which_most_items_are_errors_tells_nothing() -> None:
    data = [row | {"level": "ERROR"} for row in rows()]
    assert len(ids(crush(data))) == 50


def test_rare_values_stay() -> None:
    data = rows()
    data[123]["state"] = "draining"
    data[200]["state"] = None
    del data[300]["state"]
    data[350]["extra"] = "x"
    assert {data[at]["id"] for at in (123, 200, 300, 350)} <= ids(crush(data))


def test_where_all_items_are_of_their_own_kind_none_stays_for_being_rare() -> None:
    data = [{f"field_{n}": f"value {n}", "id": 10_000 + n} for n in range(400)]
    assert len(ids(crush(data))) == 50


def test_a_score_that_half_of_the_items_reach_makes_none_relevant() -> None:
    class Everything:
        def score_items(self, items: Any, query: str) -> list[RelevanceScore]:
            return [RelevanceScore(score=0.9, reason="") for _ in items]

    crusher = SmartCrusher(SmartCrusherConfig(max_items_after_crush=20), scorer=Everything())
    assert crusher.crush(rows(), "which") == SmartCrusher(crusher.config).crush(rows())


def test_a_huge_number_does_not_hide_other_outliers() -> None:
    data = rows()
    data[77]["load"] = 10**12
    data[222]["load"] = 400
    data[333]["load"] = -300
    assert {data[at]["id"] for at in (77, 222, 333)} <= ids(crush(data))


def test_a_full_cap_gives_way_to_numbers_far_off_only() -> None:
    data = [row | {"ms": 40 + 20 * (n * 0.618 % 1)} for n, row in enumerate(rows())]
    for at in range(100, 130):
        data[at]["error"] = f"E{at}"
    data[222]["ms"] = 67.5  # about three deviations
    data[333]["ms"] = 140
    kept = ids(crush(data, max_items_after_crush=10))
    assert 10_333 in kept and 10_222 not in kept


def test_a_long_tail_is_no_anomaly() -> None:
    data = [row | {"size": 100 + n % 7 if n % 4 else 10**6 + n * n * 1_000} for n, row in enumerate(rows())]
    assert len(ids(crush(data))) == 50


def test_a_number_that_is_no_status_tells_of_no_error() -> None:
    data = [row | {"code": 5_000 + n if n % 5 == 2 else 1_000 + n} for n, row in enumerate(rows())]
    assert len(ids(crush(data))) == 50


def test_a_text_is_left_alone_where_the_marker_would_cost_more_than_it_saves() -> None:
    text = "[" + ",".join(map(str, range(100, 151))) + "]"
    assert crush(text, min_tokens_to_crush=0).compressed == text


def test_a_level_that_moves_shows_where() -> None:
    rng = random.Random(3)
    data = [{"n": n, "value": rng.gauss(50 if n < 260 else 54, 0.5)} for n in range(400)]
    kept = [row["n"] for row in shown(crush(data, keep_first=0, keep_last=0, max_items_after_crush=20))]
    assert 259 in kept and 260 in kept


@pytest.mark.parametrize("query", ["10222", "what about id 10222?", 'the "10222"', "row 10222, please"])
def test_an_item_that_the_query_names_stays(query: str) -> None:
    assert 10_222 in ids(crush(rows(), query))


def test_an_item_is_named_by_a_whole_value_of_common_words() -> None:
    data = rows()
    data[222]["note"] = "birch amber"
    assert 10_222 in ids(crush(data, "which is the one called birch amber now"))


def test_a_term_that_stands_everywhere_does_not_keep_everything() -> None:
    data = [row | {"region": "eu-west-1"} for row in rows()]
    result = crush(data, "in eu-west-1, which has id 10222")
    assert len(ids(result)) == 50 and 10_222 in ids(result)


def test_the_cap_gives_way_to_what_has_to_stay_and_to_nothing_else() -> None:
    data = rows()
    for at in range(100, 170):
        data[at]["error"] = f"E{at}"
    kept = ids(crush(data, max_items_after_crush=20))
    assert kept == {row["id"] for row in (*data[:3], *data[100:170], *data[-2:])}


def test_nearly_equal_items_are_shown_once_and_counted() -> None:
    data = [{"job": f"j{n}", "text": "nightly sync of the amber store to the birch mirror done"} for n in range(300)]
    result = crush(data, keep_last=0)
    counted = [row for row in shown(result) if "+alike" in row]
    assert len(shown(result)) == 3
    assert sum(row["+alike"] for row in counted) == 297
    assert "(+alike: how many of them are like the one shown)" in result.compressed


def test_equal_items_are_shown_once_even_if_they_have_to_stay() -> None:
    data = rows(200)
    for at in range(50, 90):
        data[at] = {"id": 1, "state": "busy", "load": 50, "note": "access denied"}
    result = crush(data)
    denied = [row for row in shown(result) if row["id"] == 1]
    assert [row["+alike"] for row in denied] == [39]


def test_a_field_of_the_name_of_the_count_is_never_overwritten() -> None:
    data = [
        {"job": f"j{n}", "+alike": "mine", "text": "nightly sync of the amber store to the birch mirror done"} for n in range(300)
    ]
    assert all(row["+alike"] == "mine" for row in shown(crush(data)))


def test_strings_are_counted_in_the_marker() -> None:
    data = ["cache warmed", *[f"job {word} finished in time" for word in WORDS] * 30, "disk /dev/sda1 failed"]
    result = crush(data)
    assert set(shown(result)) == set(data)
    assert result.strategy == "strings"
    assert '29 like "job amber finished in time"' in result.removed


def test_numbers_keep_their_extremes_and_their_order() -> None:
    rng = random.Random(5)
    data = [round(rng.uniform(10, 20), 3) for _ in range(500)]
    data[400] = 99.5
    result = crush(data)
    kept = shown(result)
    assert result.strategy == "numbers"
    assert len(kept) == 50 and {min(data), 99.5} <= set(kept)
    remaining = iter(data)
    assert all(value in remaining for value in kept)


def test_equal_points_of_a_series_are_no_repetition() -> None:
    data = [{"time": f"2026-01-01T{n // 60:02}:{n % 60:02}:00Z", "value": n // 100} for n in range(400)]
    result = crush(data)
    assert result.strategy == "time_series" and len(shown(result)) == 50 and "+alike" not in result.compressed


def test_scored_items_stay_by_score() -> None:
    rng = random.Random(4)
    data = [{"name": " ".join(rng.sample(WORDS, 5)), "score": (n * 37 % 401) / 401} for n in range(400)]
    result = crush(data, keep_first=0, keep_last=0)
    best = sorted(data, key=lambda row: -float(str(row["score"])))[:25]
    assert result.strategy == "scored"
    assert all(row in shown(result) for row in best)


def test_ranked_items_stay_from_the_first_rank_on() -> None:
    data = [{"name": f"x{n}", "rank": n * 37 % 401} for n in range(400)]
    kept = [row["rank"] for row in shown(crush(data, keep_first=0, keep_last=0))]
    assert set(range(1, 20)) <= set(kept)


def test_of_logs_each_kind_of_message_is_shown() -> None:
    rng = random.Random(2)
    data = [
        {"time": f"2026-01-01T00:{n // 60:02}:{n % 60:02}Z", "message": f"served request {rng.random()} for client {n}"}
        for n in range(400)
    ]
    for at, word in zip(range(100, 160, 20), WORDS, strict=False):
        data[at]["message"] = f"reloaded the {word} table on request"
        data[at + 1]["message"] = f"reloaded the {word} table on request"
        data[at + 2]["message"] = f"reloaded the {word} table on request"
    result = crush(data, max_items_after_crush=10)
    assert result.strategy == "logs"
    assert all(f"reloaded the {word} table" in result.compressed for word in WORDS[:3])


def test_each_category_has_an_example() -> None:
    data = [{"id": 10_000 + n, "kind": WORDS[0] if n < 300 else WORDS[n % 11 + 1], "x": f"v{n * 7919 % 1000}"} for n in range(400)]
    result = crush(data, max_items_after_crush=30)
    assert result.strategy == "categories"
    assert {row["kind"] for row in shown(result)} == set(WORDS)


def test_an_object_with_many_equal_parts_is_a_list_too() -> None:
    data = {f"user_{n}": row for n, row in enumerate(rows())}
    result = crush(data, "what of user_222")
    assert "user_222" in shown(result) and result.removed == "350 of 400 items"
    assert all(data[key] == {k: v for k, v in row.items() if k != "+alike"} for key, row in shown(result).items())


def test_an_object_with_many_different_parts_stays_whole() -> None:
    data = {f"key_{n}": n if n % 3 else str(n) if n % 2 else [n] for n in range(200)}
    assert crush(data).removed == ""


def test_the_fields_of_a_wide_record_are_columns_and_stay() -> None:
    data = [{f"c{n}": n * row % 97 for n in range(80)} for row in range(6)]
    assert crush(data).removed == ""


def test_lists_in_lists_are_cut_and_told_together() -> None:
    data = {"teams": [{"name": f"t{n}", "members": [f"{WORDS[m % 12]}-{n}-{m}" for m in range(60)]} for n in range(3)]}
    result = crush(data, similarity_threshold=1.0)
    assert result.removed == "30 of 180 items of teams[].members"


def test_a_marker_is_one_line_whatever_the_keys_are() -> None:
    result = crush({"a\nb" * 60: rows()}, include_summaries=True)
    assert result.removed.startswith("350 of 400 items of a ba ba b")
    assert "\n" not in result.removed and len(result.removed) < 400


def test_newline_delimited_objects_are_a_list() -> None:
    data = rows()
    assert ids(crush("\n".join(map(json.dumps, data)), "10222")) >= {10_000, 10_222}


def test_numbers_keep_their_characters() -> None:
    text = "[" + ",".join(f'{{"id":{n},"price":{n}.10}}' for n in range(200)) + "]"
    assert ",199.10" in crush(text).compressed


@pytest.mark.parametrize(
    "text", ["", "plain words " * 200, "[1, 2" * 300, '{"a": NaN, "b": "' + "x" * 2000 + '"}', "[" * 5000 + "]" * 5000, "7" * 1000]
)
def test_what_is_no_json_comes_back_as_it_is(text: str) -> None:
    result = crush(text)
    assert (result.compressed, result.was_modified, result.strategy) == (text, False, "passthrough")


def test_a_value_that_json_has_no_word_for_is_written_as_its_text() -> None:
    assert crush({"day": date(2026, 3, 4)}).compressed == '{"day": "2026-03-04"}'


def test_a_value_that_cannot_be_written_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    for value in (endless, {(1, 2): 3}):
        with pytest.raises(ValidationError, match="JSON"):
            crush(value)


def test_the_bias_moves_the_cap() -> None:
    crusher = SmartCrusher()
    assert [len(ids(crusher.crush(rows(), bias=bias))) for bias in (0.5, 1.0, 2.0)] == [25, 50, 100]
    with pytest.raises(ConfigurationError, match="bias"):
        crusher.crush(rows(), bias=0)


def test_originals_are_named_as_the_caller_likes() -> None:
    result = SmartCrusher(ref=lambda text: f"doc-{len(text)}").crush(rows())
    assert result.compressed.endswith(f"original doc-{len(result.original)}]")


def test_a_scorer_of_ones_own_decides_what_is_relevant() -> None:
    class Last:
        def score_items(self, items: Any, query: str) -> list[RelevanceScore]:
            return [RelevanceScore(score=float("10333" in item and query == "which"), reason="") for item in items]

    crusher = SmartCrusher(SmartCrusherConfig(max_items_after_crush=6), scorer=Last())
    assert 10_333 in ids(crusher.crush(rows(), "which"))


def test_meaning_finds_what_words_do_not() -> None:
    data = rows()
    data[222]["note"] = "amber birch inexpensive delta ember fjord"
    crusher = SmartCrusher(SmartCrusherConfig(max_items_after_crush=6), scorer=VectorScorer(embed))
    assert 10_222 in ids(crusher.crush(data, "something cheap"))


def test_scores_by_embedding_need_a_scorer() -> None:
    with pytest.raises(ConfigurationError, match="create_scorer"):
        SmartCrusher(relevance_config=RelevanceScorerConfig(scorer_type="embedding")).crush(rows())


def test_the_compressor_for_the_stream_writes_no_marker() -> None:
    made = crush_records(json.dumps(rows()), Hints(query="10222"), SmartCrusherConfig())
    assert made is not None and "left out" not in made.text and "10222" in made.text
    assert (made.kind, made.lossless) == ("crushed", False)
    assert made.removed.startswith("350 of 400 items")
    small = crush_records(json.dumps(rows(20)), Hints(), SmartCrusherConfig())
    assert small is not None and (small.kind, small.lossless, small.removed) == ("records", True, "")
    assert crush_records("no json", Hints(), SmartCrusherConfig()) is None
    assert crush_records("[1,2]", Hints(), SmartCrusherConfig()) is None


# Conversations of each provider's shape, with one tool output.


def openai(output: str) -> list[dict[str, Any]]:
    return [
        {"role": "user", "content": "Which one is busy?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "search", "arguments": '{"id": 10222}'}}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": output},
    ]


def anthropic(output: str) -> list[dict[str, Any]]:
    return [
        {"role": "user", "content": [{"type": "text", "text": "Which one is busy?"}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "search", "input": {"id": 10222}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": output}]}]},
    ]


def gemini(output: str) -> list[dict[str, Any]]:
    return [
        {"role": "user", "parts": [{"text": "Which one is busy?"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "search", "args": {"id": 10222}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "search", "response": {"result": output}}}]},
    ]


@pytest.mark.parametrize("shape", [openai, anthropic, gemini])
def test_tool_outputs_of_every_shape_are_crushed(shape: Any) -> None:
    output = json.dumps(rows())
    messages = shape(output)
    result = SmartCrusher().apply(messages, load_tokenizer())
    assert result.transforms_applied == ["smart_crusher"]
    assert result.messages[:2] == messages[:2] and messages == shape(output)
    assert result.tokens_before > 4 * result.tokens_after
    (marker,) = result.markers_inserted
    assert marker.startswith("[350 of 400 items") and marker in str(result.messages[2])
    assert result.originals == {reference("", "", output): output}
    assert "10222" in str(result.messages[2]), "the call's arguments say what the agent looks for"


def test_applying_twice_changes_nothing_more() -> None:
    once = SmartCrusher().apply(openai(json.dumps(rows())), load_tokenizer())
    twice = SmartCrusher().apply(once.messages, load_tokenizer())
    assert twice.messages == once.messages and twice.transforms_applied == []


def test_later_messages_never_change_an_output() -> None:
    messages = openai(json.dumps(rows()))
    later = [*messages, {"role": "assistant", "content": "Done."}, {"role": "user", "content": "And 10111?"}]
    crusher = SmartCrusher()
    assert crusher.apply(later, load_tokenizer()).messages[:3] == crusher.apply(messages, load_tokenizer()).messages


def test_a_query_takes_the_place_of_what_the_user_said() -> None:
    result = SmartCrusher().apply(openai(json.dumps(rows())), load_tokenizer(), query="10123")
    assert "10123" in result.messages[2]["content"] and "10222" not in result.messages[2]["content"]


@pytest.mark.parametrize("options", [{"frozen": 3}, {"protected_tools": ("search",)}])
def test_frozen_messages_and_protected_tools_stay_as_they_are(options: dict[str, Any]) -> None:
    messages = openai(json.dumps(rows()))
    result = SmartCrusher().apply(messages, load_tokenizer(), **options)
    assert result.messages == messages and result.transforms_applied == [] and result.originals == {}


def test_a_tokenizer_is_needed_to_apply() -> None:
    with pytest.raises(ConfigurationError, match="tokenizer"):
        SmartCrusher().apply(openai("[]"))
