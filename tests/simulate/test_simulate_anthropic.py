"""The Anthropic dialect, driven by the real SDK over loopback, and its errors in the vendor's shape."""

from collections.abc import Iterator
from typing import Any

import anthropic
import msgspec
import pytest

from baton.simulate.drive import anthropic_answer, anthropic_arguments
from baton.simulate.fleet import Fleet
from baton.simulate.serve import Running, serve_in_thread
from baton.simulate.workload.item import WorkItem, item
from baton.types.verdict import Answer
from tests.simulate.raw_http import ask, messages, post

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
def client(running: Running) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=running.base_url, api_key="any", max_retries=0) as made:
        yield made


def create(client: anthropic.Anthropic, one: WorkItem, **members: Any) -> Any:
    return client.messages.create(model="sim-frontier", **{**anthropic_arguments(one.conversation), **members})


def parsed(answer: Answer) -> tuple[str, list[tuple[str, Any]]]:
    return answer.text, [(call.name, msgspec.json.decode(call.arguments)) for call in answer.tool_calls]


@pytest.mark.parametrize("one", ITEMS[:30], ids=lambda one: one.reference)
def test_whole_and_streamed_answers_are_the_engines_own(client: anthropic.Anthropic, one: WorkItem) -> None:
    whole = create(client, one)
    answer = parsed(anthropic_answer(whole.model_dump()))
    if FLEET.is_right(one, FRONTIER):
        assert answer == parsed(one.right)
    else:
        assert answer in [parsed(wrong.answer) for wrong in one.wrong]
    with client.messages.stream(model="sim-frontier", **anthropic_arguments(one.conversation)) as stream:
        final = stream.get_final_message()
    assert parsed(anthropic_answer(final.model_dump())) == answer
    assert (final.stop_reason, final.usage.output_tokens) == (whole.stop_reason, whole.usage.output_tokens)
    assert final.usage.input_tokens == whole.usage.input_tokens


def test_a_tool_call_comes_whole_and_as_partial_json(client: anthropic.Anthropic) -> None:
    whole = create(client, CALLING)
    (block,) = whole.content
    assert (whole.stop_reason, block.type) == ("tool_use", "tool_use")
    assert block.id.startswith("toolu_")
    deltas = [event.delta for event in create(client, CALLING, stream=True) if event.type == "content_block_delta"]
    assert {delta.type for delta in deltas} == {"input_json_delta"}
    assert msgspec.json.decode("".join(delta.partial_json for delta in deltas)) == block.input


def test_a_tool_loop_can_be_driven_to_its_end(client: anthropic.Anthropic) -> None:
    first = create(client, CALLING)
    result = {"type": "tool_result", "tool_use_id": first.content[0].id, "content": [{"type": "text", "text": "{}"}]}
    arguments = anthropic_arguments(CALLING.conversation)
    arguments["messages"] += [
        {"role": "assistant", "content": first.model_dump()["content"]},
        {"role": "user", "content": [result]},
    ]
    second = client.messages.create(model="sim-frontier", **arguments)
    assert second.stop_reason == "end_turn"
    assert anthropic_answer(second.model_dump()).text == CALLING.closing


def test_the_events_of_a_stream_come_in_the_vendors_order(running: Running) -> None:
    answer = ask(running.port, post("/v1/messages", messages(TALKING, stream=True)))
    kinds = []
    for frame in answer.body.split(b"\n\n")[:-1]:
        name, data = frame.split(b"\n")
        decoded = msgspec.json.decode(data.removeprefix(b"data: "))
        assert name == b"event: " + decoded["type"].encode()
        kinds.append(decoded["type"])
    assert kinds[:3] == ["message_start", "content_block_start", "ping"]
    assert set(kinds[3:-3]) == {"content_block_delta"}
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]


def test_the_output_limit_and_stop_sequences_are_kept(client: anthropic.Anthropic) -> None:
    cut = create(client, TALKING, max_tokens=4)
    assert (cut.stop_reason, cut.usage.output_tokens) == ("max_tokens", 4)
    stopped = create(client, TALKING, stop_sequences=["~", ":"])
    assert (stopped.stop_reason, stopped.stop_sequence) == ("stop_sequence", ":")
    half_a_call = create(client, CALLING, max_tokens=6)
    assert (half_a_call.stop_reason, half_a_call.content) == ("max_tokens", [])


def test_headers_models_and_token_counts(client: anthropic.Anthropic) -> None:
    raw = client.messages.with_raw_response.create(
        model="sim-nano", max_tokens=50, messages=[{"role": "user", "content": "hello"}]
    )
    assert raw.headers["x-baton-simulated"] == "true"
    assert raw.headers["request-id"].startswith("req_")
    assert "anthropic-ratelimit-requests-remaining" in raw.headers
    assert [model.id for model in client.models.list()] == [model.id for model in FLEET.models]
    assert client.models.retrieve("sim-nano").display_name == "sim-nano (simulated)"
    arguments = anthropic_arguments(CALLING.conversation)
    del arguments["max_tokens"]
    counted = client.messages.count_tokens(model="sim-nano", **arguments)
    assert counted.input_tokens == create(client, CALLING).usage.input_tokens


@pytest.mark.parametrize(
    ("fault", "error", "kind"),
    [
        ("429", anthropic.RateLimitError, "rate_limit_error"),
        ("529", anthropic.InternalServerError, "overloaded_error"),
        ("500", anthropic.InternalServerError, "api_error"),
    ],
)
def test_error_statuses_arrive_as_the_sdks_errors(
    client: anthropic.Anthropic, fault: str, error: type[anthropic.APIStatusError], kind: str
) -> None:
    with pytest.raises(error) as caught:
        create(client, TALKING, extra_headers={"x-sim-fault": fault})
    body: Any = caught.value.body
    assert body["error"]["type"] == kind
    assert body["request_id"] == caught.value.request_id


def test_an_error_event_ends_a_stream_in_the_sdk(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
        list(create(client, TALKING, stream=True, extra_headers={"x-sim-fault": "error@6e"}))


BAD = [
    (b"{", "not valid JSON"),
    (b'{"model": "sim-nano", "messages": [{"role": "user", "content": "x"}]}', "max_tokens"),
    (b'{"model": "sim-nano", "max_tokens": 5, "messages": []}', "messages"),
    (b'{"model": "sim-nano", "max_tokens": 0, "messages": [{"role": "user", "content": "x"}]}', "max_tokens: 0"),
    (b'{"model": "sim-nano", "max_tokens": 5, "messages": [{"role": "tool", "content": "x"}]}', "messages[0].role"),
    (b'{"model": "sim-nano", "max_tokens": 5, "messages": [{"role": "user"}]}', "messages[0].content"),
    (b'{"max_tokens": 5, "messages": [{"role": "user", "content": "x"}]}', "model"),
]


@pytest.mark.parametrize(("body", "text"), BAD)
def test_bad_requests_are_told_what_is_wrong_and_where(running: Running, body: bytes, text: str) -> None:
    answer = ask(running.port, post("/v1/messages", body))
    told = msgspec.json.decode(answer.body)
    assert answer.status == 400
    assert told["type"] == "error"
    assert told["error"]["type"] == "invalid_request_error"
    assert told["request_id"] == answer.headers["request-id"]
    assert text in told["error"]["message"]


def test_an_unknown_model_is_not_found(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError, match="claude-none"):
        client.messages.create(model="claude-none", max_tokens=5, messages=[{"role": "user", "content": "hi"}])


def test_everything_that_clients_send_is_tolerated(client: anthropic.Anthropic) -> None:
    content: Any = [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}},
        {"type": "text", "text": TALKING.prompt, "cache_control": {"type": "ephemeral"}},
    ]
    system: Any = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
    tools: Any = [{"type": "web_search_20250305", "name": "web_search"}]
    answer = client.messages.create(
        model="sim-frontier",
        max_tokens=2_000,
        system=system,
        tools=tools,
        thinking={"type": "enabled", "budget_tokens": 1_024},
        messages=[
            {"role": "user", "content": "first"},
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": "x"}]},
            {"role": "user", "content": content},
        ],
    )
    assert anthropic_answer(answer.model_dump()).text == TALKING.right.text
