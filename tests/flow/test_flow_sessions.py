"""A conversation comes back to the model it was on; what it was on is known per key and for a time."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from baton.config.schema import KeyConfig, StateConfig
from baton.types.decision import PolicySnapshot
from baton.types.money import price_from_usd
from baton.types.secret import Secret
from baton.types.task import TaskType
from tests.decide.fleet import CARDS, snapshot
from tests.flow.voices import Voices, voices
from tests.services import RedisServer

MID, FRONTIER = "sim/mid", "sim/frontier"
OPENING = [{"role": "system", "content": "You help. " * 3_000}, {"role": "user", "content": "analyze this"}]
PATHS = {"openai-chat": "/v1/chat/completions", "anthropic": "/v1/messages", "openai-responses": "/v1/responses"}


def known() -> PolicySnapshot:
    """Analysis goes to the frontier, all else to the middle, and answers are short: caches weigh most."""
    found = snapshot()
    tools = CARDS[0].capabilities
    cached = {FRONTIER: price_from_usd(5, 25, 0.5), MID: price_from_usd(1, 5, 0.1)}
    cards = {
        id_: msgspec.structs.replace(found.cards[id_], price=price, capabilities=tools) for id_, price in cached.items()
    }
    types = {
        "analysis": msgspec.structs.replace(found.task_types["analysis"], output_tokens=10, reference=FRONTIER),
        "other": TaskType("other", rule=MID, output_tokens=10, reference=FRONTIER),
    }
    return msgspec.structs.replace(found, cards=cards, task_types=types, aliases={})


def turns(*said: str) -> list[dict[str, Any]]:
    """The opening, then answers and questions by turns."""
    roles = ("assistant", "user")
    return OPENING + [{"role": roles[place % 2], "content": text} for place, text in enumerate(said)]


def body(dialect: str, messages: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    if dialect == "openai-responses":
        return {"model": "auto", "input": messages, **more}
    if dialect == "anthropic":
        system = [{"type": "text", "text": messages[0]["content"], "cache_control": {"type": "ephemeral"}}]
        return {"model": "auto", "max_tokens": 99, "system": system, "messages": messages[1:], **more}
    return {"model": "auto", "messages": messages, **more}


def talk(tmp_path: Path, work: Callable[[Voices], Awaitable[None]], **more: Any) -> None:
    async def run() -> None:
        async with voices(tmp_path, lambda _model, _body: "fine", known(), **more) as gateway:
            await work(gateway)

    asyncio.run(run())


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("dialect", PATHS)
def test_it_stays_on_its_model_while_the_cache_is_worth_it(tmp_path: Path, dialect: str, stream: bool) -> None:
    async def work(gateway: Voices) -> None:
        first = await gateway.ask(body(dialect, turns(), stream=stream), PATHS[dialect])
        assert first.headers["x-baton-model"] == FRONTIER, first.headers["x-baton-reason"]
        second = await gateway.ask(body(dialect, turns("fine", "and then?"), stream=stream), PATHS[dialect])
        assert second.headers["x-baton-model"] == FRONTIER, second.headers["x-baton-reason"]
        assert "the conversation is on sim/frontier" in second.headers["x-baton-reason"]
        other = await gateway.ask(body(dialect, [OPENING[0], {"role": "user", "content": "hello"}]), PATHS[dialect])
        assert other.headers["x-baton-model"] == MID

    talk(tmp_path, work)


def test_it_goes_up_and_stays_up_when_the_caller_complains(tmp_path: Path) -> None:
    opening = [OPENING[0], {"role": "user", "content": "hello"}]

    async def say(gateway: Voices, *said: str) -> str:
        roles = ("assistant", "user")
        more = [{"role": roles[place % 2], "content": text} for place, text in enumerate(said)]
        answer = await gateway.ask({"model": "auto", "messages": opening + more})
        return answer.headers["x-baton-model"]

    async def work(gateway: Voices) -> None:
        assert await say(gateway) == MID
        assert await say(gateway, "fine", "that's wrong, try again") == FRONTIER
        assert await say(gateway, "fine", "that's wrong, try again", "fine", "thanks, and now?") == FRONTIER

    talk(tmp_path, work)


def test_requests_with_the_same_examples_are_no_conversation(tmp_path: Path) -> None:
    """One complaint among them must not send all of them up."""
    examples = [OPENING[0], {"role": "user", "content": "an example"}, {"role": "assistant", "content": "its label"}]

    async def label(gateway: Voices, text: str) -> dict[str, Any]:
        answer = await gateway.ask({"model": "auto", "messages": [*examples, {"role": "user", "content": text}]})
        return await gateway.decision(answer)

    async def work(gateway: Voices) -> None:
        for text in ("the parcel is late", "that's wrong, try again", "I want to pay"):
            decision = await label(gateway, text)
            assert (decision["model"], decision["session"]) == (MID, None)
        assert (await label(gateway, "I want to pay"))["session"]["model"] == MID  # asked once more

    talk(tmp_path, work)


def test_a_caller_may_name_his_conversations(tmp_path: Path) -> None:
    async def work(gateway: Voices) -> None:
        first = await gateway.ask({"model": "auto", "messages": turns()}, **{"x-baton-session-id": "mine"})
        assert first.headers["x-baton-model"] == FRONTIER
        later = {"model": "auto", "messages": [OPENING[0], {"role": "user", "content": "hello"}]}
        decision = await gateway.decision(await gateway.ask(later | {"baton": {"session_id": "mine"}}))
        assert decision["session"]["id"] == "mine"
        assert decision["session"]["model"] == FRONTIER
        decision = await gateway.decision(await gateway.ask(later | {"baton": {"session_id": "other"}}))
        assert decision["session"] is None

    talk(tmp_path, work)


def test_keys_do_not_share_conversations(tmp_path: Path) -> None:
    keys = tuple(KeyConfig(name, Secret(f"key-{name}")) for name in ("a", "b"))

    async def work(gateway: Voices) -> None:
        for name in ("a", "b"):
            headers = {"authorization": f"Bearer key-{name}"}
            answer = await gateway.ask({"model": "auto", "messages": turns("fine", "go on")}, **headers)
            assert (await gateway.decision(answer, **headers))["session"] is None
            answer = await gateway.ask({"model": "auto", "messages": turns("fine", "go on")}, **headers)
            assert (await gateway.decision(answer, **headers))["session"]["model"] == MID

    talk(tmp_path, work, keys=keys)


def test_a_dry_run_sees_the_conversation_and_moves_nothing(tmp_path: Path) -> None:
    later = {"model": "auto", "messages": turns("fine", "and then?")}

    async def work(gateway: Voices) -> None:
        assert (await gateway.ask(later, "/v1/baton/route")).json()["model"] == MID
        await gateway.ask({"model": "auto", "messages": turns()})
        for _ in range(2):
            decision = (await gateway.ask(later, "/v1/baton/route")).json()
            assert (decision["model"], decision["session"]["steps"]) == (FRONTIER, 1)

    talk(tmp_path, work)


def test_switched_off_every_request_is_decided_for_itself(tmp_path: Path) -> None:
    async def work(gateway: Voices) -> None:
        await gateway.ask({"model": "auto", "messages": turns()})
        second = await gateway.ask({"model": "auto", "messages": turns("fine", "and then?")})
        assert second.headers["x-baton-model"] == MID

    talk(tmp_path, work, state=StateConfig(sessions_ttl_s=0))


def test_a_call_on_the_side_goes_to_the_cheapest_and_moves_nothing(tmp_path: Path) -> None:
    side = [{"role": "system", "content": "You are a title generator."}, {"role": "user", "content": "analyze this"}]

    async def work(gateway: Voices) -> None:
        answer = await gateway.ask({"model": "auto", "messages": side, "baton": {"session_id": "s"}})
        assert answer.headers["x-baton-model"] == MID
        assert "title call" in answer.headers["x-baton-reason"]
        later = await gateway.decision(
            await gateway.ask({"model": "auto", "messages": turns("fine", "go on"), "baton": {"session_id": "s"}})
        )
        assert later["session"] is None

    talk(tmp_path, work)


def test_another_replica_knows_the_conversation(tmp_path: Path) -> None:
    with RedisServer() as redis:
        state = StateConfig(redis_url=Secret(redis.url))

        async def begins(gateway: Voices) -> None:
            answer = await gateway.ask({"model": "auto", "messages": turns()})
            assert answer.headers["x-baton-model"] == FRONTIER

        async def goes_on(gateway: Voices) -> None:
            answer = await gateway.ask({"model": "auto", "messages": turns("fine", "and then?")})
            assert (await gateway.decision(answer))["session"]["model"] == FRONTIER

        for name, work in (("one", begins), ("two", goes_on)):
            (tmp_path / name).mkdir()
            talk(tmp_path / name, work, state=state)
