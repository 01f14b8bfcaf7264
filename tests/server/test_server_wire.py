"""The gateway on the wire: the caller's bytes go on as they are, errors speak his dialect, nothing is lost."""

import asyncio
import hashlib
import json
import re
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from baton.config.schema import KeyConfig
from baton.record.queries import decision_of, report
from baton.testing.upstream import event_stream, http_answer
from baton.types.money import nano_from_usd
from baton.types.secret import Secret

from .gateway import Gateway, gateway, raw_exchange

CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"
ANSWER = json.dumps(
    {"id": "c1", "model": "nano-1", "choices": [{"message": {"content": "yes"}}], "usage": {"prompt_tokens": 1000, "completion_tokens": 100}}
).encode()  # fmt: skip
ASK = {"model": "sim/mid", "messages": [{"role": "user", "content": "hi"}]}
PIECES = (
    b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n',
    b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n',
    b'data: {"choices":[],"usage":{"prompt_tokens":1000,"completion_tokens":100}}\n\n',
    b"data: [DONE]\n\n",
)


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


async def post(gate: Gateway, path: str, body: Any, **headers: str) -> tuple[int, dict[str, str], bytes]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with aiohttp.ClientSession() as session, session.post(gate.url + path, data=data, headers=headers) as reply:
        return reply.status, {name.lower(): value for name, value in reply.headers.items()}, await reply.read()


async def get(gate: Gateway, path: str, **headers: str) -> tuple[int, bytes]:
    async with aiohttp.ClientSession() as session, session.get(gate.url + path, headers=headers) as reply:
        return reply.status, await reply.read()


def test_a_whole_answer_is_relayed_with_its_facts(tmp_path: Path) -> None:
    async def work() -> None:
        async with gateway(tmp_path, http_answer(200, ANSWER)) as gate:
            status, headers, body = await post(gate, CHAT, ASK)
            assert (status, body) == (200, ANSWER)
            assert headers["x-baton-model"] == "sim/mid"
            assert headers["x-baton-provider"] == "sim"
            assert headers["x-baton-task-type"] == "other"
            assert headers["x-baton-simulated"] == "true"
            assert nano_from_usd(headers["x-baton-cost-usd"]) == 1_000 * 1_000 + 100 * 5_000
            assert nano_from_usd(headers["x-baton-baseline-cost-usd"]) == 1_000 * 5_000 + 100 * 25_000
            gate.house.ledger.flush()
            decision = decision_of(gate.house.ledger.path, headers["x-baton-request-id"])
            assert decision is not None
            assert headers["x-baton-reason"] == decision.reason
        found = report(tmp_path / "ledger.db")
        assert found.share_by_model == {"sim/mid": 1.0}
        assert found.cost_by_task_type["other"].cost_usd == pytest.approx(0.0015)

    run(work())


def test_the_callers_bytes_go_on_but_for_model_and_baton(tmp_path: Path) -> None:
    sent = b'{"messages" : [{"role":"user","content":"\\u00e9 1.0e3"}], "model":"gpt-4o","baton":{"task_type":"other"}, "x_new": [1,  {"a":null}]}'

    async def work() -> None:
        async with gateway(tmp_path, http_answer(200, ANSWER)) as gate:
            status, _, _ = await post(gate, CHAT, sent, authorization="Bearer of-the-caller")
            assert status == 200
            received = gate.upstream.requests[0]
        expected = (
            b'{"messages":[{"role":"user","content":"\\u00e9 1.0e3"}],"model":"frontier","x_new":[1,  {"a":null}]}'
        )
        assert received.body == expected
        assert "of-the-caller" not in str(received.headers)

    run(work())


def test_a_stream_is_relayed_and_usage_is_asked_for_and_hidden(tmp_path: Path) -> None:
    async def work() -> None:
        async with gateway(tmp_path, event_stream(*PIECES)) as gate:
            status, headers, body = await post(gate, CHAT, ASK | {"stream": True})
            assert status == 200
            assert headers["content-type"].startswith("text/event-stream")
            assert body == PIECES[0] + PIECES[1] + PIECES[3]
            assert b'"stream_options":{"include_usage":true}' in gate.upstream.requests[0].body
        assert report(tmp_path / "ledger.db").cost_by_task_type["other"].cost_usd == pytest.approx(0.0015)

    run(work())


def test_usage_that_the_caller_asked_for_stays_and_cost_comes_before_the_end(tmp_path: Path) -> None:
    async def work() -> None:
        async with gateway(tmp_path, event_stream(*PIECES)) as gate:
            ask = ASK | {"stream": True, "stream_options": {"include_usage": True}, "baton": {"show_cost": True}}
            _, headers, body = await post(gate, CHAT, ask)
            *events, note, end, empty = body.decode().split("\n\n")
            assert "".join(f"{event}\n\n" for event in events).encode() == b"".join(PIECES[:3])
            assert (end, empty) == ("data: [DONE]", "")
            shown = json.loads(note.removeprefix("data: "))["baton"]
            assert shown["cost_usd"] == "0.0015"
            assert shown["request_id"] == headers["x-baton-request-id"]

    run(work())


@pytest.mark.parametrize("whole", [True, False])
def test_a_stream_that_breaks_off_ends_with_a_typed_error(tmp_path: Path, whole: bool) -> None:
    async def work() -> None:
        async with gateway(tmp_path, event_stream(PIECES[0], end=whole)) as gate:
            _, _, body = await post(gate, CHAT, ASK | {"stream": True})
            first, error = body.decode().strip().split("\n\n")
            assert first.encode() + b"\n\n" == PIECES[0]
            assert json.loads(error.removeprefix("data: "))["error"]["code"] == "upstream_cut"
            assert "[DONE]" not in body.decode()
        assert report(tmp_path / "ledger.db").faults == {"upstream_cut": 1}

    run(work())


BAD_BODIES: list[tuple[bytes, int, str]] = [
    (b"{", 400, "malformed_body"),
    (b"", 400, "malformed_body"),
    (b"[1]", 400, "malformed_body"),
    (b'{"model":"sim/mid"}', 400, "malformed_body"),
    (b'{"model":"sim/mid","messages":7}', 400, "malformed_body"),
    (b'{"model":"sim/nope","messages":[{"role":"user","content":"x"}]}', 404, "unknown_model"),
    (b'{"model":"auto","messages":[{"role":"user","content":"\xff"}]}', 400, "malformed_body"),
    (b'{"model":"auto","messages":' + b"[" * 50_000 + b"]" * 50_000 + b"}", 400, "malformed_body"),
    (
        b'{"model":"auto","messages":[{"role":"user","content":"x"}],"baton":{"task_type":"poem"}}',
        400,
        "invalid_request",
    ),
    (b'{"model":"auto","messages":[{"role":"user","content":"x"}],"max_tokens":999999}', 400, "no_eligible_model"),
    (b"x" * 1_000_001, 413, "body_too_large"),
]


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize(("body", "status", "code"), BAD_BODIES)
def test_a_bad_request_gets_its_error_in_the_callers_dialect(
    tmp_path: Path, path: str, body: bytes, status: int, code: str
) -> None:
    async def work() -> None:
        async with gateway(tmp_path) as gate:
            got, _, answer = await post(gate, path, body)
            error = json.loads(answer)
            assert got == status
            assert error["error"]["code"] == code
            assert error["error"]["message"]
            assert "Traceback" not in answer.decode()
            assert (error.get("type") == "error") == (path == MESSAGES)
            assert not gate.upstream.requests

    run(work())


@pytest.mark.parametrize(
    ("script", "status", "code"),
    [
        (http_answer(200, b"<html>", "text/html"), 502, "upstream_not_json"),
        (http_answer(200, b"", "application/json"), 502, "upstream_empty"),
        (http_answer(200, b"[]", "application/json"), 502, "upstream_not_json"),
        (http_answer(401, b'{"error":{"message":"bad key sk-secret"}}'), 502, "upstream_status"),
        ([], 502, "upstream_cut"),
        ([2.0], 504, "upstream_timeout"),
    ],
)
def test_a_failing_model_is_a_gateway_error_and_an_attempt_in_the_ledger(
    tmp_path: Path, script: list[Any], status: int, code: str
) -> None:
    async def work() -> None:
        for path in (CHAT, MESSAGES):
            folder = tmp_path / path.replace("/", "")
            folder.mkdir()
            async with gateway(folder, script) as gate:
                got, headers, answer = await post(gate, path, ASK)
                assert (got, json.loads(answer)["error"]["code"]) == (status, code)
                assert "sk-secret" not in answer.decode()
                assert headers["x-baton-model"] == "sim/mid"
            assert report(folder / "ledger.db").faults == {code: 1}

    run(work())


def test_a_providers_own_error_goes_on_as_it_came(tmp_path: Path) -> None:
    body = b'{"error":{"message":"slow down","type":"rate_limit_error"}}'

    async def work() -> None:
        async with gateway(tmp_path, http_answer(429, body, "application/json", "retry-after: 3")) as gate:
            status, headers, answer = await post(gate, CHAT, ASK)
            assert (status, answer, headers["retry-after"]) == (429, body, "3")

    run(work())


@pytest.mark.parametrize("stream", [True, False])
def test_a_caller_who_leaves_cancels_the_upstream(tmp_path: Path, stream: bool) -> None:
    async def work() -> None:
        script = event_stream(PIECES[0], 30.0) if stream else [30.0]
        async with gateway(tmp_path, script) as gate:
            host, port = gate.url.removeprefix("http://").split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            body = json.dumps(ASK | {"stream": stream}).encode()
            writer.write(
                b"POST %s HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s" % (CHAT.encode(), len(body), body)
            )
            if stream:
                await reader.readuntil(b'"a"')
            else:
                await asyncio.sleep(0.1)
            writer.close()
            await asyncio.wait_for(gate.upstream.left_early.wait(), 0.5)
            for _ in range(50):
                gate.house.ledger.flush()
                if b'outcome="cancelled"' in gate.house.ledger.metrics():
                    break
                await asyncio.sleep(0.02)
            assert b'outcome="cancelled"' in gate.house.ledger.metrics()

    run(work())


def test_keys_are_asked_for_and_name_the_caller(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"sk-team-key").hexdigest()
    keys = (KeyConfig("team", Secret(f"sha256:{digest}"), models=("sim/mid",)),)

    async def work() -> None:
        async with gateway(tmp_path, http_answer(200, ANSWER), keys=keys) as gate:
            for headers in ({}, {"authorization": "Bearer wrong"}, {"x-api-key": ""}):
                status, _, answer = await post(gate, CHAT, ASK, **headers)
                assert (status, json.loads(answer)["error"]["code"]) == (401, "unauthorized")
            for headers in ({"authorization": "Bearer sk-team-key"}, {"x-api-key": "sk-team-key"}):
                assert (await post(gate, CHAT, ASK, **headers))[0] == 200
            status, _, answer = await post(gate, CHAT, ASK | {"model": "sim/nano"}, **{"x-api-key": "sk-team-key"})
            assert (status, json.loads(answer)["error"]["code"]) == (403, "not_allowed")
            assert (await get(gate, "/livez"))[0] == 200
            assert (await get(gate, "/metrics"))[0] == 401
        log = (tmp_path / "ledger.db").read_bytes()
        assert b"sk-team-key" not in log

    run(work())


def test_a_decision_and_its_grade_are_the_callers_own(tmp_path: Path) -> None:
    keys = tuple(KeyConfig(name, Secret(f"sk-{name}-key-of-the-test")) for name in ("alice", "bob"))
    mine, others = ({"authorization": f"Bearer sk-{name}-key-of-the-test"} for name in ("alice", "bob"))

    async def work() -> None:
        async with gateway(tmp_path, http_answer(200, ANSWER), keys=keys) as gate:
            _, headers, _ = await post(gate, CHAT, ASK, **mine)
            id_ = headers["x-baton-request-id"]
            grade = {"request_id": id_, "score": 1.0}
            assert (await get(gate, f"/v1/baton/decisions/{id_}", **mine))[0] == 200
            assert (await get(gate, f"/v1/baton/decisions/{id_}", **others))[0] == 404
            assert (await post(gate, "/v1/baton/feedback", grade, **others))[0] == 404
            assert (await post(gate, "/v1/baton/feedback", grade, **mine))[0] == 202

    run(work())


@pytest.mark.parametrize(
    ("request_line", "status", "allow"),
    [
        (b"GET /v1/chat/completions", 405, b"POST"),
        (b"POST /v1/nothing", 404, None),
        (b"DELETE /health", 405, b"GET, HEAD"),
        (b"PUT /v1/baton/keys", 405, b"GET, HEAD, POST"),
        (b"GET /v1/models/nope", 404, None),
    ],
)
def test_wrong_paths_and_methods_are_told(
    tmp_path: Path, request_line: bytes, status: int, allow: bytes | None
) -> None:
    async def work() -> None:
        async with gateway(tmp_path) as gate:
            answer = await raw_exchange(gate.url, request_line + b" HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 %d " % status)
            head, _, body = answer.partition(b"\r\n\r\n")
            assert json.loads(body)["error"]["message"]
            told = re.search(rb"(?i)^allow: (.*?)\r?$", head, re.MULTILINE)
            assert (told and b", ".join(sorted(told[1].split(b", ")))) == allow

    run(work())


def test_a_declared_giant_is_refused_without_reading_it(tmp_path: Path) -> None:
    async def work() -> None:
        async with gateway(tmp_path) as gate:
            head = b"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 41943040\r\n\r\n"
            answer = await raw_exchange(gate.url, head)
            assert answer.startswith(b"HTTP/1.1 413 ")
            assert json.loads(answer.partition(b"\r\n\r\n")[2])["type"] == "error"

    run(work())


def test_a_dry_run_decides_and_calls_nobody(tmp_path: Path) -> None:
    async def work() -> None:
        async with gateway(tmp_path) as gate:
            ask = {"model": "auto", "messages": [{"role": "user", "content": "classify this"}]}
            status, _, answer = await post(gate, "/v1/baton/route", ask)
            decision = json.loads(answer)
            assert status == 200
            wanted = {
                "model",
                "task_type",
                "difficulty",
                "floor",
                "lambda",
                "candidates",
                "excluded",
                "reason",
                "counterfactual",
            }
            assert wanted <= set(decision)
            assert (decision["model"], decision["task_type"]) == ("sim/local", "classification")
            assert not gate.upstream.requests

    run(work())


def test_a_decision_and_its_grade_are_kept(tmp_path: Path) -> None:
    async def work() -> None:
        async with gateway(tmp_path, http_answer(200, ANSWER)) as gate:
            _, headers, _ = await post(gate, CHAT, ASK | {"model": "auto"})
            request_id = headers["x-baton-request-id"]
            decision = json.loads((await get(gate, f"/v1/baton/decisions/{request_id}"))[1])
            assert decision["model"] == headers["x-baton-model"]
            assert (await get(gate, "/v1/baton/decisions/none"))[0] == 404
            assert (await post(gate, "/v1/baton/feedback", {"request_id": request_id, "score": 1.0}))[0] == 202
            for wrong in ({"request_id": "x", "score": 2}, {"score": 1}, {"request_id": "x", "score": 1, "extra": 1}):
                assert (await post(gate, "/v1/baton/feedback", wrong))[0] == 400
            shown = json.loads((await get(gate, "/v1/baton/report"))[1])
            assert shown["quality_by_route"]["auto"]["quality"] == 1.0
            assert shown["simulated"] is True

    run(work())


def test_models_are_listed_in_both_dialects_and_probes_answer(tmp_path: Path) -> None:
    async def work() -> None:
        async with gateway(tmp_path) as gate:
            openai = json.loads((await get(gate, "/v1/models"))[1])
            anthropic = json.loads((await get(gate, "/v1/models", **{"anthropic-version": "1"}))[1])
            names = [one["id"] for one in openai["data"]]
            assert names[:3] == ["auto", "auto:cost", "auto:quality"]
            assert {"sim/frontier", "gpt-4o"} <= set(names)
            assert [one["id"] for one in anthropic["data"]] == names
            assert json.loads((await get(gate, "/v1/models/sim/mid"))[1])["owned_by"] == "sim"
            for probe in ("/health", "/livez", "/readyz", "/"):
                assert (await get(gate, probe))[0] == 200
            assert b"baton_ledger_queued" in (await get(gate, "/metrics"))[1]

    run(work())


@pytest.mark.parametrize(("mode", "kept"), [("off", 0), ("full", 1)])
def test_content_is_kept_only_where_the_config_says(tmp_path: Path, mode: str, kept: int) -> None:
    async def work() -> None:
        async with gateway(tmp_path, http_answer(200, ANSWER), content=mode) as gate:
            await post(gate, CHAT, ASK)
        import sqlite3

        connection = sqlite3.connect(tmp_path / "ledger.db")
        assert connection.execute("SELECT COUNT(*) FROM contents WHERE answer = ?", (ANSWER,)).fetchone() == (kept,)
        connection.close()

    run(work())
