"""Steps of reasoning effort, safety floors and certificates: what may stand for choice, and what is said of it."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from baton.decide.policy import Policy
from baton.protocol.request import read_request
from baton.types.card import EffortArm
from baton.types.certificate import Certificate
from baton.types.decision import Decision, PolicySnapshot
from baton.types.errors import NoEligibleModel
from baton.types.learned import Cell, Learned, QualityTable
from baton.types.request import Caller
from baton.types.session import Session

from .fleet import snapshot

LOW = EffortArm("low", output_factor=0.25, quality={"analysis": 0.94})
MINIMAL = EffortArm("minimal", output_factor=0.1)


def with_efforts(**changes: Any) -> PolicySnapshot:
    """The frontier model of the fleet can be asked to think less; of `minimal` nothing is known."""
    given = snapshot()
    frontier = replace(given.cards["sim/frontier"], efforts={"low": LOW, "minimal": MINIMAL})
    types = given.task_types | {name: replace(given.task_types[name], **fields) for name, fields in changes.items()}
    return replace(given, cards=given.cards | {frontier.id: frontier}, task_types=types)


def decide(policy: Policy, prompt: str = "hello", **members: Any) -> Decision:
    body = {"model": "auto", "messages": [{"role": "user", "content": prompt}], **members}
    return policy.decide(read_request("openai-chat", msgspec.json.encode(body), {}), Caller(), "d1")


def test_the_same_model_thinking_less_is_a_cheaper_rung() -> None:
    decision = decide(Policy(with_efforts()), "analyse this", baton={"lambda": 5.0})
    assert (decision.model, decision.effort) == ("sim/frontier", "low")
    whole = next(one for one in decision.candidates if one.model == "sim/frontier" and not one.effort)
    assert decision.expected_cost < whole.cost
    assert "sim/frontier@low" in decision.reason


def test_a_step_that_nothing_is_known_of_is_taken_only_where_it_is_named() -> None:
    assert decide(Policy(with_efforts()), "hello", baton={"lambda": 1e6, "floor": 1.0}).effort == ""
    named = Policy(with_efforts(other={"rule": "sim/frontier@minimal"}))
    assert decide(named).effort == "minimal"
    rung = Policy(with_efforts(other={"rule": "policy", "ladder": ("sim/frontier@minimal", "sim/frontier")}))
    assert decide(rung).effort == "minimal"
    assert {one.model for one in decide(rung).candidates} == {"sim/frontier"}


@pytest.mark.parametrize("own", ["low", "high"])
def test_who_sets_the_effort_himself_is_not_overruled(own: str) -> None:
    decision = decide(Policy(with_efforts()), "analyse this", reasoning_effort=own, baton={"lambda": 5.0})
    assert decision.effort == ""
    assert not any(one.effort for one in decision.candidates)


@pytest.mark.parametrize(
    ("lowest", "out"),
    [
        ("mid", {"sim/nano", "sim/local"}),
        ("sim/frontier", {"sim/mid", "sim/code", "sim/nano", "sim/local"}),
        ("local", set()),
    ],
)
def test_nothing_below_the_safety_floor_ever_serves(lowest: str, out: set[str]) -> None:
    policy = Policy(with_efforts(classification={"never_below": lowest}))
    decision = decide(policy, "classify this", baton={"lambda": 1e6, "floor": 0.0})
    assert {one.model for one in decision.excluded if one.reason == "safety_floor"} == out
    assert decision.model not in out


def test_a_ladder_orders_the_safety_floor_before_tiers_do() -> None:
    ladder = ("sim/frontier", "sim/nano", "sim/mid")
    policy = Policy(with_efforts(classification={"never_below": "sim/nano", "ladder": ladder}))
    left_out = {one.model: one.reason for one in decide(policy, "classify this").excluded}
    assert left_out["sim/frontier"] == "safety_floor"
    assert "sim/mid" not in left_out


def certificate(rung: str, rho: float = 0.95, **more: Any) -> Certificate:
    fields: dict[str, Any] = {
        "task_type": "classification", "rung": rung, "reference": "sim/frontier", "rho": rho, "delta": 0.05, "n": 400,
        "estimate": 1.0, "bound": 0.96, "cost_per_task": 1.0, "reference_cost_per_task": 9.0, "grader": "exact",
        "models": {rung: rung}, "prompt_set": "sha256:0", "grades": "sha256:1", "order_seed": 1, "date": "2026-11-24",
    }  # fmt: skip
    return Certificate(**fields | more)


def test_with_proof_asked_for_only_certified_rungs_serve_beside_the_reference() -> None:
    proven = replace(with_efforts(), mode="certified", certificates=(certificate("sim/nano"),))
    decision = decide(Policy(proven), "classify this")
    assert decision.model == "sim/nano"
    assert decision.proof.startswith("classification/sim/nano@")
    assert decision.candidates[0].evidence == "certified"
    assert {one.reason for one in decision.excluded} == {"uncertified"}
    assert decide(Policy(proven), "analyse this").model == "sim/frontier"


def test_a_certificate_for_less_than_the_floor_carries_nothing() -> None:
    weak = replace(with_efforts(), mode="certified", certificates=(certificate("sim/nano", rho=0.9),))
    assert decide(Policy(weak), "classify this").model == "sim/frontier"
    assert decide(Policy(weak), "classify this", baton={"floor": 0.9, "lambda": 10.0}).model == "sim/nano"


def test_without_certificates_rules_decide_and_nothing_is_called_proven() -> None:
    decision = decide(Policy(with_efforts()), "classify this")
    assert (decision.model, decision.proof) == ("sim/local", "none")


def test_with_proof_asked_for_and_the_reference_left_out_nobody_serves() -> None:
    proven = replace(with_efforts(), mode="certified")
    with pytest.raises(NoEligibleModel, match=r"no certificate for 'classification' at floor 0\.95"):
        decide(Policy(proven), "classify this", baton={"models": ["sim/nano", "sim/local"]})


def learned(**cells: dict[str, Cell]) -> PolicySnapshot:
    return replace(with_efforts(), learned=Learned(1, 400, QualityTable(cells)))


def test_graded_answers_replace_what_a_tier_lets_assume() -> None:
    policy = Policy(learned(classification={"sim/frontier": Cell(400, 0.9), "sim/nano": Cell(400, 0.89)}))
    decision = decide(policy, "classify this", baton={"lambda": 10.0})
    assert decision.model == "sim/nano"
    by_model = {one.model: one for one in decision.candidates if not one.effort}
    assert by_model["sim/nano"].evidence == "measured"
    assert by_model["sim/nano"].meets_floor
    assert by_model["sim/mid"].evidence == "assumed"


def test_a_measured_length_of_answers_is_what_is_paid_for() -> None:
    long = learned(classification={"sim/nano": Cell(400, 0.89, output_tokens=4_000.0)})
    short = learned(classification={"sim/nano": Cell(400, 0.89, output_tokens=10.0)})
    prices = [
        next(one.cost for one in decide(Policy(one), "classify this").candidates if one.model == "sim/nano")
        for one in (long, short)
    ]
    assert prices[0] > 50 * prices[1]


def test_a_proven_gate_sends_to_the_reference_what_it_does_not_hold_for() -> None:
    gate = certificate("sim/nano", serves="gate", thresholds={"difficulty": 0.3})
    proven = Policy(replace(with_efforts(), mode="certified", certificates=(gate,)))
    assert decide(proven, "classify this: late").model == "sim/nano"
    many = ", ".join(
        f"the {word} of the house" for word in ["door", "roof", "wall", "lamp", "stair", "cellar", "garden"]
    )
    hard = decide(proven, f"classify this: {many}")
    assert (hard.model, hard.upgraded) == ("sim/frontier", "gate")
    body = {"model": "auto", "messages": [{"role": "user", "content": f"classify this: {many}"}]}
    on_nano = Session("c1", "sim/nano", steps=9, cached_tokens=900_000)
    kept = proven.decide(read_request("openai-chat", msgspec.json.encode(body), {}), Caller(), "d", session=on_nano)
    assert kept.model == "sim/frontier"
    untold = decide(proven, "classify this code: ```python\nx = 1\n```")
    assert untold.difficulty is None
    assert untold.model == "sim/frontier"


def test_who_is_behind_a_proven_gate_does_not_serve_beyond_it_where_the_reference_cannot() -> None:
    gate = certificate("sim/nano", serves="gate", thresholds={"difficulty": 0.3})
    hard = "classify this code: ```python\nx = 1\n```"
    only_nano = {"models": ["sim/nano", "sim/mid"]}
    proven = Policy(replace(with_efforts(), mode="certified", certificates=(gate,)))
    assert decide(proven, "classify this: late", baton=only_nano).model == "sim/nano"
    with pytest.raises(NoEligibleModel, match=r"too hard for classification/sim/nano@\w+, and its reference"):
        decide(proven, hard, baton=only_nano)
    both = Policy(replace(with_efforts(), mode="certified", certificates=(gate, certificate("sim/mid"))))
    assert decide(both, hard, baton=only_nano).model == "sim/mid"


def test_a_whole_policy_is_carried_as_long_as_nothing_else_is_asked_for() -> None:
    whole = certificate("auto", serves="policy")
    proven = Policy(replace(with_efforts(), mode="certified", certificates=(whole,)))
    decided = decide(proven, "classify this")
    by_rules = decide(Policy(with_efforts()), "classify this")
    assert (decided.model, decided.proof) == (by_rules.model, whole.name)
    asked = decide(proven, "classify this", baton={"floor": 0.96})
    assert (asked.model, asked.proof) == ("sim/frontier", "none")


def test_a_least_quality_needs_a_certificate_that_names_it() -> None:
    for promised, model in ((None, "sim/frontier"), (0.7, "sim/frontier"), (0.8, "sim/nano")):
        one = certificate("sim/nano", min_quality=promised)
        proven = Policy(replace(with_efforts(), mode="certified", certificates=(one,)))
        assert decide(proven, "classify this", baton={"min_quality": 0.8, "lambda": 1_000.0}).model == model


def test_what_is_proven_as_a_whole_carries_no_rung_alone() -> None:
    whole = certificate("sim/nano", serves="cascade", thresholds={"score": 0.5})
    proven = Policy(replace(with_efforts(), mode="certified", certificates=(whole,)))
    assert decide(proven, "classify this").model == "sim/frontier"
