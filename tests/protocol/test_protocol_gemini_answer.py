"""Whole Gemini answers, and what a Gemini client brings back of the answers of other models."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from baton.protocol.dialects import Reply, grammar_of
from baton.protocol.fold import unfold
from baton.protocol.gemini.answer import read_answer, write_answer
from baton.protocol.inband import sealer
from baton.protocol.prefix import prefix_hashes
from baton.types.card import Dialect
from baton.types.errors import UpstreamNotJson
from baton.types.events import AnswerMessage, Stop
from baton.types.handoff import Target
from baton.types.money import Usage
from baton.types.parts import ImagePart, Origin, PrivateEntry, ReasoningPart, TextPart, ToolCallPart
from tests.protocol.answers import ORIGIN, PREFIX, answers
from tests.protocol.loop import KEY, Client, answer_with
from tests.protocol.oracle import check_answer, check_request
from tests.protocol.test_protocol_round_trip import STRANGER, as_values, made, said_by_the_assistant
from tests.protocol.test_protocol_streams import frames

SIGNATURE = base64.b64encode(b"a signature").decode()


def wire(*parts: dict[str, Any], **more: Any) -> bytes:
    candidate = {"content": {"parts": list(parts), "role": "model"}, "finishReason": "STOP", "index": 0}
    return json.dumps({"candidates": [candidate], "modelVersion": "m", "responseId": "r", **more}).encode()


def test_an_answer_as_the_vendor_sends_it() -> None:
    usage = {"promptTokenCount": 10, "candidatesTokenCount": 7, "thoughtsTokenCount": 5}
    body = wire(
        {"text": "hm", "thought": True},
        {"text": "a", "thoughtSignature": SIGNATURE},
        {"functionCall": {"name": "get", "args": {"n": 1}}},
        usageMetadata=usage,
    )
    found = read_answer(body, ORIGIN, PREFIX)
    assert [type(part) for part in found.parts] == [ReasoningPart, TextPart, ToolCallPart]
    assert [(one.kind, one.anchor, one.origin) for one in found.private] == [
        ("reasoning_text", 0, ORIGIN),
        ("thought_signature", 1, ORIGIN),
    ]
    assert found.stop == Stop("tool_calls", "STOP")
    assert found.usage == Usage(10, 12, 0, 0, 5)


def test_made_up_ids_differ_from_answer_to_answer() -> None:
    """Where the upstream names neither its calls nor its answer, the conversation before it does."""
    body = wire(
        {"functionCall": {"name": "get", "args": {}}}, {"functionCall": {"name": "get", "args": {}}}, responseId=""
    )
    calls = [part for prefix in ("one", "two") for part in read_answer(body, ORIGIN, prefix).parts]
    assert len({part.id for part in calls if isinstance(part, ToolCallPart)}) == 4


def test_an_error_body_is_an_answer_with_a_fault() -> None:
    found = read_answer(b'{"error":{"code":400,"message":"no","status":"INVALID_ARGUMENT"}}')
    assert found.fault is not None
    assert (found.fault.kind, found.fault.status, found.fault.message) == ("invalid_request", 400, "no")


@pytest.mark.parametrize("body", [b"{}", b'{"choices":[]}', b'{"candidates":[{"content":{"parts":[{"text":7}]}}]}'])
def test_what_is_no_answer_is_refused(body: bytes) -> None:
    with pytest.raises(UpstreamNotJson):
        read_answer(body)


def test_a_whole_answer_is_one_candidate_with_whole_words() -> None:
    entry = PrivateEntry("thought_signature", SIGNATURE.encode(), "gemini", ORIGIN, PREFIX, 0)
    answer = AnswerMessage(
        "r", "up", (TextPart("Hello"), ToolCallPart("c1", "get", '{"n": 1.50}')), (entry,), Stop("end"), Usage(3, 4)
    )
    rendered = write_answer(answer, Reply(model="shown", tool_names={"get": "Get It"}))
    check_answer("gemini", rendered.body)
    assert b'"args":{"n": 1.50}' in rendered.body
    candidate = json.loads(rendered.body)["candidates"][0]
    assert candidate["content"]["parts"] == [
        {"text": "Hello", "thoughtSignature": SIGNATURE},
        {"functionCall": {"name": "Get It", "args": {"n": 1.5}, "id": "c1"}},
    ]
    assert candidate["finishReason"] == "STOP"


def test_an_answer_of_nothing_still_has_content() -> None:
    body = write_answer(AnswerMessage(stop=Stop("content_filter")), Reply(model="m")).body
    assert json.loads(body)["candidates"][0]["content"]["parts"] == [{"text": ""}]
    check_answer("gemini", body)


def test_an_answer_without_an_end_is_an_error() -> None:
    body = write_answer(AnswerMessage(parts=(TextPart("half a"),)), Reply(model="m")).body
    assert json.loads(body)["error"]["status"] == "INTERNAL"


def test_an_image_in_an_answer_is_shown() -> None:
    answer = AnswerMessage(parts=(ImagePart("image/png", "QUJD"),), stop=Stop("end"))
    body = write_answer(answer, Reply(model="m")).body
    assert json.loads(body)["candidates"][0]["content"]["parts"] == [
        {"inlineData": {"mimeType": "image/png", "data": "QUJD"}}
    ]


# --- through a Gemini client -------------------------------------------------------------------

MAKERS: tuple[Dialect, ...] = ("anthropic", "openai-chat")
user_words = st.text(min_size=1, max_size=20).filter(lambda text: text.strip() != "")


def target(dialect: Dialect, origin: Origin) -> Target:
    member = "reasoning_content" if dialect == "openai-chat" else None
    return Target(dialect=dialect, model="m", origin=origin, max_output=1_000, reasoning_member=member)


class StreamedChat(Client):
    """Keeps every chunk of a stream as a content of its own, as the SDK's chat does."""

    def __init__(self) -> None:
        super().__init__("gemini", in_band=True)

    def hear(self, answer: AnswerMessage, dialect: Dialect) -> None:
        stamped = answer_with(answer, prefix_hashes(self.conversation().turns)[-1])
        writer = grammar_of("gemini").stream_writer(Reply(model="auto", seal=sealer(KEY)))
        told = frames(writer.write(unfold(stamped)) + writer.finish())
        contents = [chunk["candidates"][0]["content"] for chunk in told]
        self.messages.extend(contents)
        calls = [part["functionCall"] for one in contents for part in one["parts"] if "functionCall" in part]
        if calls:
            results = [{"functionResponse": {"id": one["id"], "name": one["name"], "response": {}}} for one in calls]
            self.messages.append({"role": "user", "parts": results})


def call_ids(answer: AnswerMessage) -> set[str]:
    return {part.id for part in answer.parts if isinstance(part, ToolCallPart)}


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("maker", MAKERS)
@given(data=st.data())
@settings(max_examples=25)
def test_state_of_a_foreign_model_travels_in_the_signatures_of_a_gemini_client(
    maker: Dialect,
    streamed: bool,
    data: st.DataObject,
) -> None:
    client = StreamedChat() if streamed else Client("gemini", in_band=True)
    told = []
    ids: set[str] = set()
    for _ in range(data.draw(st.integers(1, 3))):
        client.say(data.draw(user_words))
        answer = data.draw(
            answers(maker).filter(
                lambda one: (
                    any(not isinstance(part, ReasoningPart) for part in one.parts) and ids.isdisjoint(call_ids(one))
                )
            )
        )
        ids.update(call_ids(answer))  # a model that gives an id twice in a conversation is another test's matter
        client.hear(answer, maker)
        told.append(as_values(made(answer)))
    client.say("and now?")
    back = grammar_of(maker).read(client.ask(target(maker, ORIGIN)).body, Origin())
    assert [as_values(one) for one in said_by_the_assistant(back)] == told
    foreign = client.ask(target("gemini", STRANGER))
    check_request("gemini", foreign.body)
    assert [private for _, private in said_by_the_assistant(grammar_of("gemini").read(foreign.body, Origin()))] == [
        [] for _ in told
    ]


@given(answer=answers("gemini"))
@settings(max_examples=25)
def test_what_a_gemini_client_echoes_to_its_own_model_is_what_the_model_said(answer: AnswerMessage) -> None:
    client = Client("gemini", in_band=True)
    client.say("hi")
    client.hear(answer, "gemini")
    client.say("go on")
    rendered = client.ask(replace(target("gemini", ORIGIN), model="gemini-3-pro"))
    echoed = json.loads(client.request())["contents"]
    assert json.loads(rendered.body)["contents"] == echoed
    assert {entry.action for entry in rendered.report.entries} == {"kept"}
