"""When a cascade is run, when its stronger model is asked alone, and when the choice stands."""

from typing import Any

import msgspec
import pytest

from baton.decide.policy import Policy
from baton.types.cascade import CascadePlan, CascadeStep
from baton.types.decision import Decision, PolicySnapshot
from baton.types.learned import Learned, QualityTable
from baton.types.money import usd_text
from baton.types.request import Caller, Facts, Request, Wish
from baton.types.task import TaskType
from tests.decide.fleet import snapshot
from tests.decide.test_decide_arms import certificate

LOCAL, NANO, MID, FRONTIER = "sim/local", "sim/nano", "sim/mid", "sim/frontier"
ANYTHING = Wish()


def plan(**more: Any) -> CascadePlan:
    fields = {"share_kept": 0.8, **more}
    return CascadePlan("other", (CascadeStep(NANO),), FRONTIER, **fields)


def known(rule: str, used: CascadePlan | None = None, measured: CascadePlan | None = None) -> PolicySnapshot:
    other = TaskType("other", rule=rule, cascade=used, reference=FRONTIER)
    learned = None if measured is None else Learned(1, 100, QualityTable({}), cascades={"other": measured})
    return msgspec.structs.replace(snapshot(), task_types={"other": other}, learned=learned)


def decided(found: PolicySnapshot, *, stream: bool = False, model: str = "auto", wish: Wish = ANYTHING) -> Decision:
    facts = Facts(user_text="say something", text_bytes=400)
    return Policy(found).decide(Request("openai-chat", model, stream, {}, wish, facts), Caller(), "d")


@pytest.mark.parametrize("rule", [NANO, FRONTIER, MID])
def test_it_replaces_the_choice_of_its_own_arms_and_what_costs_more(rule: str) -> None:
    decision = decided(known(rule, plan()))
    expected = plan() if rule != MID else None
    assert decision.plan == expected
    assert decision.model == (NANO if expected else MID)
    assert ("cascade over sim/nano, else sim/frontier" in decision.reason) == (expected is not None)


def test_a_cheaper_choice_stands() -> None:
    assert decided(known(LOCAL, plan())).model == LOCAL


@pytest.mark.parametrize("reason", ["stream", "does not pay", "auto:quality"])
def test_where_it_is_not_run_the_stronger_model_answers(reason: str) -> None:
    used = plan(share_kept=0.001) if reason == "does not pay" else plan()
    model = "auto:quality" if reason == "auto:quality" else "auto"
    decision = decided(known(NANO, used), stream=reason == "stream", model=model)
    assert (decision.model, decision.plan) == (FRONTIER, None)


def test_one_that_was_measured_below_the_floor_is_not_run() -> None:
    assert decided(known(NANO, plan(n=500, low=0.9))).plan is None
    assert decided(known(NANO, plan(n=500, low=0.96))).plan is not None


def test_who_may_not_be_asked_is_no_step() -> None:
    allowed = Wish(models=(MID, FRONTIER))
    assert decided(known(FRONTIER, plan()), wish=allowed).plan is None


def test_a_measured_road_stands_in_for_no_rule() -> None:
    measured = plan(n=500, low=0.97)
    assert decided(known("policy", measured=measured)).plan == measured
    assert decided(known("frontier", measured=measured)).plan is None
    own = plan(share_kept=0.7)
    assert decided(known("policy", own, measured)).plan == own


def test_a_model_that_was_named_is_asked_alone() -> None:
    assert decided(known(NANO, plan()), model=NANO).plan is None


def test_the_expected_cost_is_that_of_the_whole_road() -> None:
    alone, tried = decided(known(FRONTIER)).expected_cost, decided(known(NANO)).expected_cost
    assert decided(known(FRONTIER, plan())).expected_cost == round(tried + 0.2 * alone)


@pytest.mark.parametrize("steps", [(NANO,), (NANO, MID)])
def test_what_would_have_flipped_it_would_have(steps: tuple[str, ...]) -> None:
    used = msgspec.structs.replace(plan(), steps=tuple(CascadeStep(arm) for arm in steps))
    road = decided(known(NANO, used)).counterfactual
    assert road is not None
    assert road.flips_when is not None
    turning = float(road.flips_when.split()[2])
    for share, model in ((turning - 0.002, FRONTIER), (turning + 0.002, NANO)):
        decision = decided(known(NANO, msgspec.structs.replace(used, share_kept=share)))
        assert decision.model == model
    assert road.runner_up == FRONTIER


def test_the_sentence_names_the_cost_of_the_whole_cascade() -> None:
    decision = decided(known(NANO, plan()))
    first = next(one.cost for one in decision.candidates if one.model == NANO)
    assert decision.expected_cost > first
    assert f"expected ${usd_text(decision.expected_cost)}" in decision.reason


def test_where_it_is_not_run_it_is_said_who_would_have_been_asked() -> None:
    road = decided(known(NANO, plan()), stream=True).counterfactual
    assert road is not None
    assert (road.runner_up, road.flips_when) == (NANO, "a cascade that can be run")


@pytest.mark.parametrize(("threshold", "steps"), [(0.0001, (NANO,)), (0.9999, (NANO, MID))])
def test_no_step_is_asked_beyond_the_gate_that_it_is_proven_behind(threshold: float, steps: tuple[str, ...]) -> None:
    gated = msgspec.structs.replace(
        certificate(task_type="other", rung=MID), serves="gate", thresholds={"difficulty": threshold}
    )
    used = msgspec.structs.replace(plan(), steps=(CascadeStep(NANO), CascadeStep(MID)))
    certified = msgspec.structs.replace(
        known(NANO, used), mode="certified", certificates=(certificate(task_type="other", rung=NANO), gated)
    )
    decision = decided(certified)
    assert decision.difficulty is not None
    assert decision.plan is not None
    assert tuple(step.arm for step in decision.plan.steps) == steps
