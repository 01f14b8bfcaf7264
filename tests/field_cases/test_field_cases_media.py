"""Field cases 44 to 46: images in the results of tools."""

from typing import Any

import pytest

from baton.protocol.openai_chat.messages import MEDIA_AFTER, MEDIA_HEAD, MEDIA_STUB
from baton.types.card import Dialect
from tests.field_cases.rendered import Json, Shown, rendered, target

PNG = "iVBORw0KGgo="
DATA_URL = f"data:image/png;base64,{PNG}"
TEXT: Json = {"type": "text", "text": "the screen"}
IMAGE: Json = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
IN_RESULT = "messages[2].content[0].content[1]"


def screenshot(to: Dialect, **more: Any) -> Shown:
    """A conversation of Messages with an image in the result of a tool, in another dialect."""
    use = {"type": "tool_use", "id": "toolu_1", "name": "screenshot", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [TEXT, IMAGE]}
    messages = [
        {"role": "user", "content": "look"},
        {"role": "assistant", "content": [use]},
        {"role": "user", "content": [result, {"type": "text", "text": "what is it?"}]},
    ]
    return rendered("anthropic", {"messages": messages}, target(to, **more))


@pytest.mark.parametrize(
    "thread", ["litellm_23712", "litellm_20403", "litellm_17762", "litellm_17799", "litellm_25476"]
)
def test_case_44_an_image_in_a_result_reaches_the_model(thread: str) -> None:
    """Images in results of tools were dropped, or written into the text as their own JSON."""
    if thread == "litellm_23712":
        response = screenshot("gemini").messages[2]["parts"][0]["functionResponse"]
        assert response["response"] == {"result": "the screen"}
        assert response["parts"] == [{"inlineData": {"mimeType": "image/png", "data": PNG}}]
        assert screenshot("gemini").action(IN_RESULT) == "kept"
    elif thread == "litellm_20403":
        shown = screenshot("openai-responses")
        assert shown.messages[2]["output"] == [
            {"type": "input_text", "text": "the screen"},
            {"type": "input_image", "detail": "auto", "image_url": DATA_URL},
        ]
        assert shown.action(IN_RESULT) == "kept"
    elif thread in {"litellm_17762", "litellm_17799"}:
        shown = screenshot("openai-chat", flat_text=thread.endswith("99"))
        assert shown.raw.count(PNG.encode()) == 1
        assert shown.messages[3]["content"][1] == {"type": "image_url", "image_url": {"url": DATA_URL}}
        assert (shown.action(IN_RESULT), shown.reason(IN_RESULT)) == ("moved", MEDIA_AFTER)
    else:
        output = [{"type": "input_text", "text": "the screen"}, {"type": "input_image", "image_url": DATA_URL}]
        items = [
            {"role": "user", "content": "look"},
            {"type": "function_call", "call_id": "c1", "name": "screenshot", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": output},
        ]
        shown = rendered("openai-responses", {"input": items}, "anthropic")
        assert shown.messages[2]["content"][0]["content"] == [TEXT, IMAGE]
        assert shown.action("input[2].output[1]") == "kept"


@pytest.mark.parametrize("to", ["openai-chat", "ollama"])
def test_case_45_llama_cpp_22536_a_local_server_sees_the_image_of_a_result(to: Dialect) -> None:
    """A server that reads only the text of tool messages answered about an image that it never saw."""
    shown = screenshot(to)
    after = shown.messages[3]
    assert after["role"] == "user"
    assert shown.messages[2]["role"] == "tool"
    assert PNG not in str(shown.messages[2])
    assert "see the next user message" in str(shown.messages[2]["content"])
    if to == "ollama":
        assert after["images"] == [PNG]
    else:
        assert after["content"][0] == {"type": "text", "text": MEDIA_HEAD.format("image", "toolu_1")}
    assert shown.action(IN_RESULT) == "moved"
    assert shown.messages[4]["content"] == "what is it?"


@pytest.mark.parametrize("flat", [False, True])
def test_case_46_open_kb_242_no_image_stands_in_a_tool_message(flat: bool) -> None:
    """Compatible servers refuse `image_url` in the role `tool`: text parts only."""
    shown = screenshot("openai-chat", flat_text=flat)
    tool = shown.messages[2]
    stub = MEDIA_STUB.format("image")
    expected: Any = "the screen\n" + stub if flat else [TEXT, {"type": "text", "text": stub}]
    assert tool == {"role": "tool", "tool_call_id": "toolu_1", "content": expected}
    blind = screenshot("openai-chat", capabilities=frozenset({"tools"}))
    assert blind.action(IN_RESULT) == "rejected"
    assert PNG.encode() not in blind.raw
