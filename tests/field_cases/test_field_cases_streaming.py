"""Field cases 50 to 54: streams of odd upstreams, through a whole gateway into another dialect."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest

from baton.testing.upstream import Step, event_stream
from baton.types.card import Dialect
from tests.field_cases.rendered import Json, frames, unframed
from tests.field_cases.stage import PATHS, Maker, Stage, stage, stream

ARGUMENTS = '{"city":"Paris"}'
TOOLS: dict[Dialect, Json] = {
    "openai-chat": {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}},
    "anthropic": {"name": "get_weather", "input_schema": {"type": "object"}},
}


def chunk(said: Json, finish_reason: str | None = None, **more: Any) -> Json:
    choice = {"index": 0, "delta": said, "finish_reason": finish_reason}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]} | more


def called(index: int | None, arguments: str | None = None, **more: Any) -> Json:
    """A delta of one call; `id` and `name` in its first one."""
    inner = {name: more.pop(name) for name in ("name",) if name in more}
    inner |= {} if arguments is None else {"arguments": arguments}
    call = ({} if index is None else {"index": index}) | more | {"function": inner}
    return chunk({"tool_calls": [call | ({"type": "function"} if "id" in more else {})]})


def maker(dialect: Dialect, *events: Any) -> Maker:
    return Maker(dialect, "m", [stream(*events)])


async def ask(gateway: Stage, dialect: Dialect, **more: Any) -> httpx2.Response:
    body: Json = {"model": "sim/m", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    body |= {"max_tokens": 99} if dialect == "anthropic" else {}
    return await gateway.post(PATHS[dialect], body | {"tools": [TOOLS[dialect]]} | more)


def told(folder: Path, upstream: Maker, dialect: Dialect) -> list[Json]:
    """The events that a caller of this dialect gets."""

    async def run() -> list[Json]:
        async with stage(folder, {"sim": upstream}) as gateway:
            answer = await ask(gateway, dialect)
            assert answer.status_code == 200, answer.text
            return unframed(answer.content)

    return asyncio.run(run())


def calls_of(events: Sequence[Json], dialect: Dialect) -> list[tuple[str, str, str]]:
    """Id, name and arguments of each call, as a client puts them together."""
    calls: dict[int, list[str]] = {}
    for event in events:
        if dialect == "anthropic":
            block = event.get("content_block", {})
            if block.get("type") == "tool_use":
                calls[event["index"]] = [block["id"], block["name"], ""]
            if event.get("delta", {}).get("type") == "input_json_delta":
                calls[event["index"]][2] += event["delta"]["partial_json"]
            continue
        for choice in event["choices"]:
            for call in choice["delta"].get("tool_calls", ()):
                known = calls.setdefault(call["index"], [call.get("id", ""), call["function"].get("name", ""), ""])
                known[2] += call["function"].get("arguments", "")
    return [(id_, name, arguments) for id_, name, arguments in calls.values()]


def words_of(events: Sequence[Json]) -> str:
    return "".join(event.get("delta", {}).get("text", "") for event in events)


ADDED = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "get_weather", "arguments": ""}
DONE = ADDED | {"arguments": ARGUMENTS, "status": "completed"}
RESPONSE: Json = {"id": "resp_1", "object": "response", "model": "m", "status": "completed", "output": [DONE]}
ONLY_DONE: list[Json] = [
    {"type": "response.created", "response": RESPONSE | {"status": "in_progress", "output": []}},
    {"type": "response.output_item.added", "output_index": 0, "item": ADDED},
    {"type": "response.function_call_arguments.done", "output_index": 0, "item_id": "fc_1", "arguments": ARGUMENTS},
    {"type": "response.output_item.done", "output_index": 0, "item": DONE},
    {"type": "response.completed", "response": RESPONSE},
]
WITH_THE_NAME = [
    chunk({"role": "assistant", "content": None}),
    called(0, ARGUMENTS, id="call_1", name="get_weather"),
    chunk({}, "tool_calls"),
]
BEFORE_THE_NAME = [
    chunk({"role": "assistant"}),
    called(0, '{"city":', id="call_1"),
    called(0, '"Paris"', name="get_weather"),
    called(0, "}"),
    chunk({}, "tool_calls"),
]


MESSAGE: Json = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None,
    "stop_sequence": None, "usage": {"input_tokens": 3, "output_tokens": 0},
}  # fmt: skip
ANTHROPIC_CALL: list[Json] = [
    {"type": "message_start", "message": MESSAGE},
    {"type": "content_block_start", "index": 0,
     "content_block": {"type": "tool_use", "id": "call_1", "name": "get_weather", "input": {}}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": ARGUMENTS}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 5}},
    {"type": "message_stop"},
]  # fmt: skip


@pytest.mark.parametrize(
    ("thread", "maker_dialect", "events", "dialect"),
    [
        ("litellm_25321", "openai-responses", ONLY_DONE, "anthropic"),
        ("litellm_25321", "openai-responses", ONLY_DONE, "openai-chat"),
        ("litellm_29491", "openai-chat", WITH_THE_NAME, "anthropic"),
        ("litellm_13638", "openai-chat", BEFORE_THE_NAME, "anthropic"),
        ("litellm_13638", "anthropic", ANTHROPIC_CALL, "openai-chat"),
    ],
)
def test_case_50_arguments_arrive_however_the_upstream_sends_them(
    tmp_path: Path, thread: str, maker_dialect: Dialect, events: list[Json], dialect: Dialect
) -> None:
    """Arguments that came only in `.done`, with the name, or before it, were lost: the tool was called with {}."""
    assert thread.startswith("litellm")
    upstream = maker(maker_dialect, *events, *([b"[DONE]"] if maker_dialect == "openai-chat" else []))
    assert calls_of(told(tmp_path, upstream, dialect), dialect) == [("call_1", "get_weather", ARGUMENTS)]


def test_case_51_litellm_29286_an_empty_list_of_calls_beside_words_is_no_call(tmp_path: Path) -> None:
    """`tool_calls: []` in every chunk: an input_json_delta of nothing landed in a text block."""
    said = [
        chunk({"role": "assistant", "content": "", "tool_calls": []}),
        chunk({"content": "hel", "tool_calls": []}),
        chunk({"content": "lo", "tool_calls": []}),
        chunk({"content": None, "tool_calls": []}, "stop"),
        b"[DONE]",
    ]
    events = told(tmp_path, maker("openai-chat", *said), "anthropic")
    assert [(event["type"], event.get("delta", {}).get("type")) for event in events] == [
        ("message_start", None),
        ("content_block_start", None),
        ("content_block_delta", "text_delta"),
        ("content_block_delta", "text_delta"),
        ("content_block_stop", None),
        ("message_delta", None),
        ("message_stop", None),
    ]
    assert words_of(events) == "hello"
    assert events[-2]["delta"]["stop_reason"] == "end_turn"


@pytest.mark.parametrize("whole", [False, True], ids=["in-pieces", "in-one-delta"])
def test_case_52_cc_nexus_89_several_calls_under_one_index_are_several_calls(tmp_path: Path, whole: bool) -> None:
    """The server numbers every call 0: their arguments ran into one call of broken JSON."""
    deltas: list[Json] = []
    for id_, city in (("call_1", "Paris"), ("call_2", "Rome")):
        pieces = [f'{{"city":"{city}"}}'] if whole else ['{"city":', f'"{city}"', "}"]
        deltas.append(called(0, pieces[0], id=id_, name="get_weather"))
        deltas += [called(0, piece) for piece in pieces[1:]]
    events = told(tmp_path, maker("openai-chat", *deltas, chunk({}, "tool_calls"), b"[DONE]"), "anthropic")
    assert calls_of(events, "anthropic") == [
        ("call_1", "get_weather", '{"city":"Paris"}'),
        ("call_2", "get_weather", '{"city":"Rome"}'),
    ]
    starts = [event["index"] for event in events if event["type"] == "content_block_start"]
    stops = [event["index"] for event in events if event["type"] == "content_block_stop"]
    assert starts == stops == [0, 1]


def test_case_53_portkey_1399_the_first_chunk_and_no_other_says_the_role(tmp_path: Path) -> None:
    """Clients wait for `role: assistant` in the first chunk; and some upstreams never say it."""
    events = told(tmp_path, maker("anthropic", *ANTHROPIC_CALL), "openai-chat")
    deltas = [choice["delta"] for event in events for choice in event["choices"]]
    assert deltas[0]["role"] == "assistant"
    assert not any("role" in one for one in deltas[1:])


def test_case_53_portkey_1399_an_upstream_that_never_says_the_role_is_understood(tmp_path: Path) -> None:
    """The other direction: the role is not what an answer is known by."""
    events = told(
        tmp_path, maker("openai-chat", chunk({"content": "hello"}), chunk({}, "stop"), b"[DONE]"), "anthropic"
    )
    assert events[0]["message"]["role"] == "assistant"
    assert words_of(events) == "hello"


OVERLOADED: Json = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
SAID: list[Json] = [
    ANTHROPIC_CALL[0],
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hel"}},
]


@pytest.mark.parametrize("dialect", ["anthropic", "openai-chat", "openai-responses"])
@pytest.mark.parametrize("thread", ["envoy_ai_gateway_2697", "sub2api_5567"])
def test_case_54_overloaded_inside_a_200_before_the_first_word_is_a_status(
    tmp_path: Path, thread: str, dialect: Dialect
) -> None:
    """An `overloaded_error` as an event after HTTP 200: nobody fell back, and the client got an empty answer."""
    script: list[Step] = stream(OVERLOADED)
    if thread == "sub2api_5567":
        head, *rest = stream({"type": "ping"}, OVERLOADED)
        script = [head, 0.02, *rest]  # the head of the answer long before the error

    async def run() -> None:
        async with stage(tmp_path, {"sim": Maker("anthropic", "m", [script])}) as gateway:
            said = "input" if dialect == "openai-responses" else "messages"
            body: Json = {"model": "sim/m", "stream": True, said: [{"role": "user", "content": "hi"}]}
            body |= {} if dialect == "openai-responses" else {"max_tokens": 9}
            answer = await gateway.post(PATHS[dialect], body)
            assert answer.status_code == 529
            assert answer.headers["content-type"] == "application/json"
            error = answer.json()["error"]
            assert "Overloaded" in error["message"]
            if dialect == "anthropic":
                assert error["type"] == "overloaded_error"

    asyncio.run(run())


@pytest.mark.parametrize("dialect", ["anthropic", "openai-chat"])
def test_case_54_overloaded_after_the_first_word_is_an_error_event_and_never_an_end(
    tmp_path: Path, dialect: Dialect
) -> None:
    """What was said cannot be taken back: the stream says that it failed, in the caller's dialect."""

    async def run() -> bytes:
        script = event_stream(frames(*SAID), 0.1, frames(OVERLOADED))
        async with stage(tmp_path, {"sim": Maker("anthropic", "m", [script])}) as gateway:
            answer = await ask(gateway, dialect)
            assert answer.status_code == 200
            return answer.content

    data = asyncio.run(run())
    events = unframed(data)
    assert events[-1]["error"]["type"] == "overloaded_error"
    assert b"[DONE]" not in data
    if dialect == "anthropic":
        assert data == frames(*SAID, OVERLOADED)
    else:
        assert [choice["finish_reason"] for event in events[:-1] for choice in event["choices"]] == [None]
        assert json.dumps(events).count("hel") == 1
