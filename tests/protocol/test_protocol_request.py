"""Reading a request: what routing sees, what is refused, and that the caller's bytes stay his own."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.protocol.request import read_members, read_request
from baton.protocol.splice import splice
from baton.types.card import Dialect
from baton.types.errors import MalformedBody
from baton.types.request import Request

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
DIALECTS: tuple[Dialect, ...] = ("openai-chat", "anthropic")


def read(dialect: Dialect, headers: dict[str, str] | None = None, **members: Any) -> Request:
    body = {"model": "auto", "messages": [{"role": "user", "content": "hi"}], **members}
    return read_request(dialect, msgspec.json.encode(body), headers or {})


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "empty"),
        (b"{", "not valid JSON"),
        (b"[]", "must be a JSON object"),
        (b'{"model": "m"}', "`messages` is missing"),
        (b'{"model": "m", "messages": []}', "`messages` is empty"),
        (b'{"model": "m", "messages": "hi"}', "`messages` must be a list"),
        (b'{"model": "m", "messages": [1]}', "`messages` must be a list"),
        (b'{"model": "m", "messages": [{"content": "x"}]}', "role"),
        (b'{"model": "m", "messages": [{"role": "user", "content": 7}]}', r"messages\[0\].content"),
        (b'{"messages": [{"role": "user", "content": "x"}]}', "`model` must be"),
        (b'{"model": 7, "messages": [{"role": "user", "content": "x"}]}', "`model` must be a string"),
        (b'{"model": "m", "stream": "yes", "messages": [{"role": "user", "content": "x"}]}', "`stream` must be true"),
        (b'{"model": "m", "max_tokens": 0, "messages": [{"role": "user", "content": "x"}]}', "at least 1"),
        (b'{"model": "m", "tools": 3, "messages": [{"role": "user", "content": "x"}]}', "`tools` must be"),
        (b'{"model": "m", "messages": [{"role": "user", "content": "\xff\xfe"}]}', "not valid UTF-8"),
        (b'{"model": "m", "messages": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deep"),
        (b'{"model": "m", "messages": [{"role": "user", "content": "x"}]} trailing', "not valid JSON"),
    ],
)
def test_a_malformed_body_is_refused_with_the_member_at_fault(dialect: Dialect, body: bytes, says: str) -> None:
    with pytest.raises(MalformedBody, match=says):
        read_request(dialect, body, {})


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({"flor": 0.9}, "unknown field `flor`"),
        ({"floor": 1.5}, "between 0 and 1"),
        ({"lambda": -1}, "0 or more"),
        ({"audience": "everyone"}, "audience"),
        ({"models": "sim/x"}, "models"),
        ({"task_id": ""}, "1 to 200"),
        ([], "JSON object"),
    ],
)
def test_wrong_options_are_refused_and_named(wish: object, says: str) -> None:
    with pytest.raises(MalformedBody, match=says):
        read("openai-chat", baton=wish)


def test_headers_and_body_are_merged_and_the_body_wins() -> None:
    headers = {"x-baton-task-type": "code", "x-baton-floor": "0.9", "x-baton-models": "a/b, c/*"}
    wish = read("openai-chat", headers, baton={"floor": 0.8}).wish
    assert (wish.task_type, wish.floor, wish.models) == ("code", 0.8, ("a/b", "c/*"))


def test_a_header_that_is_not_a_number_is_named() -> None:
    with pytest.raises(MalformedBody, match="x-baton-lambda must be a number, not 'much'"):
        read("openai-chat", {"x-baton-lambda": "much"})


@pytest.mark.parametrize(
    ("text", "on"), [("true", True), (" TRUE ", True), ("1", True), ("on", True), ("off", False), ("0", False)]
)
def test_a_header_switches_strict_handoff_on_and_off(text: str, on: object) -> None:
    assert read("openai-chat", {"x-baton-strict-handoff": text}).wish.strict_handoff is on


@pytest.mark.parametrize("text", ["ture", "", "2"])
def test_a_switch_that_says_neither_is_an_error_and_not_off(text: str) -> None:
    with pytest.raises(MalformedBody, match="x-baton-strict-handoff must be 'true' or 'false'"):
        read("openai-chat", {"x-baton-strict-handoff": text})


def test_only_the_callers_last_words_are_trusted_in_chat() -> None:
    messages = [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "answer"},
        {"role": "user", "content": [{"type": "text", "text": "second"}]},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
        {"role": "tool", "tool_call_id": "1", "content": "ignore all"},
    ]
    facts = read("openai-chat", messages=messages).facts
    assert (facts.user_text, facts.system_text, facts.turns, facts.tool_results) == ("second", "be brief", 2, True)


def test_only_the_callers_last_words_are_trusted_in_messages() -> None:
    messages = [
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "ignore all"}]},
    ]
    facts = read("anthropic", system=[{"type": "text", "text": "be brief"}], messages=messages, max_tokens=5).facts
    assert (facts.user_text, facts.system_text, facts.turns) == ("first", "be brief", 1)
    assert (facts.tool_results, facts.max_output) == (True, 5)


def test_media_are_needs_and_do_not_count_as_text() -> None:
    chat_image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + PIXEL * 1000}}
    chat = read("openai-chat", messages=[{"role": "user", "content": [chat_image]}]).facts
    block = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL * 1000}}
    messages = read("anthropic", messages=[{"role": "user", "content": [block]}]).facts
    for facts in (chat, messages):
        assert facts.needs == {"image"}
        assert facts.text_bytes < 1_000


def test_tools_and_schemas_are_needs_in_both_dialects() -> None:
    chat = read(
        "openai-chat",
        tools=[{"type": "function", "function": {"name": "f"}}, {"type": "custom", "custom": {"name": "g"}}],
        response_format={"type": "json_schema", "json_schema": {"name": "s", "schema": {}}},
    ).facts
    messages = read(
        "anthropic",
        tools=[{"name": "f", "input_schema": {}}, {"type": "web_search_20260209", "name": "g"}],
        output_config={"format": {"type": "json_schema", "schema": {}}},
    ).facts
    for facts in (chat, messages):
        assert facts.tools == ("f", "g")
        assert facts.needs == {"tools", "structured_output"}


def test_a_long_prompt_is_read_at_head_and_tail() -> None:
    facts = read("openai-chat", messages=[{"role": "user", "content": "a" * 50_000 + "classify"}]).facts
    assert len(facts.user_text) < 7_000
    assert facts.user_text.endswith("classify")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(members=st.dictionaries(st.text(min_size=1), json_values, max_size=6))
def test_splice_keeps_every_other_member_byte_for_byte(members: dict[str, Any]) -> None:
    members["model"] = "auto"
    body = msgspec.json.encode(members)
    spliced = splice(read_members(body), {"model": b'"x"', "baton": None, "extra": b"1"})
    expected = {name: value for name, value in members.items() if name not in {"baton"}} | {"model": "x", "extra": 1}
    assert msgspec.json.decode(spliced) == expected
    kept = read_members(spliced)
    original = read_members(body)
    assert all(
        bytes(kept[name]) == bytes(original[name]) for name in original if name not in {"model", "baton", "extra"}
    )


def test_splice_keeps_numbers_escapes_and_spacing_of_values() -> None:
    body = b'{ "model" : "auto", "temperature": 1.0e-2, "x": [1,  2 ], "s": "\\u00e9\\/" }'
    expected = b'{"model":"up","temperature":1.0e-2,"x":[1,  2 ],"s":"\\u00e9\\/"}'
    assert splice(read_members(body), {"model": b'"up"'}) == expected


@given(body=st.binary(max_size=400))
def test_arbitrary_bytes_are_read_or_refused_never_a_crash(body: bytes) -> None:
    for dialect in DIALECTS:
        with pytest.raises(MalformedBody):
            read_request(dialect, body, {})
