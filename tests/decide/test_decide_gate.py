"""What is too hard for the rung that was chosen goes up to the next one that meets the floor, within the key's limit."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from baton.decide.policy import Policy
from baton.protocol.request import read_request
from baton.types.decision import Decision, GoingUp
from baton.types.request import Caller
from baton.types.task import Route

from .fleet import snapshot

EASY = "classify this: late"
HARD = "classify this: " + ", ".join(
    f"the {one} of the {two} came before its {three}"
    for one, two, three in zip(
        "invoice parcel refund voucher customs dispute warranty".split(),  # noqa: SIM905
        "carrier merchant bank broker lawyer insurer depot".split(),  # noqa: SIM905
        "summer winter monday harbour signature deadline appeal".split(),  # noqa: SIM905
        strict=True,
    )
)


def policy(gate: float | None, *routes: Route, **cards: Any) -> Policy:
    given = snapshot(*routes)
    types = given.task_types | {"classification": replace(given.task_types["classification"], gate=gate)}
    known = given.cards | {name: replace(given.cards[name], **fields) for name, fields in cards.items()}
    return Policy(replace(given, task_types=types, cards=known))


def decide(of: Policy, prompt: str, going_up: GoingUp = "allowed", **members: Any) -> Decision:
    body = {"model": "auto", "messages": [{"role": "user", "content": prompt}], **members}
    return of.decide(read_request("openai-chat", msgspec.json.encode(body), {}), Caller(), "d1", going_up=going_up)


def test_difficulty_stands_in_every_decision_that_chooses() -> None:
    easy, hard = (decide(policy(None), prompt) for prompt in (EASY, HARD))
    assert easy.difficulty is not None
    assert hard.difficulty is not None
    assert easy.difficulty < 0.4 < hard.difficulty
    assert easy.model == hard.model == "sim/local"


def test_a_hard_request_goes_up_and_an_easy_one_stays() -> None:
    gated = policy(0.4)
    easy, hard = decide(gated, EASY), decide(gated, HARD)
    assert (easy.model, easy.upgraded) == ("sim/local", "")
    assert (hard.model, hard.upgraded) == ("sim/frontier", "gate")
    assert "is above the gate 0.40, so up from sim/local to sim/frontier" in hard.reason
    road = hard.counterfactual
    assert road is not None
    assert (road.runner_up, str(road.flips_when)[:8]) == ("sim/local", "the gate")


def test_it_goes_to_the_next_rung_that_meets_the_floor_and_not_further() -> None:
    hard = decide(policy(0.4, **{"sim/mid": {"quality": {"classification": 0.94}}}), HARD)
    assert hard.model == "sim/mid"


def test_what_would_have_kept_it_down_is_solved_for() -> None:
    hard = decide(policy(0.4), HARD)
    assert hard.counterfactual is not None
    turning = float(str(hard.counterfactual.flips_when).split()[3])
    assert decide(policy(turning + 1e-4), HARD).model == "sim/local"
    assert decide(policy(turning - 1e-4), HARD).model == "sim/frontier"


def test_a_route_may_open_the_gate() -> None:
    assert decide(policy(0.4, Route("open", model=("auto",), gate=1.0)), HARD).model == "sim/local"


@pytest.mark.parametrize(("going_up", "model"), [("none", "sim/local"), ("reference", "sim/frontier")])
def test_a_key_that_has_used_up_its_limit_is_told_so(going_up: GoingUp, model: str) -> None:
    hard = decide(policy(0.4), HARD, going_up)
    assert (hard.model, hard.upgraded) == (model, "gate")
    assert "this key may" in hard.reason


def test_where_nothing_better_is_eligible_it_stays() -> None:
    hard = decide(policy(0.4), HARD, baton={"models": ["sim/local"]})
    assert (hard.model, hard.upgraded) == ("sim/local", "")


def test_look_alike_letters_and_invisible_characters_move_nothing() -> None:
    gated = policy(0.4)
    disguised = HARD.replace("a", "а").replace("e", "е").replace("he", "h\u200be")
    assert decide(gated, disguised).difficulty == decide(gated, HARD).difficulty
