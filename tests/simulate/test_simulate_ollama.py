"""Ollama over loopback: messages, lines of JSON, thinking, calls, counts, models, errors."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from baton.simulate.obedient import Obedient
from baton.simulate.serve import Running, serve_in_thread
from tests.simulate.posed import PNG, SCHEMA
from tests.simulate.raw_http import Received, ask, post

HI = {"role": "user", "content": "hello"}
TOOLS = [{"type": "function", "function": {"name": name, "parameters": SCHEMA}} for name in ("get_weather", "get_time")]


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with serve_in_thread(Obedient(), strict=True) as started:
        yield started


def send(running: Running, *messages: Any, headers: dict[str, str] | None = None, **members: Any) -> Received:
    body = {"model": "sim-llama", "messages": list(messages), **members}
    return ask(running.port, post("/api/chat", msgspec.json.encode(body), headers))


def whole(running: Running, *messages: Any, **members: Any) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(send(running, *messages, stream=False, **members).body)
    return found


def lines(answer: Received) -> list[dict[str, Any]]:
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [msgspec.json.decode(line) for line in answer.body.splitlines()]


def test_a_text_comes_whole_with_its_counts(running: Running) -> None:
    answer = whole(running, HI)
    assert answer["message"] == {"role": "assistant", "content": "Answer 1 of sim-llama to: hello"}
    assert (answer["done"], answer["done_reason"]) == (True, "stop")
    assert answer["prompt_eval_count"] == 5
    assert answer["eval_count"] == 8
    assert answer["total_duration"] > 0


def test_it_streams_unless_it_is_told_not_to(running: Running) -> None:
    *some, last = lines(send(running, HI, think=True))
    assert last["done"]
    assert last["message"]["content"] == ""
    assert not any(line["done"] for line in some)
    text = "".join(line["message"]["content"] for line in some)
    thinking = "".join(line["message"].get("thinking", "") for line in some)
    told = whole(running, HI, think=True)
    assert told["message"] == {"role": "assistant", "content": text, "thinking": thinking}
    assert told["eval_count"] == last["eval_count"] > whole(running, HI)["eval_count"]


def test_calls_have_objects_and_no_ids(running: Running) -> None:
    asked = {"role": "user", "content": "use get_time and get_weather"}
    answer = whole(running, asked, tools=TOOLS)
    calls = answer["message"]["tool_calls"]
    assert calls == [
        {"function": {"name": name, "arguments": {"city": "Paris"}}} for name in ("get_time", "get_weather")
    ]
    assert answer["done_reason"] == "stop"
    streamed = [
        line["message"]["tool_calls"]
        for line in lines(send(running, asked, tools=TOOLS))
        if "tool_calls" in line["message"]
    ]
    assert streamed == [[call] for call in calls]
    results = [{"role": "tool", "tool_name": name, "content": "x"} for name in ("get_time", "get_weather")]
    after = whole(running, asked, answer["message"], *results, tools=TOOLS)
    assert after["message"]["content"] == "Answer 1 of sim-llama to: x"


def test_options_system_texts_images_and_formats_are_read(running: Running) -> None:
    system = {"role": "system", "content": "be brief"}
    shown = {**HI, "images": [PNG]}
    answer = whole(running, system, shown, format=SCHEMA, options={"num_predict": 3, "stop": ["?"], "seed": 1})
    assert (answer["done_reason"], answer["eval_count"]) == ("length", 3)
    assert answer["prompt_eval_count"] > whole(running, HI)["prompt_eval_count"]
    assert whole(running, HI, options={"num_predict": -1})["done_reason"] == "stop"


def test_models_are_listed_and_shown(running: Running) -> None:
    listed = msgspec.json.decode(ask(running.port, b"GET /api/tags HTTP/1.1\r\nhost: sim\r\n\r\n").body)
    assert "sim-llama" in [model["name"] for model in listed["models"]]
    shown = msgspec.json.decode(ask(running.port, post("/api/show", b'{"model": "sim-llama"}')).body)
    assert shown["capabilities"] == ["completion", "thinking", "tools", "vision"]


@pytest.mark.parametrize(
    ("path", "body", "status", "told"),
    [
        ("/api/chat", b"{", 400, "not valid JSON"),
        ("/api/chat", b'{"model": "none", "messages": []}', 404, "'none' does not exist"),
        ("/api/chat", b'{"model": "sim-llama"}', 400, "messages is empty"),
        ("/api/show", b'{"model": "none"}', 404, "'none' does not exist"),
        ("/api/show", b"[]", 404, "does not exist"),
        ("/api/embed", b"{}", 404, "There is no path"),
    ],
)
def test_errors_are_one_text(running: Running, path: str, body: bytes, status: int, told: str) -> None:
    answer = ask(running.port, post(path, body))
    assert answer.status == status
    found = msgspec.json.decode(answer.body)
    assert set(found) == {"error"}
    assert told in found["error"]


def test_faults_are_in_its_grammar(running: Running) -> None:
    answer = send(running, HI, headers={"x-sim-fault": "error@2e"})
    assert set(lines(answer)[-1]) == {"error"}
    assert set(msgspec.json.decode(send(running, HI, headers={"x-sim-fault": "503"}).body)) == {"error"}
    assert not send(running, HI, headers={"x-sim-fault": "cut@30"}).whole
