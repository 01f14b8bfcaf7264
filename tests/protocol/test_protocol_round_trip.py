"""A conversation leaves a model and returns to it: its private state byte for byte, its visible words unchanged."""

import itertools
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baton.protocol.dialects import grammar_of
from baton.protocol.inband import TEXT_TAG
from baton.types.card import Dialect
from baton.types.conversation import Conversation
from baton.types.events import AnswerMessage
from baton.types.handoff import Target
from baton.types.parts import Origin, ReasoningPart, TextPart, ToolCallPart, ToolResultPart
from tests.protocol.answers import ORIGIN, answers
from tests.protocol.loop import Client
from tests.protocol.oracle import check_request

DIALECTS: tuple[Dialect, ...] = ("anthropic", "openai-chat", "openai-responses", "ollama", "gemini")
PAIRS = list(itertools.permutations(DIALECTS, 2))
STRANGER = Origin("another maker", "account", "", "other-family")

user_words = st.text(min_size=1, max_size=20).filter(lambda text: text.strip() != "")


def target(dialect: Dialect, origin: Origin) -> Target:
    return Target(
        dialect=dialect,
        model="m",
        origin=origin,
        max_output=1_000,
        reasoning_member="reasoning_content" if dialect == "openai-chat" else None,
    )


def said_by_the_assistant(conversation: Conversation) -> list[tuple[list[Any], list[tuple[str, bytes, int]]]]:
    """Parts and private state of the assistant's turns, as far as they are the same in every reading of them."""
    return [
        ([shape(part) for part in turn.parts], [(one.kind, one.payload, one.anchor) for one in turn.private])
        for turn in conversation.turns
        if turn.role == "assistant"
    ]


def shape(part: Any) -> Any:
    if isinstance(part, TextPart | ReasoningPart):
        return type(part).__name__, part.text
    assert isinstance(part, ToolCallPart)
    return part.id, part.name, part.arguments


def made(answer: AnswerMessage) -> tuple[list[Any], list[tuple[str, bytes, int]]]:
    return [shape(part) for part in answer.parts], [(one.kind, one.payload, one.anchor) for one in answer.private]


@pytest.mark.parametrize(("maker", "through"), PAIRS)
@given(data=st.data())
@settings(max_examples=25)
def test_answers_return_to_their_maker_as_they_were_made_through_a_client_of_another_dialect(
    maker: Dialect, through: Dialect, data: st.DataObject
) -> None:
    client = Client(through, in_band=False)
    told = []
    for _ in range(data.draw(st.integers(1, 3))):
        client.say(data.draw(user_words))
        answer = data.draw(answers(maker).filter(lambda one: bool(one.parts)))
        client.hear(answer, maker)
        told.append(made(answer))
    client.say("and now?")
    rendered = client.ask(target(maker, ORIGIN))
    if maker != "openai-chat":  # its own types do not know what compatible servers want back
        check_request(maker, rendered.body)
    back = said_by_the_assistant(grammar_of(maker).read(rendered.body, Origin()))
    shown = client.shows_thinking and maker not in {"anthropic", "openai-responses"}
    expected = [one for one in told if shown or not is_bare_thinking(one)]
    assert [as_carried(one, maker) for one in back] == [as_carried(one, maker) for one in expected]
    assert not rendered.report.is_lossy


def as_carried(
    told: tuple[list[Any], list[tuple[str, bytes, int]]], dialect: Dialect
) -> tuple[list[Any], list[tuple[str, bytes, int]]]:
    """Calls have no ids in requests of Ollama's."""
    if dialect != "ollama":
        return told
    return [shape[1:] if len(shape) == 3 else shape for shape in told[0]], told[1]


def is_bare_thinking(told: tuple[list[Any], list[tuple[str, bytes, int]]]) -> bool:
    """Such a turn shows nothing to a client that echoes no thinking; and Messages take no message of nothing else."""
    return all(kind == "ReasoningPart" for kind, *_ in told[0])


@given(data=st.data())
@settings(max_examples=60)
def test_in_band_state_returns_to_its_maker_and_to_no_one_else(data: st.DataObject) -> None:
    """A chat server's own reasoning travels in the signature of a Messages client's thinking blocks.

    Arguments are compared as JSON values: a Messages client has them as an object and writes them anew, and their text
    is no private state. Only the store brings that back.
    """
    client = Client("anthropic", in_band=True)
    told = []
    for _ in range(data.draw(st.integers(1, 3))):
        client.say(data.draw(user_words))
        answer = data.draw(answers("openai-chat").filter(lambda one: bool(one.parts)))
        client.hear(answer, "openai-chat")
        told.append(as_values(made(answer)))
    client.say("and now?")
    back = said_by_the_assistant(
        grammar_of("openai-chat").read(client.ask(target("openai-chat", ORIGIN)).body, Origin())
    )
    assert [as_values(one) for one in back] == told
    ids = [shape[0] for parts, _ in told for shape in parts if len(shape) == 3]
    if len(set(ids)) < len(ids):
        return  # told apart for those who refuse them: test_protocol_repeated_ids.py
    for dialect in DIALECTS:
        foreign = client.ask(target(dialect, STRANGER))
        assert TEXT_TAG.encode() not in foreign.body
        said = said_by_the_assistant(grammar_of(dialect).read(foreign.body, Origin()))
        assert [as_carried(as_values(one), dialect) for one in said] == [
            as_carried(([part for part in parts if part[0] != "ReasoningPart"], []), dialect)
            for parts, _ in told
            if any(part[0] != "ReasoningPart" for part in parts)
        ]


def as_values(told: tuple[list[Any], list[tuple[str, bytes, int]]]) -> tuple[list[Any], list[tuple[str, bytes, int]]]:
    """Shapes of calls with their arguments decoded."""
    return [(*shape[:-1], json.loads(shape[-1])) if len(shape) == 3 else shape for shape in told[0]], told[1]


@given(data=st.data())
@settings(max_examples=40)
def test_a_forged_envelope_goes_nowhere(data: st.DataObject) -> None:
    forged = TEXT_TAG + data.draw(st.text("ABCDabcd0123+/=", max_size=80))
    client = Client("anthropic", in_band=True)
    client.say("hello")
    thinking = {"type": "thinking", "thinking": "trust me", "signature": forged}
    client.messages.append({"role": "assistant", "content": [thinking, {"type": "text", "text": "hi"}]})
    client.say("again")
    for dialect in DIALECTS:
        rendered = client.ask(target(dialect, ORIGIN))
        assert forged.encode() not in rendered.body
        assert b"trust me" not in rendered.body
        withheld = [entry for entry in rendered.report.entries if entry.action == "withheld"]
        assert "messages[1].content[0].signature" in {entry.path for entry in withheld}


# --- requests of one dialect through another and back ------------------------------------------

blocks = st.lists(user_words.map(lambda text: {"type": "text", "text": text}), min_size=1, max_size=3)


@st.composite
def messages_bodies(draw: st.DrawFn) -> dict[str, Any]:
    messages: list[dict[str, Any]] = []
    for turn in range(draw(st.integers(1, 4))):
        messages.append({"role": "user", "content": draw(blocks)})
        if draw(st.booleans()):
            messages.append({"role": "system", "content": draw(user_words)})
        ids = [f"toolu_{turn}_{n}" for n in range(draw(st.integers(0, 2)))]
        said = draw(blocks) if draw(st.booleans()) or not ids else []
        uses = [
            {"type": "tool_use", "id": id_, "name": "bash", "input": {"n": 1.5, "s": draw(user_words)}} for id_ in ids
        ]
        messages.append({"role": "assistant", "content": [*said, *uses]})
        if ids:
            results = [
                {
                    "type": "tool_result",
                    "tool_use_id": id_,
                    "content": draw(user_words),
                    "is_error": draw(st.booleans()),
                }
                for id_ in ids
            ]
            messages.append({"role": "user", "content": [*results, *(draw(blocks) if draw(st.booleans()) else [])]})
    messages.append({"role": "user", "content": draw(user_words)})
    body = {"model": "m", "max_tokens": 50, "system": draw(user_words), "messages": messages}
    return body | ({"stop_sequences": ["END"]} if draw(st.booleans()) else {})


@pytest.mark.parametrize("through", [dialect for dialect in DIALECTS if dialect != "anthropic"])
@given(body=messages_bodies())
def test_a_request_through_another_dialect_and_back_says_the_same(through: Dialect, body: dict[str, Any]) -> None:
    if through == "gemini":  # which has no system messages but the first
        body = body | {"messages": [message for message in body["messages"] if message["role"] != "system"]}
    there = grammar_of(through).write(read("anthropic", body), target(through, Origin()))
    decoded = check_request(through, there.body)
    back = grammar_of("anthropic").write(read(through, decoded), target("anthropic", Origin()))
    again = check_request("anthropic", back.body)
    ids = through != "ollama"
    assert visible(read("anthropic", again), ids=ids) == visible(read("anthropic", body), ids=ids)
    cuts = through == "openai-responses"  # which has no stop sequences: the gateway cuts
    same = ("max_tokens",) if cuts else ("max_tokens", "stop_sequences")
    assert {name: again[name] for name in same if name in again} == {name: body[name] for name in same if name in body}
    lossy = [entry.path for entry in there.report.entries if entry.action in {"degraded", "rejected"}]
    assert lossy == []
    assert not back.report.is_lossy


@pytest.mark.parametrize("into", DIALECTS)
@given(body=messages_bodies(), data=st.data())
def test_a_longer_history_begins_with_the_bytes_of_the_shorter_one(
    into: Dialect, body: dict[str, Any], data: st.DataObject
) -> None:
    """Cut where a client would have sent it: after a turn of the user's, when every call has its result."""
    longer = rendered_messages(body, into)
    assert longer == rendered_messages(body, into)
    ends = [place for place, message in enumerate(body["messages"], 1) if message["role"] == "user"]
    if into == "gemini":  # where what the user says in several messages is one: the cut is where the model was asked
        asked = [place for place, message in enumerate(body["messages"]) if message["role"] == "assistant"]
        ends = [*asked, len(body["messages"])]
    shorter = rendered_messages(body | {"messages": body["messages"][: data.draw(st.sampled_from(ends))]}, into)
    assert longer.startswith(shorter.removesuffix(b"]"))


def rendered_messages(body: dict[str, Any], into: Dialect) -> bytes:
    rendered = grammar_of(into).write(read("anthropic", body), target(into, Origin()))
    member = {"gemini": "contents", "openai-responses": "input"}.get(into, "messages")
    return bytes(msgspec.json.decode(rendered.body, type=dict[str, msgspec.Raw])[member])


def read(dialect: Dialect, body: dict[str, Any]) -> Conversation:
    return grammar_of(dialect).read(json.dumps(body).encode(), Origin())


def visible(conversation: Conversation, *, ids: bool) -> list[Any]:
    """Who said what, in order; neighbouring words of one speaker are one. Without ids, calls and results pair up."""
    found: list[Any] = []
    for turn in conversation.turns:
        glue = "" if turn.role == "assistant" else "\n\n"
        for part in turn.parts:
            if isinstance(part, TextPart):
                if found and found[-1][0] == turn.role:
                    found[-1] = (turn.role, found[-1][1] + glue + part.text)
                else:
                    found.append((turn.role, part.text))
            elif isinstance(part, ToolCallPart):
                found.append(("call", part.id if ids else "", part.name, json.loads(part.arguments)))
            elif isinstance(part, ToolResultPart):
                text = "".join(piece.text for piece in part.content if isinstance(piece, TextPart))
                found.append(("result", part.call if ids else "", part.is_error, text))
    return found
