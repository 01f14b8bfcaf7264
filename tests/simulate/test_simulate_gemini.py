"""Gemini, driven by the real SDK over loopback: contents, chunks, thoughts, calls, counts, models, errors."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from google import genai
from google.genai import errors, types

from baton.simulate.obedient import Obedient
from baton.simulate.serve import Running, serve_in_thread
from tests.simulate.posed import SCHEMA
from tests.simulate.raw_http import ask, post

DECLARED: Any = [
    types.FunctionDeclaration(name=name, parameters_json_schema=SCHEMA) for name in ("get_weather", "get_time")
]
TOOLS = types.GenerateContentConfig(
    tools=[types.Tool(function_declarations=DECLARED)],
    automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
)
SHOWN = types.GenerateContentConfig(thinking_config=types.ThinkingConfig(include_thoughts=True))


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with serve_in_thread(Obedient(), strict=True) as started:
        yield started


@pytest.fixture(scope="module")
def client(running: Running) -> Iterator[genai.Client]:
    retries = types.HttpRetryOptions(attempts=1)
    options = types.HttpOptions(base_url=running.base_url, retry_options=retries)
    with genai.Client(api_key="any", http_options=options) as made:
        yield made


def create(client: genai.Client, contents: Any, config: Any = None, model: str = "sim-gemini") -> Any:
    return client.models.generate_content(model=model, contents=contents, config=config)


def test_a_text_comes_whole_with_the_vendors_arithmetic(client: genai.Client) -> None:
    answer = create(client, "hello")
    assert answer.text == "Answer 1 of sim-gemini to: hello"
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP
    used = answer.usage_metadata
    assert used.thoughts_token_count > 0
    assert used.total_token_count == used.prompt_token_count + used.candidates_token_count + used.thoughts_token_count
    assert answer.model_version == "sim-gemini"
    without = create(client, "hello", model="sim-gemini-old").usage_metadata
    assert without.thoughts_token_count is None
    assert without.candidates_token_count == used.candidates_token_count + 1  # the longer name of the model


def test_thoughts_are_shown_where_they_are_asked_for(client: genai.Client) -> None:
    shown = create(client, "hello", SHOWN).candidates[0].content.parts
    assert [bool(part.thought) for part in shown] == [True, False]
    assert shown[1].thought_signature
    assert len(create(client, "hello").candidates[0].content.parts) == 1


def test_calls_are_objects_and_a_stop_is_their_reason(client: genai.Client) -> None:
    answer = create(client, "use get_time and get_weather", TOOLS)
    calls = answer.function_calls
    assert [(call.name, call.args) for call in calls] == [
        ("get_time", {"city": "Paris"}),
        ("get_weather", {"city": "Paris"}),
    ]
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP
    assert all(call.id for call in calls)
    old = create(client, "use get_time", TOOLS, "sim-gemini-old")
    assert [call.id for call in old.function_calls] == [None]


def test_the_sdk_drives_a_tool_loop_by_itself(client: genai.Client) -> None:
    def get_weather(city: str) -> str:
        """The weather there."""
        return f"sunny in {city}"

    chat = client.chats.create(model="sim-gemini", config=types.GenerateContentConfig(tools=[get_weather]))
    assert "sunny in Paris" in (chat.send_message("use get_weather").text or "")
    assert (chat.send_message("thanks").text or "").endswith("to: thanks")


def test_a_stream_builds_the_same_answer(client: genai.Client) -> None:
    chunks = list(client.models.generate_content_stream(model="sim-gemini", contents="hello", config=SHOWN))
    parts = [part for chunk in chunks for part in chunk.candidates[0].content.parts]  # type: ignore[index, union-attr]
    assert "".join(part.text or "" for part in parts if not part.thought) == "Answer 1 of sim-gemini to: hello"
    assert [bool(part.thought_signature) for part in parts] == [False] * (len(parts) - 1) + [True]
    reasons = [chunk.candidates[0].finish_reason for chunk in chunks]  # type: ignore[index]
    assert reasons == [None] * (len(chunks) - 1) + [types.FinishReason.STOP]
    assert chunks[-1].usage_metadata == create(client, "hello", SHOWN).usage_metadata


@pytest.mark.parametrize("version", ["v1", "v1beta"])
def test_without_alt_sse_a_stream_is_one_json_array(running: Running, version: str) -> None:
    body = msgspec.json.encode({"contents": [{"parts": [{"text": "hello"}]}]})
    path = f"/{version}/models/sim-gemini:streamGenerateContent"
    array = ask(running.port, post(path, body))
    assert array.headers["content-type"] == "application/json; charset=UTF-8"
    chunks = msgspec.json.decode(array.body)
    events = ask(running.port, post(f"{path}?alt=sse", body))
    assert events.headers["content-type"] == "text/event-stream; charset=utf-8"
    read = [msgspec.json.decode(frame.removeprefix(b"data: ")) for frame in events.body.split(b"\r\n\r\n")[:-1]]
    assert [chunk["candidates"] for chunk in chunks] == [chunk["candidates"] for chunk in read]
    assert len(chunks) > 1


def test_a_model_may_be_named_with_percent_signs(running: Running) -> None:
    body = msgspec.json.encode({"contents": [{"parts": [{"text": "hello"}]}]})
    assert ask(running.port, post("/v1beta/models/sim%2Dgemini%3AgenerateContent", body)).status == 200


def test_limits_stops_and_seeds_are_read(client: genai.Client) -> None:
    config = types.GenerateContentConfig(max_output_tokens=3, stop_sequences=["?"], seed=4)
    cut = create(client, "hello", config, "sim-gemini-old")
    assert cut.candidates[0].finish_reason == types.FinishReason.MAX_TOKENS
    assert cut.usage_metadata.candidates_token_count == 3
    stopped = create(client, "hello", types.GenerateContentConfig(stop_sequences=[" to:"]), "sim-gemini-old")
    assert stopped.text == "Answer 1 of sim-gemini-old"


def test_modes_of_function_calling_are_obeyed(client: genai.Client) -> None:
    def config(**members: Any) -> types.GenerateContentConfig:
        calling = types.ToolConfig(function_calling_config=types.FunctionCallingConfig(**members))
        return TOOLS.model_copy(update={"tool_config": calling})

    any_of = config(mode=types.FunctionCallingConfigMode.ANY, allowed_function_names=["get_time"])
    assert [call.name for call in create(client, "hi", any_of).function_calls] == ["get_time"]
    none = config(mode=types.FunctionCallingConfigMode.NONE)
    assert not create(client, "use get_time", none).function_calls


def test_tokens_are_counted_and_models_are_listed(client: genai.Client) -> None:
    assert client.models.count_tokens(model="sim-gemini", contents="hello").total_tokens == 5
    assert "models/sim-gemini" in [model.name for model in client.models.list()]
    assert client.models.get(model="sim-gemini").input_token_limit == 200_000


@pytest.mark.parametrize(
    ("fault", "status"), [("429", "RESOURCE_EXHAUSTED"), ("503", "UNAVAILABLE"), ("500", "INTERNAL")]
)
def test_faults_arrive_as_the_sdks_errors(running: Running, fault: str, status: str) -> None:
    options = types.HttpOptions(
        base_url=running.base_url, headers={"x-sim-fault": fault}, retry_options=types.HttpRetryOptions(attempts=1)
    )
    with genai.Client(api_key="any", http_options=options) as client, pytest.raises(errors.APIError) as caught:
        create(client, "hello")
    assert (str(caught.value.code), caught.value.status) == (fault, status)


@pytest.mark.parametrize("query", ["?alt=sse", ""])
def test_an_error_inside_a_stream_is_in_its_grammar(running: Running, query: str) -> None:
    body = msgspec.json.encode({"contents": [{"parts": [{"text": "hello"}]}]})
    path = f"/v1beta/models/sim-gemini:streamGenerateContent{query}"
    answer = ask(running.port, post(path, body, {"x-sim-fault": "error@1e"}))
    if query:
        last = msgspec.json.decode(answer.body.split(b"\r\n\r\n")[-2].removeprefix(b"data: "))
    else:
        last = msgspec.json.decode(answer.body)[-1]
    assert last["error"]["status"] == "UNAVAILABLE"


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("/v1beta/models/none:generateContent", 404, "'none' does not exist"),
        ("/v1beta/models/sim-gemini:embedContent", 405, "not allowed"),
        ("/v1beta/models/:generateContent", 405, "not allowed"),
        ("/v1beta/tunedModels", 404, "There is no path"),
        ("/v2/models/sim-gemini:generateContent", 404, "There is no path"),
    ],
)
def test_wrong_addresses_are_told_so(running: Running, path: str, status: int, told: str) -> None:
    answer = ask(running.port, post(path, b'{"contents": [{"parts": [{"text": "x"}]}]}', {"x-goog-api-key": "k"}))
    assert answer.status == status
    error = msgspec.json.decode(answer.body)["error"]
    assert error["code"] == status
    assert told in error["message"]
