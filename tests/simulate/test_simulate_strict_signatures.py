"""Private state: given back to whom it belongs it is accepted, anywhere else and after any change it is refused."""

import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baton.simulate.conversation import Sealed, ToolUse, Turn
from baton.simulate.seal import Owner, breach, prefix_of, seal
from tests.simulate.posed import SCHEMA, Answered, Vendor

VENDOR = Vendor()
ASKED = {"role": "user", "content": "please use f"}
MORE = {"role": "user", "content": "and now?"}
THINKS = {"thinking": {"type": "adaptive"}}
AN_TOOL = {"name": "f", "input_schema": SCHEMA}


# --- Anthropic -------------------------------------------------------------------------------------


def claude(*messages: Any, model: str = "sim-claude", key: str = "k", **members: Any) -> Answered:
    return VENDOR.messages({"messages": list(messages), "tools": [AN_TOOL], **THINKS, **members}, model, key=key)


def result_of(content: list[dict[str, Any]]) -> dict[str, Any]:
    block = {"type": "tool_result", "tool_use_id": content[-1]["id"], "content": "x"}
    return {"role": "user", "content": [block]}


def signed() -> tuple[dict[str, Any], dict[str, Any]]:
    """The assistant's signed turn, and the result of its call."""
    content = claude(ASKED).body["content"]
    return {"role": "assistant", "content": content}, result_of(content)


def test_a_signed_turn_is_accepted_where_it_was_made_and_so_is_everything_after_it() -> None:
    turn, result = signed()
    second = claude(ASKED, turn, result)
    assert second.status == 200
    last = {"role": "assistant", "content": second.body["content"]}
    assert second.body["content"][0]["type"] == "thinking"
    assert claude(ASKED, turn, result, last, MORE).status == 200
    foreign = {"role": "assistant", "content": "said by another model"}
    assert claude(ASKED, turn, result, foreign, MORE).status == 200


def altered(turn: dict[str, Any], **members: Any) -> dict[str, Any]:
    first, *rest = turn["content"]
    return {"role": "assistant", "content": [{**first, **members}, *rest]}


def flipped(value: str) -> str:
    raw = bytearray(base64.b64decode(value))
    raw[3] ^= 1
    return base64.b64encode(bytes(raw)).decode()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda turn: altered(turn, signature="EqQBCkYIBxgC"), "not made by this vendor"),
        (lambda turn: altered(turn, signature=""), "not made by this vendor"),
        (lambda turn: altered(turn, signature=flipped(turn["content"][0]["signature"])), "or it was altered"),
        (lambda turn: altered(turn, thinking="Something else."), "its thinking was changed"),
        (lambda turn: altered(turn, thinking=""), "its thinking was changed"),
    ],
)
def test_a_changed_block_is_refused(change: Any, why: str) -> None:
    turn, result = signed()
    refused = claude(ASKED, change(turn), result)
    assert refused.status == 400
    assert "messages.1.content.0: Invalid `signature` in `thinking` block" in refused.message
    assert why in refused.message
    assert claude(ASKED, change(turn), result, thinking={"type": "disabled"}).status == 400


def test_a_block_is_bound_to_account_model_and_prefix() -> None:
    turn, result = signed()
    assert "belongs to another organization" in claude(ASKED, turn, result, key="other").message
    assert "made by another model" in claude(ASKED, turn, result, model="sim-claude-next").message
    before = {"role": "user", "content": "please use f, quickly"}
    assert "the conversation before it has changed" in claude(before, turn, result).message
    earlier = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "hello"}]
    assert "the conversation before it has changed" in claude(*earlier, ASKED, turn, result).message


def test_how_the_text_before_a_block_is_cut_into_messages_does_not_matter() -> None:
    turn, result = signed()
    blocks = [
        {"type": "text", "text": "please "},
        {"type": "text", "text": "use f", "cache_control": {"type": "ephemeral"}},
    ]
    assert claude({"role": "user", "content": blocks}, turn, result).status == 200
    apart = [{"role": "user", "content": "please "}, {"role": "user", "content": "use f"}]
    assert claude(*apart, turn, result).status == 200


def test_a_moved_system_text_and_a_renamed_call_change_the_prefix() -> None:
    notice = {"role": "system", "content": "be brief"}
    turn, result = signed()
    first = [ASKED, turn, result, notice, MORE]
    second = {"role": "assistant", "content": claude(*first).body["content"]}
    assert claude(*first, second, MORE).status == 200
    assert "has changed" in claude(ASKED, turn, result, MORE, second, notice, MORE).message
    content = [*turn["content"][:-1], {**turn["content"][-1], "id": "renamed"}]
    renamed = [ASKED, {"role": "assistant", "content": content}, result_of(content), notice, MORE]
    assert "messages.5.content.0" in claude(*renamed, second, MORE).message


def test_omitted_thinking_is_signed_over_its_emptiness() -> None:
    hidden: dict[str, Any] = {"thinking": {"type": "adaptive", "display": "omitted"}}
    content = claude(ASKED, **hidden).body["content"]
    assert (content[0]["thinking"], bool(content[0]["signature"])) == ("", True)
    assert claude(ASKED, {"role": "assistant", "content": content}, result_of(content)).status == 200
    told = [{**content[0], "thinking": "made up"}, *content[1:]]
    assert (
        "its thinking was changed" in claude(ASKED, {"role": "assistant", "content": told}, result_of(content)).message
    )


def test_redacted_thinking_is_made_on_request_and_bound_too() -> None:
    body = {"messages": [ASKED], "tools": [AN_TOOL]}
    content = VENDOR.messages(body, x_sim_thinking="1", x_sim_redacted="1").body["content"]
    assert set(content[0]) == {"type", "data"}
    turn = {"role": "assistant", "content": content}
    assert claude(ASKED, turn, result_of(content)).status == 200
    refused = claude(ASKED, turn, result_of(content), key="other")
    assert "Invalid `data` in `redacted_thinking` block" in refused.message


# --- the others ------------------------------------------------------------------------------------

RS_TOOL = {"type": "function", "name": "f", "parameters": SCHEMA}
RS_OUTPUT = {"type": "function_call_output", "output": "x"}


def gpt(*items: Any, model: str = "sim-gpt", key: str = "k") -> Answered:
    return VENDOR.responses({"input": list(items), "tools": [RS_TOOL]}, model, key=key)


def test_encrypted_reasoning_is_bound() -> None:
    items = gpt(ASKED).body["output"]
    output = {**RS_OUTPUT, "call_id": items[-1]["call_id"]}
    assert [item["type"] for item in items] == ["reasoning", "message", "function_call"]
    assert gpt(ASKED, *items, output).status == 200
    changed = [{**items[0], "encrypted_content": "gAAAAABo"}, *items[1:]]
    for refused in (
        gpt(ASKED, *items, output, key="other"),
        gpt(ASKED, *items, output, model="sim-gpt-plain"),
        gpt(MORE, *items, output),
        gpt(ASKED, *changed, output),
    ):
        assert refused.status == 400
        assert refused.body["error"]["code"] == "invalid_encrypted_content"
        assert "could not be verified" in refused.message


def gemini(*contents: Any, model: str = "sim-gemini", key: str = "k") -> Answered:
    tools = [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": SCHEMA}]}]
    body = {"contents": list(contents), "tools": tools}
    return VENDOR.ask(f"/v1beta/models/{model}:generateContent", body, x_goog_api_key=key)


def test_thought_signatures_are_bound() -> None:
    asked = {"role": "user", "parts": [{"text": "please use f"}]}
    content = gemini(asked).body["candidates"][0]["content"]
    part = {"functionResponse": {"name": "f", "id": content["parts"][-1]["functionCall"]["id"], "response": {"x": 1}}}
    result = {"role": "user", "parts": [part]}
    assert gemini(asked, content, result).status == 200
    url_safe = [{**one, "thoughtSignature": one["thoughtSignature"].replace("+", "-").replace("/", "_")} if "thoughtSignature" in one else one for one in content["parts"]]  # fmt: skip
    assert gemini(asked, {"role": "model", "parts": url_safe}, result).status == 200
    elsewhere = {"role": "user", "parts": [{"text": "please use f now"}]}
    for refused in (
        gemini(asked, content, result, key="other"),
        gemini(asked, content, result, model="sim-gemini-old"),
        gemini(elsewhere, content, result),
    ):
        assert refused.status == 400
        assert refused.message.startswith("Corrupted thought signature.")


def test_no_vendor_takes_the_state_of_another() -> None:
    turn, _ = signed()
    foreign = turn["content"][0]["signature"]
    reasoning = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": foreign}
    said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]}
    assert "not made by this vendor" in gpt(ASKED, reasoning, said, MORE).message
    parts = [{"text": "a", "thoughtSignature": foreign}]
    contents = [{"role": "user", "parts": [{"text": "please use f"}]}, {"role": "model", "parts": parts}]
    assert "not made by this vendor" in gemini(*contents, {"role": "user", "parts": [{"text": "b"}]}).message


def test_what_is_not_strict_takes_any_state() -> None:
    turn, result = signed()
    body = {"messages": [MORE, altered(turn, signature="x"), result]}
    assert Vendor(strict=False).messages(body).status == 200


# --- laws ------------------------------------------------------------------------------------------

TURNS = st.lists(
    st.builds(
        Turn,
        role=st.sampled_from(["user", "assistant", "tool"]),
        text=st.text(max_size=4),
        uses=st.just(()) | st.just((ToolUse("i", "f", '{"a":1}'),)),
        notice=st.sampled_from(["", "n"]),
    ),
    max_size=5,
)
OWNERS = st.builds(
    Owner,
    st.sampled_from(["anthropic", "gemini", "openai-responses"]),
    st.text(max_size=3),
    st.text(max_size=3),
)


@settings(max_examples=200, deadline=None)
@given(owner=OWNERS, turns=TURNS, text=st.text(max_size=9), after=TURNS)
def test_a_seal_is_good_in_its_place_whatever_comes_after(owner: Owner, turns: Any, text: str, after: Any) -> None:
    given_back = Sealed(seal(owner, turns, text), "here", text)
    told = [*turns, Turn("assistant", "x", sealed=(given_back,)), *after]
    assert breach(owner, told, len(turns), given_back) is None


@settings(max_examples=200, deadline=None)
@given(owner=OWNERS, other=OWNERS, turns=TURNS, text=st.text(max_size=9))
def test_a_seal_is_good_for_nobody_else(owner: Owner, other: Owner, turns: Any, text: str) -> None:
    found = breach(other, [*turns, Turn("assistant")], len(turns), Sealed(seal(owner, turns, text), "here", text))
    assert (found is None) == (owner == other)


@settings(max_examples=200, deadline=None)
@given(owner=OWNERS, turns=TURNS, data=st.data())
def test_a_seal_with_any_character_changed_is_unreadable(owner: Owner, turns: Any, data: Any) -> None:
    value = seal(owner, turns, "t")
    place = data.draw(st.integers(0, len(value) - 1))
    other = data.draw(st.sampled_from(sorted(set("ABCXYZabcxyz0189+/") - {value[place]})))
    changed = value[:place] + other + value[place + 1 :]
    assert breach(owner, turns, len(turns), Sealed(changed, "here")) == "unreadable"


@pytest.mark.parametrize("value", ["", "=", "é", "a", "AAAA", "A" * 100])
def test_what_is_no_seal_is_unreadable(value: str) -> None:
    assert breach(Owner("anthropic", "", ""), (), 0, Sealed(value, "here")) == "unreadable"


def test_a_prefix_counts_media_and_results_and_skips_the_turn_that_is_being_made() -> None:
    turns = [Turn("user", "a"), Turn("assistant", "b"), Turn("assistant", "c")]
    assert prefix_of(turns, 1, "anthropic") == prefix_of(turns, 3, "anthropic")
    shown = [Turn("user", "a", media=("m",)), *turns[1:]]
    assert prefix_of(turns, 3, "anthropic") != prefix_of(shown, 3, "anthropic")
    answered = [Turn("user", "a"), Turn("tool", "b", result_of="1")]
    renamed = [Turn("user", "a"), Turn("tool", "b", result_of="2")]
    assert prefix_of(answered, 2, "anthropic") != prefix_of(renamed, 2, "anthropic")
    assert prefix_of(answered, 2, "gemini") == prefix_of(renamed, 2, "gemini")
