"""Whole Responses answers: read, written, and never taken for what they are not."""

import json
from typing import Any

import pytest
from openai.types.responses import Response

from baton.protocol.dialects import Reply
from baton.protocol.openai_responses.answer import read_answer, write_answer
from baton.types.errors import UpstreamNotJson
from baton.types.events import AnswerMessage, Stop, StreamFault
from baton.types.money import Usage
from baton.types.parts import OpaquePart, ReasoningPart, ServerToolPart, TextPart, ToolCallPart
from tests.protocol.answers import ORIGIN, PREFIX

REPLY = Reply(model="shown", id="resp_1", created=1_700_000_000)
REASONING = {"id": "rs_1", "type": "reasoning", "encrypted_content": "gAAA", "summary": []}
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "phase": "commentary",
    "content": [{"type": "output_text", "text": "one", "annotations": []}, {"type": "refusal", "refusal": "no"}],
}
CALL = {"id": "fc_1", "type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"}
CUSTOM = {"id": "ctc_1", "type": "custom_tool_call", "call_id": "call_2", "name": "patch", "input": "free"}
SEARCH = {"id": "ws_1", "type": "web_search_call", "status": "completed"}


def answer(*output: Any, **members: Any) -> AnswerMessage:
    body = {"id": "resp_0", "object": "response", "model": "m", "status": "completed", "output": output} | members
    return read_answer(json.dumps(body, indent=1).encode(), ORIGIN, PREFIX)


def test_every_kind_of_item_is_read_in_its_order() -> None:
    usage = {"input_tokens": 3, "output_tokens": 4, "output_tokens_details": {"reasoning_tokens": 1}}
    found = answer(REASONING, MESSAGE, CALL, CUSTOM, SEARCH, {"type": "dream"}, usage=usage)
    assert [type(part) for part in found.parts] == [
        ReasoningPart,
        TextPart,
        TextPart,
        ToolCallPart,
        ToolCallPart,
        ServerToolPart,
        OpaquePart,
    ]
    assert found.parts[1:3] == (TextPart("one"), TextPart("no", refusal=True))
    assert found.parts[4] == ToolCallPart("call_2", "patch", "free", "custom", {"item": "ctc_1"})
    assert [(entry.kind, entry.anchor) for entry in found.private] == [("encrypted", 0), ("phase", 1)]
    assert found.usage == Usage(3, 4, reasoning=1)
    assert found.stop == Stop("tool_calls", "completed")


def test_reasoning_without_state_is_only_shown() -> None:
    found = answer({"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]})
    assert (found.parts, found.private) == ((ReasoningPart("hm"),), ())


def test_open_thoughts_come_back_although_they_are_not_encrypted() -> None:
    item = {"id": "rs_1", "type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "deep"}]}
    found = answer(item)
    assert found.parts == (ReasoningPart("deep"),)
    assert [entry.kind for entry in found.private] == ["encrypted"]


def test_a_refusal_is_one_and_a_completed_answer_without_calls_has_ended() -> None:
    refusal = MESSAGE | {"content": [{"type": "refusal", "refusal": "no"}]}
    assert answer(refusal).stop == Stop("refusal", "completed")
    assert answer().stop == Stop("end", "completed")


def test_failures_are_faults() -> None:
    failed = answer(status="failed", error={"code": "server_error", "message": "broken"})
    assert failed.fault == StreamFault("server", "broken", 500, "server_error")
    assert failed.stop is None
    body = b'{"error":{"message":"no","type":"invalid_request_error","param":null,"code":null}}'
    assert read_answer(body).fault == StreamFault("invalid_request", "no", 400, "invalid_request_error")


def test_an_object_that_is_no_response_has_no_end() -> None:
    found = read_answer(b'{"id":"x","choices":[]}')
    assert (found.stop, found.parts) == (None, ())


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"output":{}}', b'{"output":[7]}', b'{"id":7}'])
def test_a_body_that_is_no_answer_is_refused(body: bytes) -> None:
    with pytest.raises(UpstreamNotJson):
        read_answer(body)


def test_items_that_were_read_are_written_for_the_providers_own_clients() -> None:
    found = answer(REASONING, MESSAGE, CALL, SEARCH)
    rendered = write_answer(found, REPLY)
    written = json.loads(rendered.body)
    assert written["output"][0] == REASONING
    assert written["output"][3] == CALL | {"status": "completed"}
    assert written["output"][4] == SEARCH
    assert [item["phase"] for item in written["output"] if "phase" in item] == ["commentary"]
    assert rendered.report.entries == ()
    assert (written["id"], written["model"]) == ("resp_1", "shown")
    assert read_answer(rendered.body, ORIGIN, PREFIX).parts == found.parts


def test_a_fault_is_a_failed_response() -> None:
    rendered = write_answer(AnswerMessage("r", "m", fault=StreamFault("rate_limit", "slow down", 429)), REPLY)
    response = Response.model_validate_json(rendered.body, strict=True)
    assert response.status == "failed"
    assert response.error is not None
    assert (response.error.code, response.error.message) == ("rate_limit_exceeded", "slow down")


def test_an_answer_without_its_end_is_a_failed_response() -> None:
    assert json.loads(write_answer(AnswerMessage("r", "m", (TextPart("half"),)), REPLY).body)["status"] == "failed"


def test_an_answer_always_has_an_id_and_items_of_different_answers_have_different_ones() -> None:
    def ids(created: int) -> set[str]:
        whole = AnswerMessage("", "m", (TextPart("a"),), stop=Stop("end"))
        body = json.loads(write_answer(whole, Reply(model="m", created=created)).body)
        return {body["id"], body["output"][0]["id"]}

    assert len(ids(1) | ids(2)) == 4
