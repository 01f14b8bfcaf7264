"""OpenAI's responses, driven by the real SDK over loopback: items, events, reasoning, usage, errors."""

from collections.abc import Iterator
from typing import Any

import msgspec
import openai
import pytest

from baton.simulate.fleet import Fleet
from baton.simulate.obedient import Obedient
from baton.simulate.serve import Running, serve_in_thread
from baton.simulate.workload.item import item
from tests.simulate.posed import SCHEMA
from tests.simulate.raw_http import ask, post

TOOLS: Any = [
    {"type": "function", "name": "get_weather", "parameters": SCHEMA, "strict": False},
    {"type": "function", "name": "get_time", "parameters": SCHEMA, "strict": False},
]


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with serve_in_thread(Obedient(), strict=True) as started:
        yield started


@pytest.fixture(scope="module")
def client(running: Running) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{running.base_url}/v1", api_key="any", max_retries=0) as made:
        yield made


def create(client: openai.OpenAI, given: Any, **members: Any) -> Any:
    return client.responses.create(model="sim-gpt", input=given, **members)


def test_the_workload_is_answered_as_in_every_dialect() -> None:
    one = next(one for one in (item(7, index) for index in range(40)) if one.task_type == "extraction")
    with serve_in_thread(Fleet()) as started, openai.OpenAI(base_url=f"{started.base_url}/v1", api_key="k") as made:
        answer = made.responses.create(model="sim-frontier", input=one.prompt, instructions=one.system)
    assert answer.output_text in {one.right.text, *(wrong.answer.text for wrong in one.wrong)}


def test_a_text_comes_whole_with_its_usage(client: openai.OpenAI) -> None:
    answer = create(client, "hello", reasoning={"effort": "none"})
    assert answer.output_text == "Answer 1 of sim-gpt to: hello"
    assert (answer.status, answer.incomplete_details) == ("completed", None)
    assert [(one.type, one.phase) for one in answer.output] == [("message", "final_answer")]
    used = answer.usage
    assert used.total_tokens == used.input_tokens + used.output_tokens
    assert used.output_tokens_details.reasoning_tokens == 0


def test_parallel_calls_are_items_after_the_text(client: openai.OpenAI) -> None:
    answer = create(client, "use get_time and get_weather", tools=TOOLS)
    kinds = [one.type for one in answer.output]
    assert kinds == ["reasoning", "message", "function_call", "function_call"]
    first, second = answer.output[2:]
    assert (first.name, second.name) == ("get_time", "get_weather")
    assert first.id.startswith("fc_")
    assert first.call_id.startswith("call_")
    assert msgspec.json.decode(first.arguments) == {"city": "Paris"}
    assert answer.output[1].phase == "commentary"


def test_a_forced_choice_of_tools_is_obeyed(client: openai.OpenAI) -> None:
    named = create(client, "hi", tools=TOOLS, tool_choice={"type": "function", "name": "get_time"})
    assert [one.name for one in named.output if one.type == "function_call"] == ["get_time"]
    assert any(one.type == "function_call" for one in create(client, "hi", tools=TOOLS, tool_choice="required").output)
    barred = create(client, "use get_time", tools=TOOLS, tool_choice="none")
    assert not any(one.type == "function_call" for one in barred.output)


def test_a_tool_loop_is_driven_to_its_end_by_echoing_the_output(client: openai.OpenAI) -> None:
    history: list[Any] = [{"role": "user", "content": "use get_weather"}]
    first = create(client, history, tools=TOOLS)
    history += [one.model_dump(exclude_none=True) for one in first.output]
    history.append({"type": "function_call_output", "call_id": first.output[-1].call_id, "output": "sunny"})
    second = create(client, history, tools=TOOLS)
    assert second.output_text == "Answer 1 of sim-gpt to: sunny"


def test_reasoning_is_summarised_where_it_is_asked_for_and_sealed_always(client: openai.OpenAI) -> None:
    plain, shown = create(client, "hi"), create(client, "hi", reasoning={"effort": "low", "summary": "auto"})
    for answer, summaries in ((plain, 0), (shown, 1)):
        reasoning = answer.output[0]
        assert reasoning.id.startswith("rs_")
        assert len(reasoning.summary) == summaries
        assert reasoning.encrypted_content
        assert answer.usage.output_tokens_details.reasoning_tokens > 0


def test_settings_are_repeated_with_their_defaults(client: openai.OpenAI) -> None:
    answer = create(
        client, "hi", tools=TOOLS, instructions="Be brief.", reasoning={"effort": "low"}, metadata={"a": "b"}
    )
    assert answer.instructions == "Be brief."
    assert answer.metadata == {"a": "b"}
    assert (answer.reasoning.effort, answer.reasoning.summary) == ("low", None)
    assert [(tool.name, tool.description) for tool in answer.tools] == [("get_weather", None), ("get_time", None)]
    assert create(client, "hi").instructions is None


def test_a_stream_builds_the_same_response(client: openai.OpenAI) -> None:
    arguments: Any = {"tools": TOOLS, "reasoning": {"effort": "low", "summary": "auto"}}
    whole = create(client, "use get_weather", extra_headers={"x-sim-attempt": "0"}, **arguments)
    with client.responses.stream(
        model="sim-gpt", input="use get_weather", extra_headers={"x-sim-attempt": "0"}, **arguments
    ) as stream:
        events = list(stream)
        final = stream.get_final_response()
    assert strip(final) == strip(whole)
    assert final.usage == whole.usage
    numbers = [event.sequence_number for event in events]
    assert numbers == list(range(len(events)))


def strip(response: Any) -> list[Any]:
    """Without what the SDK itself adds to what was sent."""
    return [{**one, "parsed_arguments": None, "content": None} for one in response.to_dict()["output"]]


def frames(body: bytes) -> list[dict[str, Any]]:
    found = []
    for frame in body.split(b"\n\n")[:-1]:
        name, data = frame.split(b"\n")
        decoded = msgspec.json.decode(data.removeprefix(b"data: "))
        assert name == b"event: " + decoded["type"].encode()
        found.append(decoded)
    return found


def test_the_events_come_in_the_vendors_order_and_the_real_state_only_at_the_end(running: Running) -> None:
    body = msgspec.json.encode({"model": "sim-gpt", "input": "use get_weather", "tools": TOOLS, "stream": True})
    answer = ask(running.port, post("/v1/responses", body))
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    events = frames(answer.body)
    kinds = [event["type"] for event in events]
    assert kinds[:3] == ["response.created", "response.in_progress", "response.output_item.added"]
    assert kinds[-2:] == ["response.output_item.done", "response.completed"]
    added = next(event["item"] for event in events if event["type"] == "response.output_item.added")
    done = next(event["item"] for event in events if event["type"] == "response.output_item.done")
    assert added["type"] == done["type"] == "reasoning"
    assert len(added["encrypted_content"]) < len(done["encrypted_content"])
    assert events[-1]["response"]["output"][0] == done
    written = "".join(event["delta"] for event in events if event["type"] == "response.function_call_arguments.delta")
    finished = next(event for event in events if event["type"] == "response.function_call_arguments.done")
    assert written == finished["arguments"]


def test_a_cut_answer_is_incomplete_whole_and_streamed(client: openai.OpenAI) -> None:
    cut = create(client, "hello " * 20, max_output_tokens=16, reasoning={"effort": "none"})
    assert (cut.status, cut.incomplete_details.reason, cut.usage.output_tokens) == (
        "incomplete",
        "max_output_tokens",
        16,
    )
    events = list(create(client, "hello " * 20, max_output_tokens=16, reasoning={"effort": "none"}, stream=True))
    assert events[-1].type == "response.incomplete"


@pytest.mark.parametrize(
    ("fault", "error"),
    [("429", openai.RateLimitError), ("503", openai.InternalServerError), ("reset@9", openai.APIConnectionError)],
)
def test_faults_arrive_as_the_sdks_errors(client: openai.OpenAI, fault: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        create(client, "hi", extra_headers={"x-sim-fault": fault})


def test_an_error_event_ends_a_stream(client: openai.OpenAI) -> None:
    events = list(create(client, "hi", stream=True, extra_headers={"x-sim-fault": "error@4e"}))
    assert (events[-1].type, events[-1].code) == ("error", "server_error")
    assert len(events) == 5


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"{", None),
        (b'{"input": "x"}', "model"),
        (b'{"model": "sim-gpt", "input": []}', "input"),
        (b'{"model": "sim-gpt", "input": "x", "max_output_tokens": 0}', "max_output_tokens"),
        (b'{"model": "sim-gpt", "input": [3]}', "input[0]"),
    ],
)
def test_bad_requests_are_told_where_they_are_wrong_without_strictness_too(body: bytes, param: str | None) -> None:
    with serve_in_thread(Obedient()) as lenient:
        error = msgspec.json.decode(ask(lenient.port, post("/v1/responses", body)).body)["error"]
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert error["message"]


def test_the_journal_says_why_a_request_was_refused(running: Running) -> None:
    body = msgspec.json.encode({"model": "sim-gpt", "input": "hi", "baton": {}})
    assert ask(running.port, post("/v1/responses", body)).status == 400
    entry = running.journal.since().entries[-1]
    assert (entry.dialect, entry.model, entry.status) == ("openai-responses", "sim-gpt", 400)
    assert entry.refusal == "Unknown parameter: 'baton'."
