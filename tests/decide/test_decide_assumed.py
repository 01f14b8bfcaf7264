"""What a tier lets assume of a model that nobody graded, beside models that were."""

import pytest
from msgspec.structs import replace

from baton.decide.policy import Policy
from baton.types.learned import Cell, Learned, QualityTable
from baton.types.request import Caller, Facts, Request, Wish
from baton.types.task import TaskType
from tests.decide.fleet import snapshot

NANO, MID, FRONTIER, LOCAL = "sim/nano", "sim/mid", "sim/frontier", "sim/local"


def qualities(**graded: float) -> tuple[str, dict[str, float]]:
    """The reference of a type without a configured one, and what each model is thought to be worth on it."""
    cells = {"other": {f"sim/{name}": Cell(2_000, quality) for name, quality in graded.items()}}
    known = replace(snapshot(), task_types={"other": TaskType("other")}, learned=Learned(1, 2_000, QualityTable(cells)))
    asked = Request("openai-chat", "auto", False, {}, Wish(), Facts(user_text="say something", text_bytes=400))
    policy = Policy(known)
    found = {one.model: one.quality for one in policy.decide(asked, Caller(), "d").candidates}
    return policy.reference_of("other").id, found


@pytest.mark.parametrize(("nano", "frontier"), [(0.62, 0.83), (0.96, 0.98)], ids=["hard", "easy"])
def test_no_model_that_nobody_graded_becomes_the_reference_by_its_tier(nano: float, frontier: float) -> None:
    reference, found = qualities(nano=nano, frontier=frontier)
    assert reference == FRONTIER
    assert found[LOCAL] < found[NANO] < found[MID] < found[FRONTIER]


def test_above_all_that_was_graded_a_dearer_tier_is_still_thought_better() -> None:
    reference, found = qualities(nano=0.7)
    assert reference == FRONTIER
    assert found[NANO] < found[MID] < found[FRONTIER] <= 1.0
