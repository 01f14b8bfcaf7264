"""Contents over the wire: kept as key and config say, counted and deleted by an admin."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import openai
import pytest
from msgspec import Struct
from msgspec.structs import replace

from baton.config.schema import AdminKeyConfig, Config, ContentConfig, KeyConfig, LedgerConfig, ServerConfig
from baton.flow.house import House
from baton.server.run import bind, serving
from baton.testing.upstream import http_answer, scripted
from baton.types.card import Provider
from baton.types.secret import Secret
from tests.decide.fleet import snapshot

ROOT = {"authorization": "Bearer root-key"}
ANSWER = json.dumps(
    {
        "id": "c1",
        "object": "chat.completion",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hush"}}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 1},
    }
).encode()


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


class Here(Struct):
    url: str
    house: House
    path: Path

    async def say(self, key: str, text: str, **more: Any) -> None:
        body = {"model": "sim/mid", "messages": [{"role": "user", "content": text}], **more}
        headers = {"authorization": f"Bearer {key}"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.url}/v1/chat/completions", json=body, headers=headers) as reply,
        ):
            assert reply.status == 200, await reply.text()

    async def delete(self, query: str, headers: dict[str, str] = ROOT) -> tuple[int, Any]:
        async with (
            aiohttp.ClientSession() as session,
            session.delete(f"{self.url}/v1/baton/content{query}", headers=headers) as reply,
        ):
            return reply.status, json.loads(await reply.read())

    def kept(self) -> list[str]:
        """What the callers said in the contents that are left."""
        self.house.ledger.flush()
        with sqlite3.connect(self.path) as connection:
            found = [row[0] for row in connection.execute("SELECT request FROM contents ORDER BY at")]
        connection.close()
        return [json.loads(body)["messages"][0]["content"] for body in found]


@asynccontextmanager
async def gateway(folder: Path, mode: str = "full") -> AsyncGenerator[Here, None]:
    async with scripted(http_answer(200, ANSWER)) as upstream:
        provider = Provider("sim", upstream.base_url, ("openai-chat", "anthropic"), "none")
        config = Config(
            snapshot=replace(snapshot(), providers={"sim": provider}),
            server=ServerConfig(
                keys=(
                    KeyConfig("open", Secret("open-key")),
                    KeyConfig("shut", Secret("shut-key"), content="off"),
                ),
                admin_keys=(AdminKeyConfig("root", Secret("root-key")),),
            ),
            ledger=LedgerConfig(path=str(folder / "ledger.db"), flush_s=0.05),
            content=ContentConfig(mode=mode, sample_rate=1.0),  # type: ignore[arg-type]
        )
        sock = bind("127.0.0.1", 0)
        async with serving(config, sock) as house:
            yield Here(f"http://127.0.0.1:{sock.getsockname()[1]}", house, folder / "ledger.db")


@pytest.mark.parametrize("mode", ["full", "sampled"])
def test_a_key_with_content_off_leaves_figures_only(tmp_path: Path, mode: str) -> None:
    async def work() -> None:
        async with gateway(tmp_path, mode) as here:
            await here.say("open-key", "to be kept")
            await here.say("shut-key", "never kept")
            assert here.kept() == ["to be kept"]

    run(work())
    everything = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"never kept" not in everything
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        assert connection.execute("SELECT key FROM requests ORDER BY at").fetchall() == [("open",), ("shut",)]
    connection.close()


def test_a_key_that_is_made_with_content_off_too(tmp_path: Path) -> None:
    async def work() -> None:
        async with gateway(tmp_path) as here, aiohttp.ClientSession(headers=ROOT) as session:
            async with session.post(f"{here.url}/v1/baton/keys", json={"name": "new", "content": "off"}) as reply:
                made = await reply.json()
            assert made["view"]["terms"] == {"content": "off"}
            await here.say(made["key"], "never kept")
            async with session.post(f"{here.url}/v1/baton/keys", json={"name": "n", "content": "full"}) as reply:
                assert reply.status == 400
                assert "content" in (await reply.json())["error"]["message"]
            assert here.kept() == []

    run(work())


def test_answers_of_such_a_key_cannot_be_gone_on_from(tmp_path: Path) -> None:
    async def work() -> None:
        async with gateway(tmp_path) as here:
            for key, store in (("open-key", True), ("shut-key", False)):
                async with openai.AsyncOpenAI(base_url=f"{here.url}/v1", api_key=key, max_retries=0) as client:
                    made = await client.responses.create(model="sim/mid", input="first")
                    assert made.to_dict()["store"] is store
                    if store:
                        await client.responses.create(model="sim/mid", input="more", previous_response_id=made.id)
                    else:
                        with pytest.raises(openai.BadRequestError, match="of key 'shut' no content is kept"):
                            await client.responses.create(model="sim/mid", input="more", previous_response_id=made.id)

    run(work())


def test_contents_are_counted_then_deleted_and_the_log_says_by_whom(tmp_path: Path) -> None:
    async def work() -> None:
        async with gateway(tmp_path) as here:
            await here.say("open-key", "of ann", user="ann")
            await here.say("open-key", "of bob", user="bob")
            await here.say("open-key", "of ann again", user="ann", baton={"task_id": "t 1"})
            status, told = await here.delete("?user=ann&dry_run=true")
            assert (status, told["dry_run"], told["file"]["contents"]) == (200, True, 2)
            assert told["file"]["size_bytes"] > 2 * len(ANSWER)
            assert "database" not in told
            assert len(here.kept()) == 3
            assert (await here.delete(f"?user=ann&task_id={quote('t 1')}"))[1]["file"]["contents"] == 1
            assert here.kept() == ["of ann", "of bob"]
            status, told = await here.delete("?user=ann")
            assert (status, told["dry_run"], told["file"]["contents"]) == (200, False, 1)
            assert here.kept() == ["of bob"]
            assert (await here.delete("?key=open&before=0h"))[1]["file"]["contents"] == 1
            assert here.kept() == []
            async with (
                aiohttp.ClientSession(headers=ROOT) as session,
                session.get(f"{here.url}/v1/baton/audit") as reply,
            ):
                log = (await reply.json())["changes"]
            assert [(one["actor"], one["action"], one["detail"]["contents"]) for one in log] == [
                ("root", "content.delete", 1)
            ] * 3
            assert log[1]["detail"]["which"] == {"user": "ann"}

    run(work())


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("", "give at least one of request_id, key"),
        ("?dry_run=true", "give at least one of"),
        ("?key=", "`key` is empty"),
        ("?key=%20", "`key` is empty"),
        ("?user=a%00b", "no name has"),
        ("?before=yesterday", "30d"),
        ("?before=2999-01-01", "lies in the future"),
        ("?before=-3d", "30d"),
        ("?before=9999999d", "30d"),
        ("?key=a&key=b", "given twice"),
        ("?name=a", "there is no parameter 'name'"),
        ("?key=a&dry_run=1", "`dry_run` must be true or false"),
    ],
)
def test_what_cannot_be_meant_deletes_nothing(tmp_path: Path, query: str, told: str) -> None:
    async def work() -> None:
        async with gateway(tmp_path) as here:
            await here.say("open-key", "stays")
            status, answer = await here.delete(query)
            assert (status, told in answer["error"]["message"]) == (400, True), answer
            assert here.kept() == ["stays"]

    run(work())


def test_who_is_no_admin_deletes_nothing(tmp_path: Path) -> None:
    async def work() -> None:
        async with gateway(tmp_path) as here:
            await here.say("open-key", "stays")
            for headers, wanted in (({}, 401), ({"authorization": "Bearer open-key"}, 401)):
                assert (await here.delete("?key=open", headers))[0] == wanted
            assert (await here.delete("?key=open", ROOT | {"sec-fetch-site": "cross-site"}))[0] == 403
            assert here.kept() == ["stays"]
            async with (
                aiohttp.ClientSession(headers=ROOT) as session,
                session.get(f"{here.url}/v1/baton/content") as reply,
            ):
                assert (reply.status, reply.headers["allow"]) == (405, "DELETE")

    run(work())
