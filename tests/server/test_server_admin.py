"""The admin API over the wire: keys are made, shown once, used and revoked; strangers are kept out; nothing breaks it."""

import asyncio
import contextlib
import json
import sqlite3
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import jsonschema
import msgspec
import pytest
import yarl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baton.config.schema import AdminKeyConfig, Config, KeyConfig, LedgerConfig, LimitFields, ServerConfig, SpendConfig
from baton.server.run import bind, serving
from baton.testing.upstream import http_answer, scripted
from baton.types.card import Provider
from baton.types.secret import Secret
from tests.decide.fleet import snapshot

ROOT = {"authorization": "Bearer root-key"}
ADMIN = AdminKeyConfig("root", Secret("root-key"))
CONFIGURED = KeyConfig("shop", Secret("shop-key"), team="web", day_usd=3.0)
ANSWER = json.dumps(
    {"id": "c1", "choices": [{"message": {"content": "yes"}}], "usage": {"prompt_tokens": 1000, "completion_tokens": 100}}
).encode()  # fmt: skip
ASK = {"model": "sim/mid", "messages": [{"role": "user", "content": "hi"}]}
URL = str


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


@asynccontextmanager
async def opened(folder: Path, upstream: str = "http://127.0.0.1:1", **server: Any) -> AsyncGenerator[URL, None]:
    config = Config(
        snapshot=msgspec.structs.replace(
            snapshot(), providers={"sim": Provider("sim", upstream, ("openai-chat", "anthropic"), "none")}
        ),
        server=ServerConfig(**server),
        ledger=LedgerConfig(path=str(folder / "ledger.db"), flush_s=0.05),
        spend=SpendConfig(teams={"web": LimitFields(month_usd=100.0)}),
    )
    sock = bind("127.0.0.1", 0)
    async with serving(config, sock):
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"


async def ask(url: URL, method: str, path: str, body: Any = None, headers: dict[str, str] = ROOT) -> tuple[int, Any]:
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"{url}/v1/baton{path}", data=data, headers=headers) as reply,
    ):
        return reply.status, json.loads(await reply.read())


async def status_of(url: URL, key: str, path: str = "/v1/models") -> int:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    async with aiohttp.ClientSession() as session, session.get(url + path, headers=headers) as reply:
        return reply.status


def test_a_key_is_shown_once_works_at_once_and_is_refused_when_revoked(tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tmp_path, admin_keys=(ADMIN,)) as url:
            order = {"name": "alice", "team": "web", "models": ["sim/m*"], "day_usd": 1.5, "rpm": 7, "lambda": 2.0}
            status, made = await ask(url, "POST", "/keys", order)
            assert status == 201
            key = made["key"]
            assert key.startswith("bt-")
            assert len(key) > 40
            assert made["view"]["terms"] == {name: value for name, value in order.items() if name != "name"}
            assert await status_of(url, key) == 200
            assert await status_of(url, key + "x") == 401
            assert key not in json.dumps(await ask(url, "GET", "/keys/alice"))
            status, revoked = await ask(url, "DELETE", "/keys/alice")
            assert (status, revoked["status"]) == (200, "revoked")
            assert await status_of(url, key) == 401
            _, log = await ask(url, "GET", "/audit")
            told = [(one["actor"], one["action"], one["subject"]) for one in log["changes"]]
            assert told == [("root", "key.revoke", "alice"), ("root", "key.create", "alice")]
        assert key.encode() not in (tmp_path / "ledger.db").read_bytes()

    run(work())


def test_every_worker_on_the_same_ledger_follows_within_a_second(tmp_path: Path) -> None:
    async def within_a_second(url: URL, key: str, wanted: int) -> None:
        for _ in range(20):
            if await status_of(url, key) == wanted:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"after a second the key is not answered with {wanted}")

    async def work() -> None:
        async with opened(tmp_path, admin_keys=(ADMIN,)) as one, opened(tmp_path, admin_keys=(ADMIN,)) as other:
            assert await status_of(other, "") == 401
            _, made = await ask(one, "POST", "/keys", {"name": "alice"})
            await within_a_second(other, made["key"], 200)
            await ask(one, "DELETE", "/keys/alice")
            await within_a_second(other, made["key"], 401)

    run(work())


def test_keys_outlive_a_restart_and_the_last_revoked_key_opens_no_door(tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tmp_path) as url:
            assert await status_of(url, "") == 200
            _, made = await ask(url, "POST", "/keys", {"name": "alice"}, {})
            assert await status_of(url, "") == 401
        async with opened(tmp_path) as url:
            assert await status_of(url, made["key"]) == 200
            await ask(url, "DELETE", "/keys/alice", None, {})
            assert await status_of(url, "") == 401
            assert await status_of(url, made["key"]) == 401

    run(work())


def test_a_key_expires(tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tmp_path, admin_keys=(ADMIN,)) as url:
            status, told = await ask(url, "POST", "/keys", {"name": "old", "expires": "2020-01-01"})
            assert (status, told["error"]["param"]) == (400, "expires")
            _, made = await ask(url, "POST", "/keys", {"name": "soon", "expires": "2999-01-01"})
            assert await status_of(url, made["key"]) == 200
        with sqlite3.connect(tmp_path / "ledger.db") as connection:
            connection.execute('UPDATE keys SET terms = \'{"expires":"2020-01-01T00:00:00Z"}\'')
        connection.close()
        async with opened(tmp_path, admin_keys=(ADMIN,)) as url:
            assert await status_of(url, made["key"]) == 401
            assert (await ask(url, "GET", "/keys/soon"))[1]["status"] == "expired"

    run(work())


WRONG = [
    ({"name": ""}, 400),
    ({"name": "a\n"}, 400),
    ({"name": "../x"}, 400),
    ({"name": "anonymous"}, 400),
    ({"name": "shop"}, 409),
    ({"name": "taken"}, 409),
    ({"name": "n", "models": ["nope"]}, 400),
    ({"name": "n", "routes": ["nope"]}, 400),
    ({"name": "n", "task_type": "nope"}, 400),
    ({"name": "n", "team": "a/b"}, 400),
    ({"name": "n", "rpm": 0}, 400),
    ({"name": "n", "day_usd": -1}, 400),
    ({"name": "n", "day_usd": 1e300}, 400),
    ({"name": "n", "expires": "tomorrow"}, 400),
    ({"name": "n", "unknown": 1}, 400),
    ({}, 400),
    ([], 400),
    (b"", 400),
    (b"{", 400),
    (b"[" * 50_000, 400),
    (b'{"name":"\xff"}', 400),
    (b'{"name":"\\ud800"}', 400),
    (b'{"name":"n","team":"\\ud800"}', 400),
    (b'{"name":"' + b"x" * 70_000 + b'"}', 413),
]


def test_what_cannot_be_meant_is_refused_with_a_reason_and_leaves_nothing(tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tmp_path, admin_keys=(ADMIN,), keys=(CONFIGURED,)) as url:
            assert (await ask(url, "POST", "/keys", {"name": "taken"}))[0] == 201
            for body, wanted in WRONG:
                status, told = await ask(url, "POST", "/keys", body)
                assert status == wanted, (body, told)
                assert told["error"]["message"]
            assert len((await ask(url, "GET", "/keys"))[1]["keys"]) == 2
            assert len((await ask(url, "GET", "/audit"))[1]["changes"]) == 1

    run(work())


def test_a_key_of_the_config_is_shown_and_not_revoked(tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tmp_path, admin_keys=(ADMIN,), keys=(CONFIGURED,)) as url:
            status, view = await ask(url, "GET", "/keys/shop")
            assert (status, view["source"], view["terms"]) == (200, "config", {"day_usd": 3.0, "team": "web"})
            assert (await ask(url, "DELETE", "/keys/shop"))[0] == 403
            assert (await ask(url, "GET", "/keys/nobody"))[0] == 404
            assert (await ask(url, "DELETE", "/keys/nobody"))[0] == 404

    run(work())


PATHS = [("GET", "/keys"), ("POST", "/keys"), ("DELETE", "/keys/a"), ("GET", "/spend"), ("GET", "/audit"), ("DELETE", "/content?key=a"), ("GET", "/openapi.json")]  # fmt: skip


@pytest.mark.parametrize(
    ("server", "headers", "wanted"),
    [
        ({"admin_keys": (ADMIN,)}, {}, 401),
        ({"admin_keys": (ADMIN,)}, {"authorization": "Bearer wrong"}, 401),
        ({"admin_keys": (ADMIN,), "keys": (CONFIGURED,)}, {"authorization": "Bearer shop-key"}, 401),
        ({"keys": (CONFIGURED,)}, {"authorization": "Bearer shop-key"}, 403),
        ({"host": "0.0.0.0"}, {}, 403),
        ({}, {"sec-fetch-site": "cross-site"}, 403),
    ],
)
def test_who_is_no_admin_gets_nothing(
    tmp_path: Path, server: dict[str, Any], headers: dict[str, str], wanted: int
) -> None:
    async def work() -> None:
        async with opened(tmp_path, **server) as url:
            for method, path in PATHS:
                status, told = await ask(url, method, path, {"name": "x"} if method == "POST" else None, headers)
                assert status == wanted, (method, path, told)

    run(work())


def test_metrics_need_an_admin_where_there_is_one_or_strangers_could_come(tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tmp_path, keys=(CONFIGURED,)) as url:
            assert [await status_of(url, key, "/metrics") for key in ("", "shop-key")] == [401, 200]
        async with opened(tmp_path, keys=(CONFIGURED,), admin_keys=(ADMIN,)) as url:
            assert [await status_of(url, key, "/metrics") for key in ("", "shop-key", "root-key")] == [401, 401, 200]
        async with opened(tmp_path, keys=(CONFIGURED,), host="0.0.0.0") as url:
            assert await status_of(url, "shop-key", "/metrics") == 403
            assert await status_of(url, "root-key", "/v1/models") == 401

    run(work())


def test_an_admin_key_asks_no_model(tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tmp_path, admin_keys=(ADMIN,)) as url:
            assert await status_of(url, "root-key") == 401

    run(work())


def test_spend_is_told_by_key_team_user_and_tag(tmp_path: Path) -> None:
    async def work() -> None:
        async with scripted(http_answer(200, ANSWER)) as upstream, opened(tmp_path, upstream.base_url) as url:
            async with (
                aiohttp.ClientSession() as session,
                session.post(f"{url}/v1/chat/completions", json=ASK) as reply,
            ):
                assert reply.status == 200
            status, table = await ask(url, "GET", "/spend?by=key&since=2020-01-01", None, {})
            assert status == 200
            assert table == {
                "by": "key",
                "rows": [
                    {
                        "account": "anonymous",
                        "requests": 1,
                        "input_tokens": 1000,
                        "output_tokens": 100,
                        "cost_usd": 0.0015,
                    }
                ],
            }
            assert (await ask(url, "GET", "/spend?until=2020-01-01", None, {}))[1]["rows"] == []
            assert (await ask(url, "GET", "/spend?by=team", None, {}))[1]["rows"] == []

    run(work())


@pytest.mark.parametrize(
    "query",
    ["/spend?by=house", "/spend?since=yesterday", "/spend?until=2026-13-01", "/spend?what=1", "/spend?by=key&by=tag",
     "/audit?limit=0", "/audit?limit=100000", "/audit?limit=-1", "/audit?before=x", "/audit?before=99999999999999999999"],
)  # fmt: skip
def test_a_query_that_cannot_be_meant_is_refused(tmp_path: Path, query: str) -> None:
    async def work() -> None:
        async with opened(tmp_path) as url:
            assert (await ask(url, "GET", query, None, {}))[0] == 400

    run(work())


def test_paths_and_methods_that_are_not_there_say_so_in_json(tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tmp_path) as url:
            for method, path, wanted in (
                ("PUT", "/keys", 405),
                ("GET", "/keys/a/b", 404),
                ("GET", "/keysandmore", 404),
            ):
                status, told = await ask(url, method, path, None, {})
                assert (status, bool(told["error"]["message"])) == (wanted, True)

    run(work())


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
MEMBERS = ("name", "team", "models", "routes", "expires", "day_usd", "month_usd", "total_usd", "rpm", "tpm", "parallel", "lambda", "floor", "min_quality", "task_type")  # fmt: skip
LIKELY = st.sampled_from(["a", "2999-01-01", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", ["*"], ["auto"], 1, 0.5, "other"])  # fmt: skip
BODIES = st.dictionaries(st.sampled_from(MEMBERS), LIKELY | JSON_VALUES, max_size=6) | JSON_VALUES


def test_no_body_and_no_query_makes_it_fail(tmp_path: Path) -> None:
    async def tried(url: URL, body: Any, text: str, parameter: str) -> None:
        named = body["name"] if isinstance(body, dict) and isinstance(body.get("name"), str) else text
        key, query = f"/keys/{quote(named, safe='')}", f"?{parameter}={quote(text, safe='')}"
        async with aiohttp.ClientSession() as session:
            for method, path, data in (
                ("POST", "/keys", json.dumps(body).encode()),
                ("GET", key, None),
                ("GET", f"/spend{query}", None),
                ("GET", f"/audit{query}", None),
                ("DELETE", key, None),
                ("DELETE", f"/content{query}", None),
            ):
                where = yarl.URL(f"{url}/v1/baton{path}", encoded=True)
                async with session.request(method, where, data=data) as reply:
                    assert reply.status < 500, (method, path, body, await reply.text())

    with asyncio.Runner() as runner:
        stack = contextlib.AsyncExitStack()
        url = runner.run(stack.enter_async_context(opened(tmp_path)))

        @settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(BODIES, st.text(max_size=20), st.sampled_from(["by", "since", "until", "limit", "before", "user", "x"]))
        def examine(body: Any, text: str, parameter: str) -> None:
            runner.run(tried(url, body, text, parameter))

        try:
            examine()
        finally:
            runner.run(stack.aclose())


def test_what_is_answered_is_what_the_document_says(tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tmp_path, admin_keys=(ADMIN,), keys=(CONFIGURED,)) as url:
            _, document = await ask(url, "GET", "/openapi.json")
            exchanges = [
                ("POST", "/keys", "/keys", {"name": "alice", "rpm": 3}),
                ("GET", "/keys", "/keys", None),
                ("GET", "/keys/alice", "/keys/{name}", None),
                ("GET", "/spend", "/spend", None),
                ("DELETE", "/content?key=alice&dry_run=true", "/content", None),
                ("GET", "/audit", "/audit", None),
                ("DELETE", "/keys/alice", "/keys/{name}", None),
                ("GET", "/keys/nobody", "/keys/{name}", None),
                ("POST", "/keys", "/keys", {"name": "alice"}),
            ]
            for method, path, template, body in exchanges:
                status, answer = await ask(url, method, path, body)
                responses = document["paths"][f"/v1/baton{template}"][method.lower()]["responses"]
                schema = responses.get(str(status), responses["default"])["content"]["application/json"]["schema"]
                jsonschema.Draft202012Validator(schema | {"components": document["components"]}).validate(answer)
            served = {(method.upper(), path) for path, all_ in document["paths"].items() for method in all_}
            assert served == {(method, f"/v1/baton{template}") for method, _, template, _ in exchanges}

    run(work())
