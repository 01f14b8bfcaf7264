"""As long as the caller has seen nothing, a fault means that somebody else is asked; after that it is told."""

import asyncio
from pathlib import Path
from typing import Any

import httpx2
import pytest

from baton.simulate.faults import Case, Fault, parse_fault
from baton.testing.upstream import event_stream
from tests.flow.vendors import Vendors, vendors
from tests.server.gateway import gateway as one_gateway

CLAUDE, GPT, GEMINI = "anthropic/sim-claude", "openai/sim-gpt", "gemini/sim-gemini"
WORDS = "one two three four five six seven eight nine ten"
BEFORE = ["500", "529", "429;retry_after=86400", "503", "cut@0", "reset@0", "html", "empty", "garbage", "unfinished@0"]
PATHS = {"openai-chat": "/v1/chat/completions", "anthropic": "/v1/messages", "openai-responses": "/v1/responses"}


def fail(gateway: Vendors, faults: dict[str, str]) -> None:
    """Faults by model of the vendors: `sim-claude` -> `500`."""
    planned = {model: parse_fault(text) for model, text in faults.items()}

    def schedule(case: Case) -> Fault | None:
        return planned.get(case.model)

    gateway.engine._schedule = schedule


def body(model: str, *, stream: bool = False, **more: Any) -> dict[str, Any]:
    return {
        "model": model,
        "stream": stream,
        "messages": [{"role": "user", "content": WORDS}],
        "max_tokens": 99,
        **more,
    }


async def ask(gateway: Vendors, asked: dict[str, Any], path: str = PATHS["openai-chat"]) -> httpx2.Response:
    async with httpx2.AsyncClient(base_url=gateway.url, timeout=30) as http:
        return await http.post(path, json=asked)


def only(*models: str) -> dict[str, Any]:
    return {"baton": {"models": list(models)}}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("fault", BEFORE)
def test_before_the_first_byte_the_next_model_answers_and_the_caller_sees_nothing(
    tmp_path: Path, fault: str, stream: bool
) -> None:
    async def run() -> None:
        async with vendors(tmp_path) as gateway:
            probe = await ask(gateway, body("auto", **only(CLAUDE, GPT)))
            first = probe.headers["x-baton-model"]
            other = {CLAUDE: GPT, GPT: CLAUDE}[first]
            fail(gateway, {first.split("/")[1]: fault})
            answer = await ask(gateway, body("auto", stream=stream, **only(CLAUDE, GPT)))
            assert answer.status_code == 200, answer.text
            assert answer.headers["x-baton-model"] == other
            assert answer.text.count("ten") == 1 or answer.text.count("nine") == 1
            assert "error" not in answer.text
            gateway.house.ledger.flush()
            async with httpx2.AsyncClient(base_url=gateway.url) as http:
                report = (await http.get("/v1/baton/report")).json()
            assert sum(report["faults"].values()) == 1

    asyncio.run(run())


@pytest.mark.parametrize("dialect", PATHS)
@pytest.mark.parametrize("fault", ["cut@6e", "reset@6e", "unfinished@6e"])
def test_after_the_first_byte_a_stream_ends_with_a_typed_error_and_nobody_else_is_asked(
    tmp_path: Path, dialect: str, fault: str
) -> None:
    async def run() -> None:
        async with vendors(tmp_path, time_scale=0.2) as gateway:
            fail(gateway, {"sim-claude": fault, "sim-gpt": fault, "sim-gemini": fault})
            asked = body("auto", stream=True, **only(CLAUDE, GPT, GEMINI))
            if dialect == "openai-responses":
                asked = {
                    "input": WORDS,
                    **{name: value for name, value in asked.items() if name in {"model", "stream", "baton"}},
                }
            answer = await ask(gateway, asked, PATHS[dialect])
            assert answer.status_code == 200
            assert '"error"' in answer.text or "event: error" in answer.text
            for made_up in ('"finish_reason":"stop"', '"stop_reason":"end_turn"', "response.completed", "[DONE]"):
                assert made_up not in answer.text
            assert len(gateway.entries()) == 1

    asyncio.run(run())


def test_where_all_fail_the_last_fault_is_told_and_every_attempt_recorded(tmp_path: Path) -> None:
    async def run() -> None:
        async with vendors(tmp_path) as gateway:
            fail(gateway, {"sim-claude": "500", "sim-gpt": "500", "sim-gemini": "500"})
            answer = await ask(gateway, body("auto", **only(CLAUDE, GPT, GEMINI)))
            assert answer.status_code == 500
            assert answer.json()["error"]["code"] == "upstream_status"
            assert len(gateway.entries()) == 2, "attempts per request are capped"

    asyncio.run(run())


def test_a_callers_own_mistake_is_not_tried_elsewhere(tmp_path: Path) -> None:
    async def run() -> None:
        async with vendors(tmp_path) as gateway:
            fail(gateway, {"sim-claude": "400", "sim-gpt": "400"})
            answer = await ask(gateway, body("auto", **only(CLAUDE, GPT)))
            assert answer.status_code == 400
            assert len(gateway.entries()) == 1

    asyncio.run(run())


def test_a_model_that_was_asked_for_by_name_is_never_replaced_by_another(tmp_path: Path) -> None:
    async def run() -> None:
        async with vendors(tmp_path) as gateway:
            fail(gateway, {"sim-claude": "500"})
            answer = await ask(gateway, body(CLAUDE))
            assert answer.status_code == 500
            assert {entry.model for entry in gateway.entries()} == {"sim-claude"}
            assert len(gateway.entries()) == 2

    asyncio.run(run())


def test_a_model_that_keeps_failing_is_left_alone_and_comes_back(tmp_path: Path) -> None:
    async def run() -> None:
        async with vendors(tmp_path) as gateway:
            first = (await ask(gateway, body("auto", **only(CLAUDE, GPT)))).headers["x-baton-model"]
            name = first.split("/")[1]
            fail(gateway, {name: "500"})
            for _ in range(6):
                assert (await ask(gateway, body("auto", **only(CLAUDE, GPT)))).status_code == 200
            asked = len([entry for entry in gateway.entries() if entry.model == name])
            for _ in range(5):
                assert (await ask(gateway, body("auto", **only(CLAUDE, GPT)))).status_code == 200
            assert len([entry for entry in gateway.entries() if entry.model == name]) == asked, "its breaker is open"
            told = await ask(gateway, body(first))
            assert told.status_code == 503
            assert told.json()["error"]["code"] == "upstream_away"
            assert int(told.headers["retry-after"]) >= 1

    asyncio.run(run())


def test_a_caller_who_leaves_before_he_reads_ends_the_call(tmp_path: Path) -> None:
    async def run() -> None:
        async with vendors(tmp_path) as gateway:
            fail(gateway, {"sim-claude": "stall@6e;seconds=20"})
            for _ in range(3):
                with pytest.raises(httpx2.ReadTimeout):
                    async with httpx2.AsyncClient(base_url=gateway.url, timeout=0.4) as http:
                        await http.post(PATHS["openai-chat"], json=body(CLAUDE, stream=True))
            await asyncio.sleep(0.3)
            assert [standing.outstanding for standing in gateway.house.calls.standings.values() if standing.calls] == [
                0
            ]
            assert {entry.ending for entry in gateway.entries()} == {"cancelled"}

    asyncio.run(run())


SAID = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"one "},"finish_reason":null}]}\n\n'
ERROR = b'data: {"error":{"message":"no more","type":"overloaded_error","code":null}}\n\n'


@pytest.mark.parametrize("said_before", [True, False])
def test_an_error_inside_a_stream_is_told_where_words_were_said_and_else_has_a_status(
    tmp_path: Path, said_before: bool
) -> None:
    async def run() -> None:
        script = event_stream(SAID, 0.1, ERROR) if said_before else event_stream(ERROR)
        async with one_gateway(tmp_path, script) as gateway, httpx2.AsyncClient(base_url=gateway.url) as http:
            answer = await http.post(PATHS["openai-chat"], json=body("sim/frontier", stream=True))
            assert answer.status_code == (200 if said_before else 529)
            assert answer.text.count("no more") == 1
            assert "[DONE]" not in answer.text

    asyncio.run(run())
