"""Messages of the three providers are read as one form, and written back without loss."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from headroom_stream.errors import RejectedEventError
from headroom_stream.messages import Call, detect_provider, digest, user_message, view, with_texts, without_cache_control

ODD_NUMBERS = b"[1.00, -0, 1E2, 12345678901234567890123456789, 0.1000000000000000055511151231257827]"
ODD_TEXT = rb'"\u00e9 \/ \t \ud83d\ude00 caf\u00E9"'


def raw(value: Any) -> Raw:
    return Raw(json.dumps(value).encode())


def test_an_openai_call_and_its_result_are_seen_with_their_key() -> None:
    asked = view(
        raw(
            {
                "role": "assistant",
                "content": "Looking.",
                "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"q":1}'}}],
            }
        )
    )
    answered = view(raw({"role": "tool", "tool_call_id": "c1", "name": "find", "content": "found it"}))
    assert asked.role == "assistant"
    assert asked.calls == (Call("c1", "find", '{"q":1}'),)
    assert asked.texts == ("Looking.",)
    assert answered.role == "tool"
    assert answered.answers == ("c1",)
    assert [(o.key, o.tool, o.text, o.path) for o in answered.outputs] == [("c1", "find", "found it", ("content",))]
    assert asked.hints == answered.hints == {"openai"}


def test_an_openai_custom_tool_call_takes_its_input_as_arguments() -> None:
    seen = view(
        raw({"role": "assistant", "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "sql", "input": "SELECT 1"}}]})
    )
    assert seen.calls == (Call("c", "sql", "SELECT 1"),)


def test_a_legacy_function_call_is_answered_by_the_name() -> None:
    asked = view(raw({"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}))
    answered = view(raw({"role": "function", "name": "f", "content": "out"}))
    assert asked.calls == (Call("f", "f", "{}"),)
    assert answered.answers == ("f",)
    assert answered.role == "tool"


def test_each_text_block_of_an_openai_result_is_an_output_of_its_own() -> None:
    blocks = [{"type": "text", "text": "one"}, {"type": "image_url", "image_url": {"url": "u"}}, {"type": "text", "text": "two"}]
    seen = view(raw({"role": "tool", "tool_call_id": "c", "content": blocks}))
    assert [(o.text, o.path) for o in seen.outputs] == [("one", ("content", 0, "text")), ("two", ("content", 2, "text"))]
    assert seen.opaque == 1


def test_anthropic_blocks_are_read_where_they_lie() -> None:
    asked = view(
        raw(
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "secret", "signature": "sig"},
                    {"type": "text", "text": "Looking."},
                    {"type": "tool_use", "id": "t1", "name": "find", "input": {"q": 1}},
                ],
            }
        )
    )
    answered = view(
        raw(
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "found"}, {"type": "image"}]},
                    {"type": "tool_result", "tool_use_id": "t2", "content": "plain", "is_error": True},
                    {"type": "tool_result", "tool_use_id": "t3"},
                    {"type": "text", "text": "go on"},
                ],
            }
        )
    )
    assert asked.calls == (Call("t1", "find", '{"q":1}'),)
    assert asked.texts == ("secret", "Looking.")
    assert asked.opaque == 0
    assert answered.role == "user"
    assert answered.answers == ("t1", "t2", "t3")
    assert [(o.text, o.path) for o in answered.outputs] == [
        ("found", ("content", 0, "content", 0, "text")),
        ("plain", ("content", 1, "content")),
    ]
    assert answered.texts == ("go on",)
    assert asked.hints == answered.hints == {"anthropic"}


def test_a_message_of_results_alone_is_the_tools_not_the_users() -> None:
    results = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "found"}]}
    assert view(raw(results)).role == "tool"


@pytest.mark.parametrize(("call", "response"), [("functionCall", "functionResponse"), ("function_call", "function_response")])
def test_gemini_calls_without_ids_are_answered_by_name_in_both_spellings(call: str, response: str) -> None:
    asked = view(raw({"role": "model", "parts": [{"text": "Looking."}, {call: {"name": "find", "args": {"q": 1}}}]}))
    answered = view(raw({"role": "user", "parts": [{response: {"name": "find", "response": {"result": "found"}}}]}))
    assert asked.role == "assistant"
    assert asked.calls == (Call("find", "find", '{"q":1}'),)
    assert answered.role == "tool"
    assert answered.answers == ("find",)
    assert [(o.tool, o.text, o.path) for o in answered.outputs] == [("find", "found", ("parts", 0, response, "response", "result"))]


def test_gemini_calls_with_ids_are_answered_by_id() -> None:
    asked = view(raw({"role": "model", "parts": [{"functionCall": {"id": "7", "name": "find"}}]}))
    answered = view(raw({"role": "user", "parts": [{"functionResponse": {"id": "7", "name": "find", "response": {"a": 1}}}]}))
    assert asked.calls[0].key == answered.answers[0] == "7"


def test_a_gemini_response_of_other_values_is_its_json_with_the_numbers_as_written() -> None:
    message = b'{"role":"user","parts":[{"functionResponse":{"name":"f","response":{"rows": ' + ODD_NUMBERS + b"}}}]}"
    (output,) = view(message).outputs
    assert output.text == '{"rows": ' + ODD_NUMBERS.decode() + "}"
    assert with_texts(message, {output.path: "short"}) == Raw(
        b'{"role":"user","parts":[{"functionResponse":{"name":"f","response":{"result":"short"}}}]}'
    )


def test_a_gemini_response_field_that_is_itself_called_response_stays_a_text() -> None:
    message = raw({"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"response": "long text"}}}]})
    (output,) = view(message).outputs
    changed = json.loads(bytes(with_texts(message, {output.path: "short"})))
    assert changed["parts"][0]["functionResponse"]["response"] == {"response": "short"}


def test_thoughts_of_gemini_are_counted_as_text() -> None:
    seen = view(
        raw({"role": "model", "parts": [{"text": "hm", "thought": True, "thoughtSignature": "x"}, {"inlineData": {"data": "AA"}}]})
    )
    assert seen.texts == ("hm",)
    assert seen.opaque == 1


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (b"nonsense", "not JSON"),
        (b'{"role":"user","content":' + b"[" * 100_000, "not JSON"),
        (b"[1]", "not an object"),
        (b"null", "not an object"),
        (b'{"role":"robot","content":"x"}', "unknown role"),
        (b'{"role":["user"],"content":"x"}', "unknown role"),
        (b'{"role":{},"content":"x"}', "unknown role"),
        (b'{"content":"x"}', "unknown role"),
        (b'{"role":null,"content":"x"}', "unknown role"),
        (b'{"role":"user","content":7}', "neither text nor blocks"),
        (b'{"role":"user","content":{"type":"text"}}', "neither text nor blocks"),
        (b'{"role":"tool","content":"x"}', "without a tool_call_id"),
        (b'{"role":"tool","tool_call_id":3,"content":"x"}', "without a tool_call_id"),
        (b'{"role":"function","content":"x"}', "without a tool_call_id"),
        (b'{"role":"tool","tool_call_id":"c","content":{"a":1}}', "neither text nor blocks"),
        (b'{"role":"user","content":"x","tool_calls":[]}', "belong to an assistant message"),
        (b'{"role":"assistant","tool_calls":{}}', "belong to an assistant message"),
        (b'{"role":"assistant","tool_calls":["c"]}', "without an id"),
        (b'{"role":"assistant","tool_calls":[{"function":{"name":"f"}}]}', "without an id"),
        (b'{"role":"assistant","tool_calls":[{"id":"c"}]}', "names no function"),
        (b'{"role":"assistant","tool_calls":[{"id":"c","function":{"name":1}}]}', "names no function"),
        (b'{"role":"assistant","content":[{"type":"tool_use","name":"f"}]}', "needs an id and a name"),
        (b'{"role":"user","content":[{"type":"tool_use","id":"t","name":"f"}]}', "in an assistant message"),
        (b'{"role":"user","content":[{"type":"tool_result"}]}', "needs a tool_use_id"),
        (b'{"role":"assistant","content":[{"type":"tool_result","tool_use_id":"t"}]}', "in a user message"),
        (b'{"role":"robot","parts":[]}', "unknown role"),
        (b'{"role":[],"parts":[]}', "unknown role"),
        (b'{"role":"user","parts":"x"}', "parts is not a list"),
    ],
)
def test_what_no_provider_would_take_is_rejected_with_its_place(message: bytes, why: str) -> None:
    with pytest.raises(RejectedEventError, match=why) as caught:
        view(message, 4)
    assert caught.value.stage == "messages"
    assert caught.value.details["message"] == 4


def test_nesting_at_any_depth_is_read_or_rejected() -> None:
    for depth in (10, 200, 400, 800, 1_500, 5_000):
        message = b'{"role":"user","content":' + b'[{"type":"x","content":' * depth + b"1" + b"}]" * depth + b"}"
        try:
            view(message)
        except RejectedEventError:
            assert depth > 200
        digest(message)


UNTOUCHED = [
    b'{"role":"assistant","content":[{"type":"thinking","thinking":'
    + ODD_TEXT
    + b',"signature":"Eq=="},{"type":"text","text":"a"}]}',
    b'{ "role" : "user",\n "content" : ' + ODD_TEXT + b', "x_unknown": ' + ODD_NUMBERS + b"}",
    b'{"role":"model","parts":[{"text":"a","thoughtSignature":"s"},{"inlineData":{"data":"AA==","n":1.00}}]}',
    b'{"role":"tool","tool_call_id":"c","content":"\\u003cb\\u003e"}',
]


@pytest.mark.parametrize("message", UNTOUCHED)
def test_a_message_without_new_texts_keeps_every_byte(message: bytes) -> None:
    assert bytes(with_texts(Raw(message), {})) == message


def test_new_text_leaves_the_bytes_of_all_other_blocks() -> None:
    others = [b'{"type":"server_thing","n":' + ODD_NUMBERS + b"}", b'{"type" : "image", "source":{"data":' + ODD_TEXT + b"}}"]
    message = (
        b'{"role":"user","meta":'
        + ODD_NUMBERS
        + b',"content":['
        + others[0]
        + b',{"type":"tool_result","tool_use_id":"t","is_error":false,'
        b'"content":[' + others[1] + b',{"type":"text","text":"long"}]},' + others[1] + b"]}"
    )
    (output,) = view(message).outputs
    changed = bytes(with_texts(message, {output.path: 'né "w"'}))
    assert changed == message.replace(b'"long"', '"né \\"w\\""'.encode())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
texts = st.text(max_size=20)
unknown_blocks = json_values.map(lambda v: {"type": "vendor_block", "payload": v})


@st.composite
def messages_with_outputs(draw: st.DrawFn) -> dict[str, Any]:
    result = {"type": "text", "text": draw(texts)}
    others = draw(st.lists(unknown_blocks, max_size=2))
    shape = draw(st.sampled_from(["openai", "openai blocks", "anthropic", "anthropic blocks", "gemini", "gemini object"]))
    extra = {"vendor": draw(json_values)}
    if shape == "openai":
        return {"role": "tool", "tool_call_id": "c", "content": draw(texts), **extra}
    if shape == "openai blocks":
        return {"role": "tool", "tool_call_id": "c", "content": [*others, result], **extra}
    if shape.startswith("anthropic"):
        content = draw(texts) if shape == "anthropic" else [*others, result]
        return {"role": "user", "content": [*others, {"type": "tool_result", "tool_use_id": "t", "content": content}], **extra}
    response = draw(st.dictionaries(st.text(max_size=5), texts if shape == "gemini" else json_values, min_size=1, max_size=3))
    return {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": response}}, {"vendor": draw(json_values)}]}


def _without(value: Any, path: tuple[str | int, ...]) -> Any:
    """`value` with the place at `path` blanked, as the only thing that may have changed."""
    if not path:
        return None
    copy = list(value) if isinstance(value, list) else dict(value)
    copy[path[0]] = _without(copy[path[0]], path[1:])  # type: ignore[index]  # the path fits the value
    return copy


@given(messages_with_outputs(), texts, st.booleans())
def test_new_texts_change_nothing_but_the_text(message: dict[str, Any], new: str, ascii_only: bool) -> None:
    source = json.dumps(message, ensure_ascii=ascii_only).encode()
    for output in view(source).outputs:
        changed = with_texts(source, {output.path: new})
        assert _without(json.loads(bytes(changed)), output.path) == _without(json.loads(source), output.path)
        reread = next(o for o in view(changed).outputs if o.path[: len(output.path)] == output.path)
        assert reread.text == new


@given(messages_with_outputs(), st.randoms(use_true_random=False))
def test_the_digest_is_that_of_the_value_not_of_its_writing(message: dict[str, Any], random: Any) -> None:
    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            keys = list(value)
            random.shuffle(keys)
            return {k: shuffled(value[k]) for k in keys}
        return [shuffled(v) for v in value] if isinstance(value, list) else value

    expected = digest(json.dumps(message).encode())
    assert digest(json.dumps(shuffled(message), indent=3).encode()) == expected
    assert digest(json.dumps(message, ensure_ascii=False).encode()) == expected
    assert view(json.dumps(message, indent=1).encode()).digest == expected


MARK = {"cache_control": {"type": "ephemeral"}}


@pytest.mark.parametrize(
    "marked",
    [
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], **MARK},
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b", **MARK}]},
        {"role": "user", "content": [{"type": "text", "text": "a", **MARK}, {"type": "text", "text": "b", **MARK}]},
    ],
)
def test_cache_breakpoints_make_no_difference_to_the_digest_and_are_stripped(marked: dict[str, Any]) -> None:
    plain = {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}
    assert digest(raw(marked)) == digest(raw(plain))
    assert view(raw(marked)).cache_control
    assert not view(raw(plain)).cache_control
    assert json.loads(bytes(without_cache_control(raw(marked)))) == plain


def test_breakpoints_inside_tool_results_are_stripped_and_other_bytes_stay() -> None:
    before = b'{"type":"thinking","n":1.00}'
    marked = (
        b'{"role":"user","content":['
        + before
        + b',{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"\\u00e9",'
        b'"cache_control":{"type":"ephemeral"}}]}]}'
    )
    plain = marked.replace(b',"cache_control":{"type":"ephemeral"}', b"")
    assert view(marked).cache_control
    assert bytes(without_cache_control(marked)) == plain
    assert digest(marked) == digest(plain)


def test_a_tool_argument_called_cache_control_is_no_breakpoint() -> None:
    block = {"type": "tool_use", "id": "t", "name": "f", "input": MARK}
    message = raw({"role": "assistant", "content": [block]})
    assert not view(message).cache_control
    assert json.loads(bytes(without_cache_control(message)))["content"] == [block]
    assert digest(message) != digest(raw({"role": "assistant", "content": [{**block, "input": {}}]}))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"role": "user", "content": "a"}, {"role": "user", "content": "a "}),
        ({"role": "user", "content": "a"}, {"role": "assistant", "content": "a"}),
        ({"role": "user", "content": "a"}, {"role": "user", "content": "a", "name": "x"}),
        ({"role": "user", "content": ["a", "b"]}, {"role": "user", "content": ["b", "a"]}),
        ({"role": "user", "content": "1"}, {"role": "user", "content": [{"type": "text", "text": "1"}]}),
    ],
)
def test_different_messages_have_different_digests(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert digest(raw(one)) != digest(raw(other))


def test_what_cannot_be_read_has_no_digest() -> None:
    assert digest(b"{") == digest(b"3") == ""
    assert digest(b'{"a":' + b"[" * 100_000) == ""


@pytest.mark.parametrize(
    ("messages", "model", "provider"),
    [
        ([{"role": "user", "content": "a"}], "", None),
        ([{"role": "system", "content": "a"}], "", "openai"),
        ([{"role": "user", "content": "a"}], "anthropic/claude-sonnet-5", "anthropic"),
        ([{"role": "user", "content": [{"type": "image"}]}], "claude-sonnet-5", "anthropic"),
        ([{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t"}]}], "gpt-5", "anthropic"),
        ([{"role": "user", "content": "a"}], "gemini-2.5-pro", "gemini"),
        ([{"role": "user", "content": "a"}], "gpt-5", "openai"),
        ([{"role": "developer", "content": "a"}], "claude-sonnet-5", "openai"),
        ([{"role": "user", "parts": []}], "gpt-5", "gemini"),
    ],
)
def test_the_shape_tells_the_provider_and_else_the_model_does(messages: list[Any], model: str, provider: str | None) -> None:
    assert detect_provider([view(raw(m)) for m in messages], model) == provider


def test_shapes_of_two_providers_in_one_event_are_rejected() -> None:
    views = [view(raw({"role": "user", "parts": []})), view(raw({"role": "developer", "content": "a"}))]
    with pytest.raises(RejectedEventError, match="more than one provider"):
        detect_provider(views)


@pytest.mark.parametrize("provider", ["openai", "anthropic", "gemini"])
def test_a_marker_of_ours_is_a_user_message_in_the_shape_of_the_provider(provider: Any) -> None:
    seen = view(user_message("left out", provider))
    assert seen.role == "user"
    assert seen.texts == ("left out",)
    assert seen.hints <= {provider}
