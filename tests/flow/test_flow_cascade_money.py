"""Cascades share caches, budgets and the leaving of callers with everything else: nothing is paid twice or lost."""

import asyncio
import random
import time
from pathlib import Path

import httpx2
import msgspec
import pytest
from sqlalchemy import text

from baton.config.schema import KeyConfig
from baton.record.database import reading
from baton.testing.upstream import Step, event_stream
from baton.types.secret import Secret
from baton.types.spend import Spent
from baton.types.task import Route, RouteCache
from tests.flow.cascading import (
    BROKEN,
    MID,
    NANO,
    PATHS,
    REFUSAL,
    attempts,
    body,
    cascade,
    cost,
    plan,
)  # fmt: skip
from tests.flow.voices import Says, Voices


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "held"])
def test_a_caller_who_leaves_cancels_the_model_that_is_asked(tmp_path: Path, stream: bool) -> None:
    async def work(gateway: Voices) -> None:
        with pytest.raises(httpx2.TimeoutException):
            async with httpx2.AsyncClient(base_url=gateway.url, timeout=0.3) as http:
                await http.post(PATHS["openai-chat"], json=body(stream=stream))
        async with asyncio.timeout(5):
            await gateway.upstream.left_early.wait()
        await asyncio.sleep(0.2)
        assert attempts(gateway) == [NANO]
        assert gateway.asked() == ["nano"]

    slow: list[Step] = [b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{", 30.0]
    if stream:
        slow = [b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: {", 30.0]
    cascade(tmp_path, {"nano": slow}, work, plan(hold=True))


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "held"])
def test_the_cache_gives_the_checked_answer_again_under_its_makers_name(tmp_path: Path, stream: bool) -> None:
    cached = Route("cached", model=("auto",), cache=RouteCache(60.0, 1_000_000))

    async def work(gateway: Voices) -> None:
        first = await gateway.ask(body(stream=stream))
        second = await gateway.ask(body(stream=stream))
        assert gateway.asked() == ["nano", "mid"]
        assert second.headers["x-baton-cache"] == "hit"
        assert second.headers["x-baton-model"] == first.headers["x-baton-model"] == MID
        assert second.text == first.text

    said: dict[str, Says] = {"nano": REFUSAL, "mid": "delivery"}
    cascade(tmp_path, said, work, plan(NANO, MID, hold=True), cached)


def test_a_budget_that_has_no_more_for_the_stronger_model_gives_what_there_is(tmp_path: Path) -> None:
    keys = (KeyConfig("a", Secret("key-a"), day_usd=0.001),)

    async def work(gateway: Voices) -> None:
        answer = await gateway.ask(body(), authorization="Bearer key-a")
        assert answer.status_code == 200, answer.text
        assert gateway.asked() == ["nano"]
        assert answer.headers["x-baton-model"] == NANO
        assert answer.headers["x-baton-unchecked"].startswith("refusal")
        spent = gateway.house.life.counters.used("key:a", time.time())
        assert isinstance(spent, Spent)
        assert spent.total == round(cost(NANO) * 1e9)

    cascade(tmp_path, {"nano": REFUSAL}, work, keys=keys)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "held"])
def test_what_is_settled_is_what_all_calls_have_cost(tmp_path: Path, stream: bool) -> None:
    keys = (KeyConfig("a", Secret("key-a"), day_usd=100.0),)

    async def work(gateway: Voices) -> None:
        answer = await gateway.ask(body(stream=stream), authorization="Bearer key-a")
        assert answer.headers["x-baton-model"] == MID
        spent = gateway.house.life.counters.used("key:a", time.time())
        assert isinstance(spent, Spent)
        assert spent.total == round(cost(NANO, MID) * 1e9)

    cascade(tmp_path, {"nano": REFUSAL, "mid": "delivery"}, work, plan(NANO, MID, hold=True), keys=keys)


def test_a_held_stream_tells_its_cost_where_that_was_asked_for(tmp_path: Path) -> None:
    async def work(gateway: Voices) -> None:
        answer = await gateway.ask(body(stream=True, baton={"show_cost": True}))
        notes = [line for line in answer.text.splitlines() if '"baton"' in line]
        assert len(notes) == 1
        told = msgspec.json.decode(notes[0].removeprefix("data: "))["baton"]
        assert told["model"] == MID
        assert float(told["cost_usd"]) == pytest.approx(cost(NANO, MID))
        assert answer.text.endswith("data: [DONE]\n\n")

    cascade(tmp_path, {"nano": REFUSAL, "mid": "delivery"}, work, plan(NANO, MID, hold=True))


CUT_STREAM: list[Step] = event_stream(b'data: {"choices":[{"index":0,"delta":{"content":"deli"}}]}\n\n', end=False)
CUT_WHOLE: list[Step] = [b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{"]
SAYINGS: dict[str, Says] = {"good": "delivery", "refuses": REFUSAL, "empty": {"content": " "}, "down": BROKEN}


@pytest.mark.parametrize("seed", range(16))
def test_whatever_models_do_there_is_one_answer_and_every_call_is_paid_once(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    stream, quorum = rng.random() < 0.5, rng.choice([1, 1, 2])
    done = {model: rng.choice([*SAYINGS, "cut"]) for model in ("nano", "mid", "frontier", "code", "local")}
    said = {model: SAYINGS.get(what, CUT_STREAM if stream else CUT_WHOLE) for model, what in done.items()}
    keys = (KeyConfig("a", Secret("key-a"), day_usd=100.0),)

    async def work(gateway: Voices) -> None:
        answer = await gateway.ask(body(stream=stream), authorization="Bearer key-a")
        asked = gateway.asked()
        known_calls = [f"sim/{model}" for model in asked]
        assert attempts(gateway) == known_calls
        assert len(set(asked)) == len(asked)
        assert answer.text.count("delivery") + answer.text.count("sorry") <= 1
        if answer.status_code == 200 and "error" not in answer.text:
            given = answer.headers["x-baton-model"].removeprefix("sim/")
            assert done[given] in {"good", "refuses", "empty"}
            assert done[given] == "good" or "x-baton-unchecked" in answer.headers or stream
        with reading(gateway.house.ledger.path) as connection:
            paid = connection.execute(text("SELECT COALESCE(SUM(cost), 0) FROM attempts")).scalar()
        spent = gateway.house.life.counters.used("key:a", time.time())
        assert isinstance(spent, Spent)
        assert spent.total == paid
        told = [model for model in known_calls if done[model.removeprefix("sim/")] in {"good", "refuses", "empty"}]
        assert paid >= round(cost(*told) * 1e9)

    cascade(tmp_path, said, work, plan(NANO, MID, quorum=quorum, hold=rng.random() < 0.8), keys=keys)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "held"])
def test_a_caller_who_leaves_later_pays_for_what_was_asked(tmp_path: Path, stream: bool) -> None:
    keys = (KeyConfig("a", Secret("key-a"), day_usd=100.0),)

    async def work(gateway: Voices) -> None:
        headers = {"authorization": "Bearer key-a"}
        with pytest.raises(httpx2.TimeoutException):
            async with httpx2.AsyncClient(base_url=gateway.url, timeout=1.0, headers=headers) as http:
                await http.post(PATHS["openai-chat"], json=body(stream=stream))
        async with asyncio.timeout(5):
            await gateway.upstream.left_early.wait()
        await asyncio.sleep(0.2)
        assert attempts(gateway) == [NANO, MID]
        with reading(gateway.house.ledger.path) as connection:
            paid = [cost for (cost,) in connection.execute(text("SELECT cost FROM attempts ORDER BY number")).all()]
        assert paid[0] == round(cost(NANO) * 1e9)
        assert paid[1] > 0  # what was sent was paid
        spent = gateway.house.life.counters.used("key:a", time.time())
        assert isinstance(spent, Spent)
        assert spent.total == sum(paid)

    slow: list[Step] = [b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{", 30.0]
    if stream:
        slow = [b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: {", 30.0]
    cascade(tmp_path, {"nano": REFUSAL, "mid": slow}, work, plan(NANO, MID, hold=True), keys=keys)
