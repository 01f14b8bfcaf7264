"""The OpenAI dialect, driven by the real SDK over loopback, and its errors in the vendor's shape."""

from collections.abc import Iterator
from typing import Any

import msgspec
import openai
import pytest

from baton.simulate.drive import openai_answer, openai_arguments
from baton.simulate.fleet import Fleet
from baton.simulate.serve import Running, serve_in_thread
from baton.simulate.workload.item import WorkItem, item
from baton.types.verdict import Answer, ToolCall
from tests.simulate.raw_http import ask, chat, post

ITEMS = [item(7, index) for index in range(60)]
FLEET = Fleet()
FRONTIER = FLEET.models[0]
CALLING = next(one for one in ITEMS if one.closing and FLEET.is_right(one, FRONTIER))
TALKING = next(one for one in ITEMS if one.task_type == "extraction" and FLEET.is_right(one, FRONTIER))


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with serve_in_thread(FLEET) as started:
        yield started


@pytest.fixture(scope="module")
def client(running: Running) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{running.base_url}/v1", api_key="any", max_retries=0) as made:
        yield made


def create(client: openai.OpenAI, one: WorkItem, **members: Any) -> Any:
    return client.chat.completions.create(model="sim-frontier", **{**openai_arguments(one.conversation), **members})


@pytest.mark.parametrize("one", ITEMS[:30], ids=lambda one: one.reference)
def test_whole_and_streamed_answers_are_the_engines_own(client: openai.OpenAI, one: WorkItem) -> None:
    whole = create(client, one)
    answer = openai_answer(whole.model_dump())
    if FLEET.is_right(one, FRONTIER):
        assert answer == one.right
    else:
        assert answer in [wrong.answer for wrong in one.wrong]
    chunks = list(create(client, one, stream=True, stream_options={"include_usage": True}))
    assert folded(chunks) == answer
    assert chunks[-1].usage == whole.usage
    assert chunks[-2].choices[0].finish_reason == whole.choices[0].finish_reason
    assert len({chunk.id for chunk in chunks}) == 1


def folded(chunks: list[Any]) -> Answer:
    text, calls = "", dict[int, list[str]]()
    for chunk in chunks:
        for choice in chunk.choices:
            text += choice.delta.content or ""
            for call in choice.delta.tool_calls or ():
                made = calls.setdefault(call.index, ["", ""])
                made[0] += call.function.name or ""
                made[1] += call.function.arguments or ""
    return Answer(text, tuple(ToolCall(name, arguments) for name, arguments in calls.values()))


def test_a_tool_call_comes_whole_and_index_keyed(client: openai.OpenAI) -> None:
    whole = create(client, CALLING)
    (call,) = whole.choices[0].message.tool_calls
    assert whole.choices[0].finish_reason == "tool_calls"
    assert whole.choices[0].message.content is None
    first, *deltas = [
        chunk.choices[0].delta.tool_calls[0]
        for chunk in create(client, CALLING, stream=True)
        if chunk.choices[0].delta.tool_calls
    ]
    assert (first.index, first.type, first.function.name, first.function.arguments) == (
        0,
        "function",
        call.function.name,
        "",
    )
    assert first.id.startswith("call_")
    assert all(delta.id is None and delta.index == 0 for delta in deltas)


def test_a_stream_begins_with_the_role_and_has_usage_only_where_it_was_asked_for(client: openai.OpenAI) -> None:
    chunks = list(create(client, TALKING, stream=True))
    assert chunks[0].choices[0].delta.role == "assistant"
    assert all(chunk.usage is None and chunk.choices for chunk in chunks)
    asked = list(create(client, TALKING, stream=True, stream_options={"include_usage": True}))
    assert [chunk.usage is None for chunk in asked] == [True] * (len(asked) - 1) + [False]
    assert not asked[-1].choices


def test_the_bytes_of_a_stream_are_the_vendors(running: Running) -> None:
    answer = ask(
        running.port, post("/v1/chat/completions", chat(TALKING, stream=True, stream_options={"include_usage": True}))
    )
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    *events, done, rest = answer.body.split(b"\n\n")
    assert (done, rest) == (b"data: [DONE]", b"")
    decoded = [msgspec.json.decode(event.removeprefix(b"data: ")) for event in events]
    assert {chunk["object"] for chunk in decoded} == {"chat.completion.chunk"}
    assert all(chunk["usage"] is None for chunk in decoded[:-1])
    plain = ask(running.port, post("/v1/chat/completions", chat(TALKING, stream=True)))
    assert b'"usage"' not in plain.body


def test_the_output_limit_is_kept(client: openai.OpenAI) -> None:
    for name in ("max_tokens", "max_completion_tokens"):
        cut = create(client, TALKING, **{name: 4})
        assert cut.choices[0].finish_reason == "length"
        assert cut.usage.completion_tokens == 4
        assert TALKING.right.text.startswith(cut.choices[0].message.content)


def test_a_stop_sequence_is_kept(client: openai.OpenAI) -> None:
    stopped = create(client, TALKING, stop=[":"])
    assert stopped.choices[0].finish_reason == "stop"
    assert stopped.choices[0].message.content == TALKING.right.text.split(":")[0]


def test_another_seed_is_another_sample_unless_the_temperature_is_zero(client: openai.OpenAI) -> None:
    hard = [one for one in ITEMS if one.difficulty > 0.5 and one.task_type != "classification"][:6]

    def most_answers(**members: Any) -> int:
        found = [[create(client, one, seed=seed, **members).model_dump() for seed in range(8)] for one in hard]
        return max(len({openai_answer(body) for body in bodies}) for bodies in found)

    assert most_answers(temperature=0) == 1
    assert most_answers() > 1


def test_headers_are_the_vendors_and_say_that_it_is_simulated(client: openai.OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model="sim-nano", messages=[{"role": "user", "content": "hello"}]
    )
    assert raw.headers["x-baton-simulated"] == "true"
    assert raw.headers["x-request-id"].startswith("req_")
    assert int(raw.headers["x-ratelimit-remaining-requests"]) < int(raw.headers["x-ratelimit-limit-requests"])
    assert "simulated" in (raw.parse().choices[0].message.content or "")


def test_models_are_listed_and_shown(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [model.id for model in FLEET.models]
    assert client.models.retrieve("sim-nano").owned_by == "simulated"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("sim-none")


def test_an_unknown_model_is_not_found(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="gpt-none", messages=[{"role": "user", "content": "hi"}])
    assert caught.value.code == "model_not_found"
    assert "'gpt-none'" in caught.value.message
    assert "sim-nano" in caught.value.message


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("429;retry_after=7", openai.RateLimitError),
        ("500", openai.InternalServerError),
        ("401", openai.AuthenticationError),
        ("cut@40;framing=length", openai.APIConnectionError),
        ("reset@40", openai.APIConnectionError),
    ],
)
def test_faults_arrive_as_the_sdks_errors(client: openai.OpenAI, fault: str, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        create(client, TALKING, extra_headers={"x-sim-fault": fault})
    if isinstance(caught.value, openai.RateLimitError):
        assert caught.value.response.headers["retry-after"] == "7"
        assert caught.value.code == "rate_limit_exceeded"


def test_an_error_event_ends_a_stream_in_the_sdk(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIError, match="broke down"):
        list(create(client, TALKING, stream=True, extra_headers={"x-sim-fault": "error@4e"}))


BAD = [
    (b"", None, "not valid JSON"),
    (b"{", None, "not valid JSON"),
    (b"\xff\xfe", None, "not valid JSON"),
    (b"[]", None, "Expected `object`"),
    (b'{"messages": []}', "model", "missing required field `model`"),
    (b'{"model": "sim-nano"}', "messages", "missing required field `messages`"),
    (b'{"model": "sim-nano", "messages": []}', "messages", "empty"),
    (b'{"model": 3, "messages": []}', "model", "Expected `str`"),
    (b'{"model": "sim-nano", "messages": [{"content": "x"}]}', "messages[0].role", "role"),
    (b'{"model": "sim-nano", "messages": [{"role": "king", "content": "x"}]}', "messages[0].role", "'king'"),
    (b'{"model": "sim-nano", "messages": [{"role": "user", "content": 4}]}', "messages[0].content", "got `int`"),
    (
        b'{"model": "sim-nano", "messages": [{"role": "user", "content": "x"}], "max_tokens": 0}',
        "max_completion_tokens",
        "at least 1",
    ),
    (b'{"model": "sim-nano", "messages": [{"role": "user", "content": "x"}], "n": 3}', "n", "one choice"),
    (
        b'{"model": "sim-nano", "messages": [{"role": "user", "content": "x"}], "max_tokens": 99999999}',
        "max_tokens",
        "at most",
    ),
    (b'{"model": "sim-nano", "messages": ' + b"[" * 50_000, "messages[0]", "Expected `object`"),
    (
        b'{"model": "sim-nano", "messages": [{"role": "user", "content": "x"}], "tools": [{"type": "function", "function": {}}]}',
        "tools[0].function.name",
        "name",
    ),
]


@pytest.mark.parametrize(("body", "param", "text"), BAD)
def test_bad_requests_are_told_what_is_wrong_and_where(
    running: Running, body: bytes, param: str | None, text: str
) -> None:
    answer = ask(running.port, post("/v1/chat/completions", body))
    error = msgspec.json.decode(answer.body)["error"]
    assert answer.status == 400
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param
    assert text in error["message"]


def test_everything_that_clients_send_is_tolerated(client: openai.OpenAI) -> None:
    parts: Any = [
        {"type": "text", "text": TALKING.prompt},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
    ]
    messages: Any = [
        {"role": "developer", "content": [{"type": "text", "text": "Be brief."}]},
        {"role": "user", "content": "first", "name": "ann"},
        {"role": "assistant", "content": None, "refusal": "no"},
        {"role": "user", "content": parts},
    ]
    answer = client.chat.completions.create(
        model="sim-frontier",
        messages=messages,
        metadata={"t": "1"},
        reasoning_effort="low",
        service_tier="auto",
        tools=[{"type": "custom", "custom": {"name": "x"}}],
        extra_body={"unheard_of": {"deep": [1, 2]}},
    )
    assert answer.choices[0].message.content == TALKING.right.text
