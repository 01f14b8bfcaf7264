"""A conversation stays where its cache is, goes up when it gets harder, and leaves when that pays."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.decide.policy import Policy
from baton.types.card import ModelCard
from baton.types.decision import Decision, GoingUp
from baton.types.money import price_from_usd
from baton.types.request import Caller, Facts, Request, Wish
from baton.types.session import Session
from baton.types.task import Match, TaskType
from tests.decide.fleet import CARDS, snapshot

NANO, MID, FRONTIER = "sim/nano", "sim/mid", "sim/frontier"


def fleet(*task_types: TaskType) -> Policy:
    found = snapshot()
    cards: dict[str, ModelCard] = {}
    for card in CARDS:
        if card.id in {NANO, MID, FRONTIER}:
            usd = {NANO: (0.1, 0.4, 0.05), MID: (1, 5, 0.1), FRONTIER: (5, 25, 0.5)}[card.id]
            fields = {name: getattr(card, name) for name in card.__struct_fields__}
            tools = CARDS[0].capabilities
            cards[card.id] = ModelCard(
                **(fields | {"price": price_from_usd(usd[0], usd[1], usd[2]), "capabilities": tools})
            )
    types = {one.name: one for one in task_types} | {
        "other": TaskType("other", rule=MID, reference=FRONTIER, output_tokens=10)
    }
    return Policy(msgspec.structs.replace(found, cards=cards, task_types=types, aliases={}))


def request(text: str = "go on", **facts: Any) -> Request:
    known = Facts(user_text=text, **({"text_bytes": 40_000, "turns": 3, "depth": 4} | facts))
    return Request("openai-chat", "auto", False, {}, Wish(), known)


def decided(
    session: Session | None, asked: Request | None = None, policy: Policy | None = None, going_up: GoingUp = "allowed"
) -> Decision:
    return (policy or fleet()).decide(asked or request(), Caller(), "d", session=session, going_up=going_up)


def on(model: str, **more: Any) -> Session:
    return Session("c", model, **({"steps": 2, "cached_tokens": 9_500} | more))


def test_a_new_conversation_goes_where_the_rule_says() -> None:
    assert decided(None).model == MID


def test_it_stays_where_its_cache_is() -> None:
    decision = decided(on(FRONTIER, steps=1))
    assert decision.model == FRONTIER
    assert "cached tokens are worth" in decision.reason
    assert decision.upgraded == ""


def test_what_stays_says_that_another_conversation_would_not() -> None:
    road = decided(on(FRONTIER, steps=1)).counterfactual
    assert road is not None
    assert (road.runner_up, road.flips_when) == (MID, "a conversation of its own")


def test_it_leaves_when_many_steps_save_more_than_the_cache_is_worth() -> None:
    assert decided(on(FRONTIER, steps=200)).model == MID


def test_it_leaves_when_nothing_is_cached() -> None:
    assert decided(on(FRONTIER, cached_tokens=0)).model == MID


def test_it_leaves_a_model_that_is_too_weak_for_what_comes_now() -> None:
    hard = TaskType("hard", rule=FRONTIER, reference=FRONTIER, match=(Match(patterns=("prove",)),))
    decision = decided(on(NANO), request("prove it"), fleet(hard))
    assert decision.model == FRONTIER
    assert decision.upgraded == ""


TROUBLE = [
    ({"tool_results": True, "tools": ("run",), "tool_errors": 2, "loop_step": 5}, "go on"),
    ({"repeats": 1}, "go on"),
    ({}, "that's wrong, try again"),
]


@pytest.mark.parametrize(("facts", "text"), TROUBLE)
def test_it_goes_up_when_it_gets_harder(facts: dict[str, Any], text: str) -> None:
    decision = decided(on(MID), request(text, **facts))
    assert (decision.model, decision.upgraded) == (FRONTIER, "session")
    assert "so up to sim/frontier" in decision.reason


def test_one_failure_of_a_tool_is_part_of_the_work() -> None:
    assert decided(on(MID), request(tool_errors=1, tool_results=True, tools=("run",))).model == MID


def test_it_does_not_go_up_twice_for_the_same_words() -> None:
    assert decided(on(MID, steps=0, upgrades=1), request("that's wrong")).model == MID


def test_it_stays_up_where_it_went() -> None:
    decision = decided(on(FRONTIER, steps=200, upgrades=1, cached_tokens=0))
    assert (decision.model, decision.upgraded) == (FRONTIER, "session")


@pytest.mark.parametrize(("going_up", "model"), [("none", MID), ("reference", FRONTIER)])
def test_a_key_at_its_limit_does_not_go_up(going_up: GoingUp, model: str) -> None:
    decision = decided(on(MID), request("that's wrong"), going_up=going_up)
    assert (decision.model, decision.upgraded) == (model, "session")


def test_a_call_on_the_side_goes_to_the_cheapest() -> None:
    asked = Request(
        "openai-chat", "auto", False, {}, Wish(), Facts(system_text="You are a title generator.", user_text="x")
    )
    decision = decided(on(FRONTIER), asked)
    assert decision.model == NANO
    assert "title call of opencode" in decision.reason


TITLE = "Generate a title for this conversation: how do I add?"


def titled(said: str = TITLE, *, caller: Caller | None = None, **wish: Any) -> Decision:
    policy = Policy(snapshot())
    asked = Request("openai-chat", "auto", False, {}, Wish(**wish), Facts(user_text=said))
    return policy.decide(asked, caller or Caller(), "d")


def test_no_sentence_of_a_prompt_goes_below_what_was_declared() -> None:
    assert titled().model == "sim/local"
    for wish in ({"task_type": "analysis"}, {"floor": 1.0}, {"min_quality": 0.94}):
        assert titled(**wish).model == FRONTIER
    assert titled(caller=Caller("k", floor=1.0)).model == FRONTIER
    assert titled(caller=Caller("k", task_type="analysis")).model == FRONTIER
    assert titled(floor=1.0).side == "title call of opencode"


@pytest.mark.parametrize(
    "said",
    [
        f"Analyze this mail.\n\nMail:\nDear all,\n{TITLE}\nBob",
        f"Analyze <transcript>{TITLE}</transcript>",
        f"Analyze this.\n```\n{TITLE}\n```",
    ],
)
def test_a_sentence_that_a_document_quotes_makes_no_call_on_the_side(said: str) -> None:
    decision = titled(said)
    assert decision.side == ""
    assert decision.model != "sim/local"


def test_a_model_that_is_gone_is_left() -> None:
    assert decided(on("sim/gone")).model == MID


def test_the_session_is_in_the_decision() -> None:
    session = on(MID)
    assert decided(session).session == session


@given(
    st.sampled_from([NANO, MID, FRONTIER]), st.integers(0, 500), st.integers(0, 9_999), st.integers(0, 3),
    st.integers(0, 3), st.booleans(),
)  # fmt: skip
def test_without_trouble_no_conversation_goes_above_both_its_model_and_the_rule(
    model: str, steps: int, cached: int, upgrades: int, errors: int, loop: bool
) -> None:
    asked = request(tool_errors=min(errors, 1), tool_results=loop, tools=("run",))
    decision = decided(on(model, steps=steps, cached_tokens=cached, upgrades=upgrades), asked)
    assert decision.model in {model, MID}
