"""Cache, hooks, tool policy and redaction, as callers, providers and the ledger see them through a real gateway."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from msgspec import Struct

from baton.config.load import parse_config
from baton.flow.house import House
from baton.server.run import bind, serving
from baton.testing.upstream import ScriptedUpstream, Step, event_stream, http_answer, scripted

CONFIG = """
version: 1
providers:
  sim: {base_url: 'URL', dialects: [openai-chat], auth: none, simulated: true}
models:
  - {id: sim/m, tier: mid, context_window: 100000, price: {input_usd: 1, output_usd: 2}, capabilities: [tools]}
ledger: {path: 'FOLDER/ledger.db', flush_s: 0.05}
server: {first_byte_s: 3, keys: [{name: a, key: key-a}, {name: b, key: key-b}]}
content: {mode: full, redact: {mail: '\\S+@\\S+\\.\\w+'}}
"""
CHAT = "/v1/chat/completions"
CACHED = "routes: [{name: cached, model: ['sim/m'], strategy: pass, cache: {ttl_s: 60, max_bytes: 100000}}]\n"
REDACTING = "hooks: [{name: redact-patterns, options: {card: '\\d{4} \\d{4} \\d{4} \\d{4}'}}]\n"
REFUSING = "routes: [{name: guarded, model: ['sim/m'], strategy: pass, tool_policy: refuse}]\n"
USAGE = {"prompt_tokens": 1000, "completion_tokens": 100}
CALL = {"id": "c", "type": "function", "function": {"name": "rm", "arguments": "{}"}}
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]


def whole(**message: Any) -> list[Step]:
    finish = "tool_calls" if "tool_calls" in message else "stop"
    body = {
        "id": "x",
        "choices": [{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}],
        "usage": USAGE,
    }
    return http_answer(200, json.dumps(body).encode())


def event(delta: Any, finish: str | None = None) -> bytes:
    return (
        b"data: "
        + json.dumps({"id": "x", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}).encode()
        + b"\n\n"
    )


DONE = b"data: " + json.dumps({"id": "x", "choices": [], "usage": USAGE}).encode() + b"\n\ndata: [DONE]\n\n"
WORDS = event_stream(event({"content": "Hel"}), 0.05, event({"content": "lo"}), event({}, "stop"), DONE)
CALLS = event_stream(
    event({"content": "let me"}), event({"tool_calls": [{"index": 0, **CALL}]}), event({}, "tool_calls"), DONE
)


class Told(Struct):
    status: int
    headers: dict[str, str]
    body: bytes


class Stage(Struct):
    upstream: ScriptedUpstream
    house: House
    ask: Callable[..., Coroutine[Any, Any, Told]]


@asynccontextmanager
async def stage(folder: Path, more: str, *scripts: Sequence[Step], config: str = CONFIG) -> AsyncGenerator[Stage, None]:
    async with scripted(*scripts) as upstream:
        text = config.replace("URL", upstream.base_url).replace("FOLDER", str(folder)) + more
        sock = bind("127.0.0.1", 0)
        async with serving(parse_config(text, {}), sock) as house, aiohttp.ClientSession() as client:
            url = f"http://127.0.0.1:{sock.getsockname()[1]}"

            async def ask(content: str = "hi", *, key: str = "a", path: str = CHAT, **members: Any) -> Told:
                body = {"model": "sim/m", "messages": [{"role": "user", "content": content}], **members}
                async with client.post(url + path, json=body, headers={"authorization": f"Bearer key-{key}"}) as answer:
                    return Told(
                        answer.status,
                        {name.lower(): value for name, value in answer.headers.items()},
                        await answer.read(),
                    )

            yield Stage(upstream, house, ask)


def rows(folder: Path, query: str) -> list[Any]:
    with sqlite3.connect(folder / "ledger.db") as connection:
        found = connection.execute(query).fetchall()
    connection.close()
    return found


# --- cache ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
def test_the_same_request_is_answered_again_at_no_cost(tmp_path: Path, stream: bool) -> None:
    async def main() -> None:
        async with stage(tmp_path, CACHED, WORDS if stream else whole(content="Hello")) as on:
            first, again = await on.ask(stream=stream), await on.ask(stream=stream)
            assert (first.headers["x-baton-cache"], again.headers["x-baton-cache"]) == ("miss", "hit")
            assert again.body == first.body
            assert again.headers["content-type"] == first.headers["content-type"]
            assert len(on.upstream.requests) == 1
            on.house.ledger.flush()

    asyncio.run(main())
    costs = [cost for (cost,) in rows(tmp_path, "SELECT cost FROM requests ORDER BY sequence")]
    assert costs[0] > 0
    assert costs[1] == 0
    assert rows(tmp_path, "SELECT SUM(input_tokens) FROM requests WHERE cost = 0") == [(0,)]
    assert rows(tmp_path, "SELECT provider FROM attempts ORDER BY sequence") == [("sim",), ("cache",)]


@pytest.mark.parametrize("stream", [False, True])
def test_twenty_identical_requests_at_once_make_one_call(tmp_path: Path, stream: bool) -> None:
    async def main() -> None:
        async with stage(tmp_path, CACHED, WORDS if stream else [0.2, *whole(content="Hello")]) as on:
            told = await asyncio.gather(*(on.ask(stream=stream) for _ in range(20)))
            assert len({one.body for one in told}) == 1
            assert {one.status for one in told} == {200}
            assert len(on.upstream.requests) == 1

    asyncio.run(main())


def test_what_differs_by_key_word_or_form_is_asked_anew(tmp_path: Path) -> None:
    async def main() -> None:
        async with stage(tmp_path, CACHED, whole(content="Hello")) as on:
            await on.ask()
            for asked in (on.ask(key="b"), on.ask("hi "), on.ask(temperature=0), on.ask(baton={"task_id": "t"})):
                assert (await asked).headers["x-baton-cache"] == "miss"
            assert len(on.upstream.requests) == 5

    asyncio.run(main())


@pytest.mark.parametrize(
    "script",
    [
        http_answer(400, b'{"error":{"message":"no"}}'),
        http_answer(200, b"{"),
        event_stream(event({"content": "a"}), end=False),
    ],
    ids=["400", "no JSON", "cut"],
)
def test_a_fault_is_never_kept(tmp_path: Path, script: Sequence[Step]) -> None:
    stream = b"event-stream" in script[0] if isinstance(script[0], bytes) else False

    async def main() -> None:
        async with stage(
            tmp_path, CACHED, script, script, script, script, WORDS if stream else whole(content="Hello")
        ) as on:
            seen = []
            for _ in range(6):
                told = await on.ask(stream=stream)
                seen.append(told.headers.get("x-baton-cache"))
                if told.status == 200 and b"error" not in told.body:
                    break
            assert "hit" not in seen
            assert told.status == 200
            assert (await on.ask(stream=stream)).headers["x-baton-cache"] == "hit"

    asyncio.run(main())


def test_a_caller_who_leaves_does_not_take_the_answer_with_him(tmp_path: Path) -> None:
    async def main() -> None:
        async with stage(tmp_path, CACHED, [0.5, *whole(content="Hello")], whole(content="Hello")) as on:
            leader = asyncio.create_task(on.ask())
            await asyncio.sleep(0.1)
            follower = asyncio.create_task(on.ask())
            await asyncio.sleep(0.1)
            leader.cancel()
            told = await follower
            assert told.status == 200
            assert b"Hello" in told.body

    asyncio.run(main())


# --- hooks ---------------------------------------------------------------------------------------


def test_what_is_redacted_reaches_no_provider_and_what_is_redacted_in_content_no_file(tmp_path: Path) -> None:
    async def main() -> None:
        async with stage(tmp_path, REDACTING, whole(content="write to canary@mail.example")) as on:
            told = await on.ask("my card is 4111 1111 1111 1111, mail canary@mail.example")
            assert told.status == 200
            [sent] = on.upstream.requests
            assert b"my card is [card], mail" in sent.body
            assert b"4111" not in sent.body
            on.house.ledger.flush()

    asyncio.run(main())
    assert rows(tmp_path, "SELECT COUNT(*) FROM contents") == [(1,)]
    for path in tmp_path.iterdir():
        if "state" not in path.name:
            assert b"canary@" not in path.read_bytes(), path.name
            assert b"4111 1111" not in path.read_bytes(), path.name


def test_what_is_passed_through_is_redacted_too(tmp_path: Path) -> None:
    async def main() -> None:
        async with stage(tmp_path, REDACTING, http_answer(200, b'{"data":[]}')) as on:
            told = await on.ask(path="/v1/embeddings", input=["4111 1111 1111 1111"], messages=None)
            assert told.status == 200
            assert b'"input":["[card]"]' in on.upstream.requests[0].body

    asyncio.run(main())


# --- tools ---------------------------------------------------------------------------------------


def test_a_call_of_a_tool_that_was_not_offered_is_flagged_by_default(tmp_path: Path) -> None:
    async def main() -> None:
        async with stage(tmp_path, "", whole(content=None, tool_calls=[CALL]), CALLS) as on:
            assert b'"rm"' in (await on.ask(tools=TOOLS)).body
            told = await on.ask(tools=TOOLS, stream=True)
            assert b'"rm"' in told.body
            assert told.body.endswith(b"data: [DONE]\n\n")
            on.house.ledger.flush()

    asyncio.run(main())
    assert rows(tmp_path, "SELECT fault FROM attempts ORDER BY sequence") == [("tool_call_not_offered",)] * 2
    assert rows(tmp_path, "SELECT DISTINCT ending, status FROM requests") == [("ok", 200)]


def test_where_the_route_refuses_no_part_of_the_call_is_told(tmp_path: Path) -> None:
    async def main() -> None:
        async with stage(tmp_path, REFUSING, whole(content=None, tool_calls=[CALL])) as on:
            told = await on.ask(tools=TOOLS)
            assert told.status == 502
            assert b'"code":"tool_call_not_offered"' in told.body
        async with stage(tmp_path, REFUSING, CALLS) as on:
            told = await on.ask(tools=TOOLS, stream=True)
            assert b"let me" in told.body
            assert b'"tool_call_not_offered"' in told.body
            assert b'"tool_calls":' not in told.body
            assert b'"finish_reason": "tool_calls"' not in told.body

    asyncio.run(main())


def test_where_the_route_refuses_calls_that_fit_are_told_whole(tmp_path: Path) -> None:
    call = CALL | {"function": {"name": "weather", "arguments": "{}"}}
    stream = event_stream(event({"tool_calls": [{"index": 0, **call}]}), event({}, "tool_calls"), DONE)

    async def main() -> None:
        async with stage(tmp_path, REFUSING, stream) as on:
            told = await on.ask(tools=TOOLS, stream=True)
            assert told.status == 200
            assert b'"weather"' in told.body
            assert told.body.endswith(b"data: [DONE]\n\n")

    asyncio.run(main())


# --- webhooks ------------------------------------------------------------------------------------


def test_a_breaker_that_opens_is_told_and_a_new_config_loses_nothing_that_waits(tmp_path: Path) -> None:
    async def main() -> None:
        async with scripted(http_answer(200, b"{}")) as listener:
            hook = f"webhooks: [{{url: '{listener.base_url}/hook', secret: canary-secret, allow_private: true}}]\n"
            async with stage(tmp_path, hook, http_answer(503, b"{}")) as on:
                while not listener.requests:
                    assert (await on.ask()).status in (503, 502)
                    await asyncio.sleep(0.01)
                event = json.loads(listener.requests[0].body)
                assert (event["kind"], event["name"]) == ("breaker", "breaker_opened")
                assert event["detail"] == {"provider": "sim", "model": "m"}
                same = on.house.renewed(on.house.config)
                assert same.webhooks is on.house.webhooks
                before = len(listener.requests)
                on.house.webhooks.tell("alarm", "test_alarm", level=1.0)
                without = same.renewed(msgspec.structs.replace(on.house.config, webhooks=()))
                assert without.webhooks is not same.webhooks
                async with asyncio.timeout(5):
                    while len(listener.requests) == before:  # noqa: ASYNC110 - as its receiver would
                        await asyncio.sleep(0.01)

    asyncio.run(main())


def test_a_route_that_refuses_calls_of_tools_does_not_continue_streams(tmp_path: Path) -> None:
    async def main() -> None:
        calls = event_stream(event({"content": "let me"}), event({"tool_calls": [{"index": 0, **CALL}]}), DONE)
        async with stage(tmp_path, REFUSING, calls) as on:
            told = await on.ask(tools=TOOLS, stream=True, baton={"resume": "continue"})
            assert b'"rm"' not in told.body
            assert b"error" in told.body

    asyncio.run(main())
