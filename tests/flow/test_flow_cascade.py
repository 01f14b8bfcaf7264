"""A cascade gives one answer, the first that convinces; every call is recorded and paid for once."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from sqlalchemy import text

from baton.config.schema import KeyConfig
from baton.flow.answer_checks import Judgement, Question
from baton.record.database import reading
from baton.testing.upstream import Step, event_stream, http_answer
from baton.types.cascade import CascadePlan, CascadeStep
from baton.types.decision import PolicySnapshot
from baton.types.money import Usage
from baton.types.secret import Secret
from baton.types.spend import Spent
from baton.types.task import Match, Route, RouteCache, TaskType
from tests.decide.fleet import snapshot
from tests.flow.voices import USAGE, Says, Voices, voices

NANO, MID, FRONTIER = "sim/nano", "sim/mid", "sim/frontier"
REFUSAL = "I'm sorry, but I can't help with that."
PATHS = {"openai-chat": "/v1/chat/completions", "anthropic": "/v1/messages", "openai-responses": "/v1/responses"}
SCHEMA = {"type": "object", "properties": {"label": {"enum": ["a", "b"]}}, "required": ["label"]}


def plan(*arms: str, quorum: int = 1, checks: tuple[str, ...] = (), **more: Any) -> CascadePlan:
    steps = tuple(CascadeStep(arm, checks, quorum) for arm in arms or (NANO,))
    return CascadePlan("classification", steps, FRONTIER, **({"share_kept": 0.9} | more))


def known(used: CascadePlan, *routes: Route) -> PolicySnapshot:
    first = TaskType(
        "classification", rule=NANO, cascade=used, match=(Match(patterns=(r"\bclassify\b",)),), reference=FRONTIER
    )
    found = snapshot(*routes)
    cards = {
        id_: msgspec.structs.replace(card, capabilities=found.cards[FRONTIER].capabilities)
        for id_, card in found.cards.items()
    }
    return msgspec.structs.replace(found, cards=cards, task_types=found.task_types | {"classification": first})


def body(dialect: str = "openai-chat", *, stream: bool = False, **more: Any) -> dict[str, Any]:
    text = "classify: my parcel is late"
    if dialect == "openai-responses":
        return {"model": "auto", "input": text, "stream": stream, **more}
    return {
        "model": "auto",
        "messages": [{"role": "user", "content": text}],
        "stream": stream,
        "max_tokens": 99,
        **more,
    }


def cost(*models: str) -> float:
    cards = snapshot().cards
    return sum(cards[model].price.cost(Usage(*USAGE)) for model in models) / 1e9


def attempts(gateway: Voices) -> list[str]:
    """What the ledger knows of calls, in their order."""
    gateway.house.ledger.flush()
    with reading(gateway.house.ledger.path) as connection:
        return [model for (model,) in connection.execute(text("SELECT model FROM attempts ORDER BY number")).all()]


def cascade(
    tmp_path: Path,
    said: dict[str, Says],
    work: Callable[[Voices], Awaitable[None]],
    used: CascadePlan | None = None,
    *routes: Route,
    **more: Any,
) -> None:
    async def run() -> None:
        async with voices(tmp_path, lambda model, _: said[model], known(used or plan(), *routes), **more) as gateway:
            await work(gateway)

    asyncio.run(run())


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "held"])
@pytest.mark.parametrize("dialect", PATHS)
def test_an_answer_that_convinces_is_given_and_nobody_else_asked(tmp_path: Path, dialect: str, stream: bool) -> None:
    async def work(gateway: Voices) -> None:
        answer = await gateway.ask(body(dialect, stream=stream), PATHS[dialect])
        assert answer.status_code == 200, answer.text
        assert answer.text.count("delivery") >= 1
        assert gateway.asked() == ["nano"]
        assert answer.headers["x-baton-model"] == NANO
        assert answer.headers["x-baton-cascade"] == NANO
        assert "x-baton-unchecked" not in answer.headers
        assert float(answer.headers["x-baton-cost-usd"]) == pytest.approx(cost(NANO))
        assert ("x-baton-held-s" in answer.headers) == stream

    cascade(tmp_path, {"nano": "delivery"}, work, plan(hold=True))


@pytest.mark.parametrize("way", ["generateContent", "streamGenerateContent?alt=sse"])
@pytest.mark.parametrize("nano", ["delivery", REFUSAL])
def test_gemini_callers_get_one_answer_too(tmp_path: Path, way: str, nano: str) -> None:
    async def work(gateway: Voices) -> None:
        asked = {"contents": [{"role": "user", "parts": [{"text": "classify: my parcel is late"}]}]}
        answer = await gateway.ask(asked, f"/v1beta/models/auto:{way}")
        assert answer.status_code == 200, answer.text
        assert answer.headers["x-baton-model"] == (NANO if nano == "delivery" else FRONTIER)
        assert answer.text.count("delivery") == 1
        assert '"STOP"' in answer.text

    cascade(tmp_path, {"nano": nano, "frontier": "delivery"}, work, plan(hold=True))


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "held"])
@pytest.mark.parametrize("dialect", PATHS)
def test_one_that_fails_a_check_is_never_seen_and_the_stronger_model_answers(
    tmp_path: Path, dialect: str, stream: bool
) -> None:
    async def work(gateway: Voices) -> None:
        answer = await gateway.ask(body(dialect, stream=stream), PATHS[dialect])
        assert answer.status_code == 200, answer.text
        assert "sorry" not in answer.text
        assert "delivery" in answer.text
        assert gateway.asked() == ["nano", "frontier"]
        assert answer.headers["x-baton-model"] == FRONTIER
        assert answer.headers["x-baton-cascade"].startswith(f"{NANO} failed refusal")
        decision = await gateway.decision(answer)
        assert [one["model"] for one in decision["cascade"]] == [NANO, FRONTIER]
        assert decision["upgraded"] == "cascade"
        assert attempts(gateway) == [NANO, FRONTIER]

    cascade(tmp_path, {"nano": REFUSAL, "frontier": "delivery"}, work, plan(hold=True))


FAILS: dict[str, tuple[Says, dict[str, Any], str]] = {
    "empty": ({"content": "   "}, {}, "empty"),
    "cut": ({"content": "deliv", "finish_reason": "length"}, {}, "cut"),
    "filter": ({"content": "deliv", "finish_reason": "content_filter"}, {}, "refusal"),
    "own refusal": ({"content": None, "refusal": "I will not"}, {}, "refusal"),
    "shape": (
        '{"label": "c"}',
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}},
        "shape",
    ),
    "no json": ("label: a", {"response_format": {"type": "json_object"}}, "shape"),
    "exact": ("delivery", {"baton": {"checks": [{"type": "exact", "gold": ["billing"]}]}}, "exact"),
    "format": ("one two three", {"baton": {"checks": [{"type": "format", "max_words": 2}]}}, "format"),
    "numeric": ("41", {"baton": {"checks": [{"type": "numeric", "gold": 42}]}}, "numeric"),
    "tools": (
        {
            "content": None,
            "finish_reason": "tool_calls",
            "tool_calls": [{"id": "t", "type": "function", "function": {"name": "rm", "arguments": "{}"}}],
        },
        {"tools": [{"type": "function", "function": {"name": "label", "parameters": SCHEMA}}]},
        "tools",
    ),
}


@pytest.mark.parametrize("case", FAILS)
def test_what_fails_which_check(tmp_path: Path, case: str) -> None:
    said, more, check = FAILS[case]

    async def work(gateway: Voices) -> None:
        answer = await gateway.ask(body(**more))
        assert answer.status_code == 200, answer.text
        assert answer.headers["x-baton-cascade"].startswith(f"{NANO} failed {check}"), answer.headers
        assert float(answer.headers["x-baton-cost-usd"]) == pytest.approx(cost(NANO, FRONTIER))

    cascade(tmp_path, {"nano": said, "frontier": "anything"}, work)


def test_whoever_allows_a_word_gets_a_word(tmp_path: Path) -> None:
    async def work(gateway: Voices) -> None:
        answer = await gateway.ask(body() | {"max_tokens": 1})
        assert answer.headers["x-baton-cascade"] == NANO

    cascade(tmp_path, {"nano": {"content": "delivery", "finish_reason": "length"}}, work)


def test_tests_that_the_caller_brings_are_run_where_the_step_says_so(tmp_path: Path) -> None:
    tests: dict[str, Any] = {"baton": {"checks": [{"type": "executes", "tests": ["assert double(2) == 4"]}]}}

    async def work(gateway: Voices) -> None:
        answer = await gateway.ask(body(**tests))
        assert answer.headers["x-baton-cascade"] == f"{NANO} failed executes, {MID}"
        assert "x * 2" in answer.text

    said: dict[str, Says] = {"nano": "def double(x): return x + 3", "mid": "def double(x): return x * 2"}
    cascade(tmp_path, said, work, plan(NANO, MID, checks=("executes",)))


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "held"])
@pytest.mark.parametrize(("logprob", "given"), [(-0.1, NANO), (-2.0, FRONTIER)])
def test_an_unsure_answer_escalates_and_no_log_probability_is_seen(
    tmp_path: Path, logprob: float, given: str, stream: bool
) -> None:
    async def work(gateway: Voices) -> None:
        answer = await gateway.ask(body(stream=stream))
        assert gateway.bodies()[0]["logprobs"] is True
        assert "logprobs" not in gateway.bodies()[-1] or given == NANO
        assert answer.headers["x-baton-model"] == given
        assert str(logprob) not in answer.text

    nano = {"content": "delivery", "logprobs": {"content": [{"token": "delivery", "logprob": logprob}]}}
    cascade(tmp_path, {"nano": nano, "frontier": "delivery"}, work, plan(min_logprob=-1.0, hold=True))


def test_a_caller_who_asks_for_log_probabilities_gets_them(tmp_path: Path) -> None:
    async def work(gateway: Voices) -> None:
        answer = await gateway.ask(body(logprobs=True))
        assert answer.json()["choices"][0]["logprobs"]["content"][0]["logprob"] == -0.1

    nano = {"content": "delivery", "logprobs": {"content": [{"token": "delivery", "logprob": -0.1}]}}
    cascade(tmp_path, {"nano": nano}, work, plan(min_logprob=-1.0))


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "held"])
@pytest.mark.parametrize(
    ("nano", "mid", "given", "told"),
    [
        ("Category: delivery", "delivery", NANO, f"{NANO}, {MID}"),
        ("billing", "delivery", FRONTIER, f"{NANO} failed rederives, {MID} failed rederives, {FRONTIER}"),
        (REFUSAL, "delivery", FRONTIER, f"{NANO} failed refusal, {FRONTIER}"),
    ],
)
def test_two_cheap_models_must_agree(tmp_path: Path, nano: str, mid: str, given: str, told: str, stream: bool) -> None:
    async def work(gateway: Voices) -> None:
        answer = await gateway.ask(body(stream=stream))
        assert answer.headers["x-baton-model"] == given
        if not (stream and given == FRONTIER):
            assert answer.headers["x-baton-cascade"] == told
            asked = [f"sim/{model}" for model in gateway.asked()]
            assert float(answer.headers.get("x-baton-cost-usd", cost(*asked))) == pytest.approx(cost(*asked))
        decision = await gateway.decision(answer)
        assert attempts(gateway) == [f"sim/{model}" for model in gateway.asked()]
        given_ones = [one["model"] for one in decision["cascade"] if one["given"]]
        assert given_ones == [given]

    said: dict[str, Says] = {"nano": nano, "mid": mid, "frontier": "delivery"}
    cascade(tmp_path, said, work, plan(NANO, MID, quorum=2, hold=True))


def test_a_stream_goes_straight_up_unless_the_route_holds(tmp_path: Path) -> None:
    async def work(gateway: Voices) -> None:
        answer = await gateway.ask(body(stream=True))
        assert gateway.asked() == ["frontier"]
        assert answer.headers["x-baton-model"] == FRONTIER
        assert "stream would have to be held" in answer.headers["x-baton-reason"]
        assert "x-baton-held-s" not in answer.headers

    cascade(tmp_path, {"frontier": "delivery"}, work)


def test_a_concrete_model_is_asked_alone(tmp_path: Path) -> None:
    async def work(gateway: Voices) -> None:
        answer = await gateway.ask(body() | {"model": NANO})
        assert gateway.asked() == ["nano"]
        assert "sorry" in answer.text
        assert "x-baton-cascade" not in answer.headers

    cascade(tmp_path, {"nano": REFUSAL}, work)


def test_the_last_rung_is_believed_but_marked(tmp_path: Path) -> None:
    async def work(gateway: Voices) -> None:
        answer = await gateway.ask(body())
        assert "sorry" in answer.text
        assert answer.headers["x-baton-unchecked"].startswith("refusal")

    cascade(tmp_path, {"nano": REFUSAL, "frontier": REFUSAL}, work)


BROKEN = http_answer(500, b'{"error": {"message": "down"}}')


def test_a_cheap_model_that_fails_costs_the_caller_nothing_but_the_escalation(tmp_path: Path) -> None:
    async def work(gateway: Voices) -> None:
        answer = await gateway.ask(body())
        assert answer.headers["x-baton-cascade"] == f"{NANO} failed fault, {FRONTIER}"
        assert "delivery" in answer.text

    cascade(tmp_path, {"nano": BROKEN, "frontier": "delivery"}, work)


def test_where_everybody_above_fails_what_is_there_is_given_and_marked(tmp_path: Path) -> None:
    async def work(gateway: Voices) -> None:
        answer = await gateway.ask(body())
        assert answer.status_code == 200
        assert "sorry" in answer.text
        assert answer.headers["x-baton-unchecked"].startswith("refusal")
        assert answer.headers["x-baton-model"] == NANO
        assert gateway.asked()[:2] == ["nano", "frontier"]

    rest = dict.fromkeys(("frontier", "mid", "code", "local"), BROKEN)
    cascade(tmp_path, {"nano": REFUSAL, **rest}, work)


def test_where_nobody_answers_the_fault_is_told(tmp_path: Path) -> None:
    async def work(gateway: Voices) -> None:
        answer = await gateway.ask(body())
        assert answer.status_code == 500
        assert "down" in answer.text

    cascade(tmp_path, dict.fromkeys(("nano", "frontier", "mid", "code", "local"), BROKEN), work)


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


def test_a_judge_is_asked_last_and_paid(tmp_path: Path) -> None:
    async def work(gateway: Voices) -> None:
        seen = []

        async def judge(question: Question) -> Judgement:
            seen.append(question.answer.text)
            return Judgement(passed=False, reason="off the point", cost=1_000_000)

        gateway.house.judges["wise"] = judge
        answer = await gateway.ask(body())
        assert seen == ["billing"]
        assert answer.headers["x-baton-cascade"] == f"{NANO} failed wise, {FRONTIER}"
        assert float(answer.headers["x-baton-cost-usd"]) == pytest.approx(cost(NANO, FRONTIER) + 0.001)

    cascade(tmp_path, {"nano": "billing", "frontier": "delivery"}, work, plan(checks=("wise",)))


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


def test_checks_that_could_stall_the_gateway_are_not_taken(tmp_path: Path) -> None:
    async def work(gateway: Voices) -> None:
        for check in (
            {"type": "format", "pattern": "(a+)+b"},
            {"type": "executes", "tests": ["1"], "timeout_s": 3600},
            {"type": "unheard", "of": 1},
        ):
            answer = await gateway.ask(body(baton={"checks": [check]}))
            assert answer.status_code == 400
            assert "checks" in answer.text
        assert gateway.asked() == []

    cascade(tmp_path, {}, work)


def test_several_answers_at_once_are_asked_of_the_stronger_model(tmp_path: Path) -> None:
    async def work(gateway: Voices) -> None:
        answer = await gateway.ask(body(n=2))
        assert gateway.asked() == ["frontier"]
        assert answer.status_code == 200

    cascade(tmp_path, {"frontier": "delivery"}, work)


def test_a_judge_that_is_not_there_lets_nothing_through(tmp_path: Path) -> None:
    async def work(gateway: Voices) -> None:
        answer = await gateway.ask(body())
        assert answer.headers["x-baton-cascade"] == f"{NANO} failed nobody, {FRONTIER}"
        gateway.house.ledger.flush()
        metrics = gateway.house.metrics().decode()
        assert f'baton_cascade_answers_total{{arm="{NANO}",outcome="nobody",task_type="classification"}} 1.0' in metrics

    cascade(tmp_path, {"nano": "delivery", "frontier": "delivery"}, work, plan(checks=("nobody",)))


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
