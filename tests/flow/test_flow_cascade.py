"""A cascade gives one answer, the first that convinces; every call is recorded and paid for once."""

from pathlib import Path
from typing import Any

import pytest

from baton.flow.answer_checks import Judgement, Question
from tests.flow.cascading import (
    BROKEN,
    FRONTIER,
    MID,
    NANO,
    PATHS,
    REFUSAL,
    SCHEMA,
    attempts,
    body,
    cascade,
    cost,
    plan,
)  # fmt: skip
from tests.flow.voices import Says, Voices


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
