"""`baton/orchestrate` through a real gateway, before models that are right, wrong, broken or hostile."""

import asyncio
import functools
import json
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import anthropic
import msgspec
import openai
import pytest

from baton.config.schema import KeyConfig
from baton.server import orchestrate as door
from baton.testing.upstream import Received, Step, http_answer
from baton.types.plan import Plan
from baton.types.secret import Secret
from tests.flow.orchestra import POISON, document, extraction
from tests.server.gateway import Gateway, gateway

PLAN = msgspec.to_builtins(Plan((extraction(1), extraction(2))))
DOCUMENTS = {"c1.txt": document(1), "c2.txt": document(2)}
BATON: dict[str, Any] = {"plan": PLAN, "documents": DOCUMENTS, "budget_usd": 0.4}
ASK: dict[str, Any] = {
    "model": "baton/orchestrate",
    "messages": [{"role": "user", "content": "Which periods are there?"}],
}


def in_a_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @functools.wraps(test)
    def run(*arguments: Any, **named: Any) -> None:
        asyncio.run(test(*arguments, **named))

    return run


def completion(text: str, model: str = "x") -> list[Step]:
    usage = {"prompt_tokens": 50, "completion_tokens": 20, "total_tokens": 70}
    message = {"role": "assistant", "content": text}
    body = {
        "id": "c1", "object": "chat.completion", "created": 1, "model": model, "usage": usage,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    }  # fmt: skip
    return http_answer(200, json.dumps(body).encode())


def upstream(wrong: Sequence[str] = (), seconds: float = 0.0) -> Callable[[Received], Sequence[Step]]:
    """Right but for the models named in `wrong`."""

    def choose(received: Received) -> Sequence[Step]:
        asked = json.loads(received.body)
        system, shown = asked["messages"][0]["content"], json.loads(asked["messages"][-1]["content"])
        pause: list[Step] = [seconds] if seconds else []
        if "You plan" in system:
            return completion(json.dumps(PLAN))
        if "final answer" in system:
            said = " and ".join(f"{item['value']} days" for part in shown["results"].values() for item in part["items"])
            return completion(f"The periods are {said}.")
        if asked["model"] in wrong:
            return completion(json.dumps({"items": [{"name": "days", "value": POISON}]}))
        days = next(iter(shown["documents"].values())).split("period is ")[1].split(" ")[0]
        return [*pause, *completion(json.dumps({"items": [{"name": "days", "value": int(days)}]}))]

    return choose


async def post(at: Gateway, path: str, body: dict[str, Any], **headers: str) -> tuple[int, Any, Any]:
    async with aiohttp.ClientSession() as session, session.post(f"{at.url}{path}", json=body, headers=headers) as got:
        return got.status, dict(got.headers), json.loads(await got.read())


async def get(at: Gateway, path: str) -> tuple[int, bytes]:
    async with aiohttp.ClientSession() as session, session.get(f"{at.url}{path}") as got:
        return got.status, await got.read()


@in_a_loop
async def test_a_run_answers_in_the_shape_of_a_completion_and_tells_what_it_rests_on(tmp_path: Path) -> None:
    async with gateway(tmp_path, choose=upstream()) as at:
        status, headers, body = await post(at, "/v1/chat/completions", {**ASK, "baton": BATON})
        assert status == 200, body
        assert body["choices"][0]["message"]["content"] == "The periods are 101 days and 102 days."
        assert body["usage"]["prompt_tokens"] == 150
        assert (headers["x-baton-status"], headers["x-baton-assurance"]) == ("complete", "grounded")
        assert float(headers["x-baton-cost-usd"]) > 0
        assert [claim["parts"] for claim in body["baton"]["claims"]] == [["t1"], ["t2"]]
        status, trace = await get(at, f"/v1/baton/runs/{headers['x-baton-run-id']}")
        kinds = [step["kind"] for step in json.loads(trace)["steps"]]
        assert sorted(kinds) == ["answer", "call", "call", "call", "plan", "verified", "verified"]
        assert (await get(at, "/v1/baton/runs/none"))[0] == 404


@in_a_loop
async def test_a_wrong_subordinate_is_gone_past_and_nothing_of_it_is_told(tmp_path: Path) -> None:
    async with gateway(tmp_path, choose=upstream(wrong=("nano", "mid", "local"))) as at:
        status, headers, body = await post(at, "/v1/chat/completions", {**ASK, "baton": BATON})
        assert status == 200, body
        trace = await get(at, f"/v1/baton/runs/{headers['x-baton-run-id']}")
        assert str(POISON) not in json.dumps(body) + str(headers) + trace[1].decode()
        assert body["baton"]["status"] == "complete"
        assert "sim/frontier" in {one["model"] for one in body["baton"]["verdicts"]}


@in_a_loop
async def test_a_subordinate_that_never_ends_is_left_and_the_next_one_asked(tmp_path: Path) -> None:
    def choose(received: Received) -> Sequence[Step]:
        return [3_600.0] if json.loads(received.body)["model"] in {"nano", "local"} else upstream()(received)

    async with gateway(tmp_path, choose=choose) as at:  # the gateway waits a second for a first byte
        status, _, body = await post(at, "/v1/chat/completions", {**ASK, "baton": BATON})
        assert (status, body["baton"]["status"]) == (200, "complete")


@in_a_loop
async def test_nobody_right_is_partial_and_with_strict_an_error_in_each_dialect(tmp_path: Path) -> None:
    everybody = ("nano", "mid", "local", "frontier", "code")
    async with gateway(tmp_path, choose=upstream(wrong=everybody)) as at:
        status, headers, body = await post(at, "/v1/chat/completions", {**ASK, "baton": BATON})
        assert (status, headers["x-baton-status"]) == (200, "partial")
        assert set(body["baton"]["unresolved"]) == {"t1", "t2"}
        assert str(POISON) not in json.dumps(body)
        strict = {**BATON, "strict": True}
        status, _, body = await post(at, "/v1/chat/completions", {**ASK, "baton": strict})
        assert (status, body["error"]["code"]) == (422, "unverified_result")
        status, _, body = await post(at, "/v1/messages", {**ASK, "max_tokens": 100, "baton": strict})
        assert (status, body["type"]) == (422, "error")


@in_a_loop
async def test_real_clients_of_three_dialects_are_answered(tmp_path: Path) -> None:
    async with gateway(tmp_path, choose=upstream()) as at:
        client = openai.AsyncOpenAI(base_url=f"{at.url}/v1", api_key="none", max_retries=0)
        claude = anthropic.AsyncAnthropic(base_url=at.url, api_key="none", max_retries=0)
        chat = await client.chat.completions.create(**ASK, extra_body={"baton": BATON})
        assert "101 days" in chat.choices[0].message.content
        response = await client.responses.create(
            model="baton/orchestrate", input="Which periods are there?", extra_body={"baton": BATON}
        )
        assert "102 days" in response.output_text
        message = await claude.messages.create(
            model="baton/orchestrate", max_tokens=99, messages=[{"role": "user", "content": "Which periods?"}],
            extra_body={"baton": BATON},
        )  # fmt: skip
        assert "102 days" in getattr(message.content[0], "text", "")
        await client.close()
        await claude.close()


@in_a_loop
async def test_a_stream_says_nothing_until_it_is_verified_and_stays_in_its_shape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "KEEP_ALIVE_S", 0.05)
    async with gateway(tmp_path, choose=upstream(seconds=0.3)) as at:
        client = openai.AsyncOpenAI(base_url=f"{at.url}/v1", api_key="none", max_retries=0)
        stream = await client.chat.completions.create(**ASK, stream=True, extra_body={"baton": BATON})
        deltas = [chunk.choices[0].delta.content async for chunk in stream if chunk.choices]
        assert len([one for one in deltas if not one]) >= 5
        assert [one for one in deltas if one] == ["The periods are 101 days and 102 days."]
        events = await client.responses.create(
            model="baton/orchestrate", input="Which periods?", stream=True, extra_body={"baton": BATON}
        )
        told = [event async for event in events if str(event.type) != "response.baton"]  # the note has no number
        assert [event.sequence_number for event in told] == list(range(len(told)))
        kinds = [event.type for event in told]
        assert kinds.count("response.in_progress") >= 5
        assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")
        claude = anthropic.AsyncAnthropic(base_url=at.url, api_key="none", max_retries=0)
        asked: Any = [{"role": "user", "content": "Which periods?"}]
        async with claude.messages.stream(
            model="baton/orchestrate",
            max_tokens=99,
            messages=asked,
            extra_body={"baton": BATON},
        ) as said:
            assert await said.get_final_text() == "The periods are 101 days and 102 days."
        await client.close()
        await claude.close()


@in_a_loop
async def test_one_idempotency_key_is_one_run(tmp_path: Path) -> None:
    async with gateway(tmp_path, choose=upstream(seconds=0.1), content="full") as at:
        both = await asyncio.gather(*(
            post(at, "/v1/chat/completions", {**ASK, "baton": BATON}, **{"Idempotency-Key": "k"}) for _ in range(2)
        ))  # fmt: skip
        assert len({headers["x-baton-run-id"] for _, headers, _ in both}) == 1
        assert len(at.upstream.requests) == 3
        again = await post(at, "/v1/chat/completions", {**ASK, "baton": BATON}, **{"Idempotency-Key": "k"})
        assert again[2]["choices"] == both[0][2]["choices"]
        fewer = {**BATON, "budget_usd": 0.3}
        other = {**ASK, "baton": fewer}
        status, _, body = await post(at, "/v1/chat/completions", other, **{"Idempotency-Key": "k"})
        assert status == 409, body
        assert len(at.upstream.requests) == 3


@in_a_loop
async def test_the_events_of_a_run_come_while_it_runs_and_to_its_owner_only(tmp_path: Path) -> None:
    keys = tuple(KeyConfig(name, Secret(f"sk-{name}-0123456789abcdef")) for name in ("alice", "bob"))
    async with gateway(tmp_path, choose=upstream(), keys=keys) as at:
        alice, bob = ({"authorization": f"Bearer sk-{name}-0123456789abcdef"} for name in ("alice", "bob"))
        status, headers, body = await post(at, "/v1/chat/completions", {**ASK, "baton": BATON}, **alice)
        assert status == 200, body
        path = f"{at.url}/v1/baton/runs/{headers['x-baton-run-id']}"
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{path}/events", headers=alice) as got:
                said = (await got.read()).decode()
            async with session.get(path, headers=bob) as got:
                assert got.status == 404
        assert said.count("event: step") == 7
        assert said.rstrip().endswith('"status":"complete"}')


@pytest.mark.parametrize(
    ("baton", "code"),
    [
        ({"plan": "no plan"}, "malformed_body"),
        ({"budget": 1}, "malformed_body"),
        ({"require": "certainty"}, "malformed_body"),
        ({"budget_usd": 0}, "plan_refused"),
        ({**BATON, "budget_usd": 0.0000001}, "plan_refused"),
        ({"plan": {"tasks": []}}, "plan_refused"),
        ({"documents": {"a b\nc": "x"}}, "plan_refused"),
        ({"model": "nobody"}, "no_eligible_model"),
    ],
)
@in_a_loop
async def test_what_cannot_be_begun_is_refused_and_nobody_is_asked(
    tmp_path: Path, baton: dict[str, Any], code: str
) -> None:
    async with gateway(tmp_path, choose=upstream()) as at:
        status, _, body = await post(at, "/v1/chat/completions", {**ASK, "baton": baton})
        assert (status, body["error"]["code"]) == (400, code), body
        assert at.upstream.requests == []


@in_a_loop
async def test_a_request_that_is_no_text_is_refused(tmp_path: Path) -> None:
    async with gateway(tmp_path, choose=upstream()) as at:
        image = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]
        asked = {**ASK, "messages": [{"role": "user", "content": image}]}
        status, _, body = await post(at, "/v1/chat/completions", asked)
        assert status == 400, body
        assert at.upstream.requests == []


@in_a_loop
async def test_whoever_leaves_last_ends_the_run_and_it_can_be_resumed(tmp_path: Path) -> None:
    async with gateway(tmp_path, choose=upstream(seconds=0.4), content="full") as at:
        asked = {**ASK, "stream": True, "baton": BATON}
        url = f"{at.url}/v1/chat/completions"
        async with aiohttp.ClientSession() as session, session.post(url, json=asked) as got:
            run_id = got.headers["x-baton-run-id"]
            await asyncio.sleep(0.1)
            got.close()
        await asyncio.sleep(0.2)
        status, _, body = await post(at, f"/v1/baton/runs/{run_id}/resume", {})
        assert status == 200, body
        assert body["status"] == "complete"
