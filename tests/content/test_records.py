"""JSON in the compact notation: equal values back, and what the notation looks like."""

from __future__ import annotations

import contextlib
import json
import math
import sys
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headroom_stream.config import RecordsConfig
from headroom_stream.content import Compressed, Hints
from headroom_stream.content.notation import NotationError
from headroom_stream.content.reading import read
from headroom_stream.content.records import MAX_DEPTH, compress, restore


def pack(text: str, query: str = "", **config: Any) -> Compressed | None:
    return compress(text, Hints(query=query), RecordsConfig(**config))


def packed(value: Any, query: str = "", **config: Any) -> str:
    """The notation of a value, from indented JSON so that it is sure to be shorter."""
    text = json.dumps(value, indent=8)
    out = pack(text, query, **config)
    assert out is not None
    assert identical(restore(out.text), json.loads(text))
    return out.text


def identical(a: Any, b: Any) -> bool:
    """Equality that tells 1 from 1.0 and from True, and -0.0 from 0.0."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(identical(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(identical, a, b))
    return bool(a == b) and (not isinstance(a, float) or math.copysign(1, a) == math.copysign(1, b))


tricky = st.sampled_from(
    [
        *("", " ", "a,b", "a:b", "a: b", "{a}", "{{", "[", "]", '"', "\\n", "\ud800", "é\u2028", "\u00a0", "a\nb", "a\tb"),
        *(
            "^",
            "…",
            "<a>",
            "a?",
            "json",
            '{"a": 1}',
            '{"a":1.50}',
            '[1, "é"]',
            '{\n  "a": [\n    1\n  ]\n}',
            "[1,[2,3]]",
            '{"a": "{\\"b\\": 1}"}',
        ),
        *("1", "-0", "1.0", "1e5", "true", "null", "a=key", "=key", "key", "id", "x", "0x1f", "١", "01", "#", "|", "-", "…"),
    ]
)
texts = st.one_of(tricky, st.text(max_size=12), st.text('abc,:{}[]"\n= 01\\', max_size=6))
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), texts)
keys = st.one_of(st.sampled_from(["a", "b", "id", "name", "a.b", "a?", ""]), texts)
addresses = st.builds(
    "{}{}{}".format,
    st.sampled_from(["https://api.example.com/v1/users/", "/srv/data/archive/2024/", "2024-05-01T", ""]),
    st.one_of(st.sampled_from(["ann", "bob", "null", "17", "^", ""]), texts),
    st.sampled_from(["", "/repos/all/of/them", ".example.internal"]),
)
anything = st.recursive(
    scalars, lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(keys, inner, max_size=5)), max_leaves=30
)


@st.composite
def record_lists(draw: st.DrawFn) -> Any:
    """Rows that mostly share their keys, some nested, wrapped in one of the ways that tools wrap them."""
    names = draw(st.lists(keys, min_size=1, max_size=5, unique=True))
    inner = draw(st.lists(keys, min_size=1, max_size=3, unique=True))
    cell = st.one_of(
        scalars,
        st.just("same"),
        st.integers(17_000_000_000, 17_000_000_003),
        st.sampled_from([None, "a longer text that is said again", ["a", "b", "c", "d"]]),
        st.fixed_dictionaries({}, optional=dict.fromkeys(inner, scalars)),
        st.fixed_dictionaries(dict.fromkeys(inner, scalars)),
        st.lists(st.fixed_dictionaries(dict.fromkeys(inner, scalars)), max_size=3),
    )
    fixed = {name: draw(st.sampled_from([cell, scalars, addresses, st.just(0), st.just("c")])) for name in names}
    cut = draw(st.integers(0, len(names)))
    row = st.fixed_dictionaries(dict(list(fixed.items())[:cut]), optional=dict(list(fixed.items())[cut:]))
    rows = draw(st.lists(row, min_size=1, max_size=6))
    if draw(st.booleans()):
        for each in rows:
            each["link"] = f"https://example.com/{each.get(names[0])}/about"
            each["less"] = f"-{each.get(names[0])}" if draw(st.booleans()) else -17_000_000_001
            each["copy"] = each.get(names[-1])
    match draw(st.integers(0, 6)):
        case 0:
            return rows
        case 1:
            return {"total": len(rows), "rows": rows}
        case 2:
            return {draw(keys) + str(n): value for n, value in enumerate(rows)}
        case 3:
            return {str(n): {"id": str(n), **value} for n, value in enumerate(rows)}
        case 4:
            return [rows[:2], rows[2:], rows]
        case 5:
            return [*rows, *({f"other {n}": n, "more": None, "others": each} for n, each in enumerate(rows))]
        case _:
            return [{"group": rows, "n": n} for n in range(3)]


@settings(max_examples=400)
@given(value=st.one_of(anything, record_lists()), min_rows=st.integers(1, 4), factored_rows=st.integers(1, 5))
@example(value=[{"a": 1}, {}, {"a": 1}], min_rows=1, factored_rows=2)
@example(value=[{"a": 0}, {"a": 0}, {"a": 0}, {"a": 0, "b": None}], min_rows=1, factored_rows=2)
@example(value=[[{"a": 1}, {"a": 2}], [{}, {"a": 3}]], min_rows=1, factored_rows=2)
@example(value=[{"a": {}}, {"a": {"b": 1}}, {}], min_rows=1, factored_rows=2)
@example(value=[{"a": True, "b": 1}, {"a": 1, "b": 1.0}, {"a": 1.0, "b": True}], min_rows=1, factored_rows=2)
@example(value={"a": {"id": "a", "n": 1}, "b": {"id": "b", "n": 1}}, min_rows=1, factored_rows=2)
def test_what_was_compressed_restores_to_the_equal_value(value: Any, min_rows: int, factored_rows: int) -> None:
    for text in (json.dumps(value, indent=3), json.dumps(value, ensure_ascii=False)):
        out = pack(text, "ann", min_rows=min_rows, factored_rows=factored_rows)
        if out is not None:
            assert len(out.text) < len(text)
            assert out.lossless and not out.removed
            assert identical(restore(out.text), json.loads(text))
            out.text.encode()


@given(value=record_lists())
def test_indented_records_always_get_shorter_and_the_same_way(value: Any) -> None:
    text = json.dumps(value, indent=4)
    assert pack(text) == pack(text) is not None


@given(st.one_of(st.text(), st.text('{}[],:"01aeE+-.\\ \n', max_size=40)))
def test_any_text_is_answered(text: str) -> None:
    out = pack(text)
    if out is not None:
        assert identical(restore(out.text), json.loads(text))


@given(st.text('{}[],:"a1=key\n ^?…<>json', max_size=30))
def test_texts_that_are_not_ours_are_refused_or_read_but_never_crash(text: str) -> None:
    with contextlib.suppress(NotationError):
        read(text)


def test_a_list_of_objects_is_a_header_and_rows() -> None:
    rows = [{"id": "A1", "open": True, "seats": {"eco": 3, "biz": 1}}, {"id": "B2", "open": True, "seats": {"eco": 0, "biz": 12}}]
    assert packed({"flights": rows, "total": 2}) == "{flights:[{id,open:true,seats{eco,biz}}\nA1,3,1\nB2,0,12],total:2}"


def test_an_object_of_objects_is_a_table_with_keys() -> None:
    value = {"c_1": {"brand": "visa", "last": "77", "id": "c_1"}, "c_2": {"brand": "amex", "last": "x5", "id": "c_2"}}
    assert packed(value) == '{{brand,last,id=key}\nc_1:visa,"77"\nc_2:amex,x5}'


def test_a_list_of_lists_shares_one_header() -> None:
    value = [[{"no": "H1", "to": "LGA"}, {"no": "H2", "to": "PHL"}], [{"no": "H1", "to": "LGA"}]]
    assert packed(value) == "[[{no,to}\nH1,LGA\nH2,PHL\n\nH1,LGA]]"


def test_a_row_that_stands_twice_is_named_by_its_first_cell() -> None:
    first, second, third = (
        {"flight": flight, "from": "Oslo", "to": town, "seats": seats}
        for flight, town, seats in (("HAT1", "Rome", 8), ("HAT2", "Bern", 4), ("HAT3", "Bern", 2))
    )
    trips = [[first, second], [first, third]]
    text = packed(trips)
    assert text == "[[{flight,from,to,seats}\nHAT1,Oslo,Rome,8\nHAT2,Oslo,Bern,4\n\nHAT1,…\nHAT3,Oslo,Bern,2]]"
    assert restore(text) == trips


def test_a_row_is_written_out_where_another_begins_like_it() -> None:
    rows = [{"flight": "HAT1", "from": a, "to": "Oslo Gardermoen", "seats": 8} for a in ("Rome", "Bern", "Rome")]
    assert "…" not in packed(rows)
    assert restore(packed(rows)) == rows


def test_absent_null_and_empty_differ() -> None:
    value = [{"a": 1, "b": "x"}, {"a": 2}, {"a": 3, "b": None}, {"a": 4, "b": ""}]
    assert packed(value) == '[{a,b}\n1,x\n2,\n3,null\n4,""]'


def test_strings_keep_their_quotes_where_they_could_be_taken_for_something_else() -> None:
    value = ["plain words", "07:00", "32131", "true", "null", "", "a,b", "x: y", " lead", "007"]
    assert packed(value) == '[plain words,07:00,"32131","true","null","","a,b","x: y"," lead",007]'


def test_the_text_of_numbers_survives() -> None:
    out = pack('{ "a": 1.0,  "b": 0.10, "c": 1E400, "d": -0, "e": 123456789012345678901234567890 }')
    assert out is not None and out.text == "{a:1.0,b:0.10,c:1E400,d:-0,e:123456789012345678901234567890}"


def test_rows_with_different_keys_stay_objects() -> None:
    value = [{"a": 1, "b": 2}, {"c": 1, "d": 2}, {"e": 1, "f": 2}]
    assert packed(value) == "[{a:1,b:2},{c:1,d:2},{e:1,f:2}]"


def test_few_rows_stay_objects() -> None:
    text = json.dumps([{"name": "a", "size": 1}, {"name": "b", "size": 2}], indent=2)
    few, enough = pack(text, min_rows=3), pack(text, min_rows=2)
    assert few is not None and (few.kind, few.text) == ("json", "[{name:a,size:1},{name:b,size:2}]")
    assert enough is not None and (enough.kind, enough.text) == ("records", "[{name,size}\na,1\nb,2]")


def test_newline_delimited_objects_are_a_table() -> None:
    text = "".join(json.dumps({"level": "info", "event": f"e{n}", "n": n}) + "\n" for n in range(3))
    out = pack(text)
    assert out is not None and out.text == "[{level:info,event,n}\ne0,0\ne1,1\ne2,2]"


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a": 2, "b": "some words here"}',
        '{"a": NaN, "b": "some words here"}',
        '{"a": -Infinity, "b": "some words here"}',
        '{"a": 1} trailing words',
        '{"a": 1}\n[1, 2]\n{"a": 2}',
        '"just a string"',
        "12345",
        "",
        "   ",
        "def f(x): return {x: 1}",
        "[" * 5000 + "]" * 5000,
        '{"a":' * 200 + "1" + "}" * 200,
        "[ " + "9" * 5000 + " ]",
    ],
)
def test_what_cannot_be_kept_exactly_is_left_alone(text: str) -> None:
    assert pack(text) is None


@pytest.mark.parametrize("before", [0, 1, 700, 1_949, 1_999, 2_000, 3_951])
def test_a_number_too_long_to_be_read_is_found_wherever_it_stands(before: int) -> None:
    assert pack(f'{{"a": "{"x" * before}", "b":   {"9" * 4_400}}}') is None


def test_output_in_our_own_notation_is_not_taken_for_json() -> None:
    assert pack(packed([{"a": 1, "b": "x"}, {"a": 2, "b": "y"}])) is None


def test_switched_off() -> None:
    assert compress('{"a":  1}', Hints(), RecordsConfig(enabled=False)) is None


@pytest.mark.parametrize("shape", ["rows", "nest", "sparse", "lists"])
def test_work_grows_with_the_text(shape: str) -> None:
    """Counted in lines run by the interpreter: four times the text may cost little more than four times the work."""
    small, large = (_work(json.dumps(_shape(shape, n), indent=1)) for n in (100, 400))
    assert large < 6 * small


def _shape(shape: str, n: int) -> Any:
    if shape == "rows":
        return [{"id": f"r{i}", "n": i, "in": {"a": i, "b": {"c": "x"}}} for i in range(n)]
    if shape == "sparse":
        return [{f"k{i}": i, f"l{i}": i} for i in range(n)]
    if shape == "lists":
        return [[{"id": f"r{i}", "n": i}] * 3 for i in range(n)]
    value: Any = "x"
    for _ in range(MAX_DEPTH // 2):
        value = [{"a": value, "b": 1}]
    return [value] * (n // 10)


def _work(text: str) -> int:
    lines = 0

    def count(frame: Any, event: str, arg: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        pack(text)
    finally:
        sys.settrace(before)
    return lines


def test_a_long_list_says_once_what_its_rows_share() -> None:
    rows = [
        {
            "id": n,
            "login": f"u{n}",
            "url": f"https://api.example.com/users/u{n}/repos",
            "file": f"/srv/data/incoming/f{n}.txt",
            "at": f"2024-05-01T10:00:0{n}Z",
            "team": "the platform team" if n < 3 else "the billing people",
            "left": None,
            "site": "Oslo, Norway",
        }
        for n in range(5)
    ]
    rows[1]["left"] = "2024-06-01"
    assert packed(rows, factored_rows=5) == (
        "[{id,login,url=https://api.example.com/users/<login>/repos,file=/srv/data/incoming/…,at=2024-05-01T…,team,left?,"
        'site:"Oslo, Norway"}\n'
        "0,u0,f0.txt,10:00:00Z,the platform team,\n"
        "1,u1,f1.txt,10:00:01Z,^,2024-06-01\n"
        "2,u2,f2.txt,10:00:02Z,^,\n"
        "3,u3,f3.txt,10:00:03Z,the billing people,\n"
        "4,u4,f4.txt,10:00:04Z,^,]"
    )


def test_each_row_of_a_short_list_says_all_that_it_has() -> None:
    rows = [{"file": f"/srv/data/incoming/f{n}.txt", "team": "platform-7", "left": None if n else 1} for n in range(5)]
    assert packed(rows, factored_rows=6).split("\n")[2:4] == [f"/srv/data/incoming/f{n}.txt,platform-7,null" for n in (1, 2)]


def test_half_a_date_or_a_torn_word_is_no_beginning() -> None:
    rows = [{"day": f"2024-05-{n + 10}", "clock": f"{n + 10}:00:00", "name": f"workerprocess_{n}_of_many"} for n in range(20)]
    assert packed(rows).split("\n")[1] == "2024-05-10,10:00:00,workerprocess_0_of_many"


def test_rows_that_the_query_names_stay_whole() -> None:
    rows = [{"name": f"item-{n:04}", "file": f"/srv/data/incoming/f{n}.txt", "team": "the platform team"} for n in range(30)]
    rows[0]["team"] = "others"
    text = packed(rows, "what is the file of item-0017?")
    assert 'item-0017,"/srv/data/incoming/f17.txt",the platform team' in text
    assert "item-0016,f16.txt,^" in text


def test_rows_that_stand_out_stay_whole() -> None:
    rows = [{"file": f"/srv/data/incoming/f{n}.txt", "state": "failed" if n == 7 else "fine"} for n in range(30)]
    lines = packed(rows).split("\n")
    assert lines[8] == '"/srv/data/incoming/f7.txt",failed' and lines[9] == "f8.txt,fine"


def test_digit_strings_at_the_ends_of_rows_lose_their_quotes() -> None:
    rows = [{"zip": f"{n + 10000}", "n": n, "code": f"{n}" if n else None} for n in range(20)]
    assert packed(rows).startswith("[{zip=text,n,code=text}\n10000,0,null\n10001,1,1\n")


def test_where_the_keys_change_a_new_header_stands() -> None:
    value = [{"proto": "tcp", "port": n, "state": "open"} for n in range(5)] + [{"path": f"/run/{n}", "inode": n} for n in range(5)]
    assert packed(value).split("\n")[5:8] == ["4", "{path,inode}", "/run/0,0"]


def test_lists_in_rows_share_their_keys() -> None:
    value = [{"id": "T1", "legs": [{"no": 1, "to": "LGA"}, {"no": 2, "to": "PHL"}]}, {"id": "T2", "legs": [{"no": 3, "to": "ROM"}]}]
    assert packed(value) == "[{id,legs[no,to]}\nT1,[[1,LGA],[2,PHL]]\nT2,[[3,ROM]]]"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "{text:json {ok:true,rows:[{id,n}\na,1\nb,2]}}"),
        ({"separators": (",", ":")}, "{text:json{ok:true,rows:[{id,n}\na,1\nb,2]}}"),
        ({"indent": 2}, "{text:json2{ok:true,rows:[{id,n}\na,1\nb,2]}}"),
    ],
)
def test_json_in_a_string_is_compressed_too(options: dict[str, Any], expected: str) -> None:
    inner = {"ok": True, "rows": [{"id": "a", "n": 1}, {"id": "b", "n": 2}]}
    assert packed({"text": json.dumps(inner, **options)}) == expected


def test_json_in_a_string_that_would_not_come_back_as_it_was_stays_a_string() -> None:
    for text in ('{"a": 1.50, "b": 2}', '{"a" : 1, "b": 2}', '{"a": 1, "a": 2}', '{"a": NaN, "b": 2}', '{"a": "\\u00e9", "b": 2}'):
        assert packed({"text": text}) == "{text:" + json.dumps(text) + "}"


@given(
    st.text('{}:,"\\a1 \n', max_size=24),
    st.sampled_from(['{"a":1,"a":2%s}', '{"a":"%s","a":2}', '{"a" :"%s","b":{"c":1,"c":2}}', '[{"%s":1,"a":2,"a":3}]']),
)
@example('":', '{"a":"%s","a":2}')
@example("\\\\", '{"%s":1,"b":"\\":","b":2}')
def test_doubled_keys_are_always_noticed(inner: str, form: str) -> None:
    text = (form % inner).ljust(200)
    out = pack(text)
    assert out is None


def test_what_looks_like_a_key_within_a_string_is_none() -> None:
    value = [{"a": 'he said "yes": \\', "b": '":', "c\\": 1} for _ in range(3)]
    assert restore(packed(value)) == value


def test_equal_columns_stand_once_whatever_they_hold() -> None:
    rows = [
        {"at": 17_000_000_000 + n, "seen": 17_000_000_000 + n, "day": f"2024-05-{n + 10}", "due": f"2024-05-{n + 10}"}
        for n in range(20)
    ]
    assert packed(rows).startswith("[{at=<seen>,seen,day=<due>,due}\n17000000000,2024-05-10\n")


def test_a_value_that_others_are_read_from_stays_in_the_rows() -> None:
    rows = [{"c": f"https://example.com/more/of/it?at=/data/set/v{n}", "b": f"/data/set/v{n}", "d": f"v{n}"} for n in range(30)]
    assert packed(rows).startswith("[{c=https://example.com/more/of/it?at=/data/set/<d>,b=/data/set/<d>,d}\nv0\nv1\n")


def test_tables_within_tables_count_as_levels() -> None:
    def nested(leaf: Any, levels: int, lists: bool) -> Any:
        for level in range(levels):
            leaf = {"name": f"n{level}", "inner": [leaf] if lists else leaf}
        return leaf

    for lists in (False, True):
        few, many = (
            [nested({"leaf": n, "b": 1}, levels, lists) for n in range(3)] for levels in (MAX_DEPTH // 2 - 4, MAX_DEPTH * 2)
        )
        assert restore(packed(few)) == few
        assert pack(json.dumps(many)) is None


def test_json_in_a_string_comes_back_with_each_objects_own_order_of_keys() -> None:
    rows: list[dict[str, Any]] = [
        {"id": f"R{n}", "name": "some name", "link": "https://example.com/a", "legs": []} for n in range(6)
    ]
    rows[3] = {"id": "R3", "link": "https://example.com/a", "seats": {"free": 1}, "name": "another", "legs": []}
    value = {"body": json.dumps(rows), "others": json.dumps(rows[:3])}
    made = compress(json.dumps(value), Hints(), RecordsConfig())
    assert made is not None
    assert restore(made.text) == value
    assert "\n" in made.text.partition("others")[2], "where the order is one there is a table"
