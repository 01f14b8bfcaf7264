"""What was learned of words may send requests up, but no more of them than a key's limit lets."""

from msgspec.structs import replace

from baton.decide.escalation import BURST
from baton.decide.features import READING, SURFACE
from baton.decide.policy import Policy
from baton.flow.arrival import Arrival
from baton.flow.escalation import Escalations
from baton.flow.run import Run
from baton.types.decision import Decision, GoingUp, PolicySnapshot
from baton.types.learned import Cell, Learned, Line, QualityTable, Residual
from baton.types.request import Caller, Facts, Request, Wish
from baton.types.task import EscalationLimit, OnCap, TaskType
from tests.decide.fleet import snapshot

NANO, MID, FRONTIER = "sim/nano", "sim/mid", "sim/frontier"
REQUESTS = 40


def residual(loss: float) -> Residual:
    """By which the cheap model does worse by `loss` than on its type, whatever a prompt says."""
    return Residual(
        features=READING, reference=FRONTIER, models=(NANO,), cheap=NANO, bits=1, weights=bytes(2), scales=(1.0,),
        surface=((0.0,) * len(SURFACE),), intercepts=(0.0,), trim=0.0, deviation=(Line(0.0, loss),), deviation_in={},
        worse=((0.0, 0.5),), lengths=(0, 10_000), unseen=1.0, foreign=1.0, seen=b"\xff",
    )  # fmt: skip


def learned_fleet(loss: float = 0.5, on_cap: OnCap = "cheap") -> PolicySnapshot:
    cells = {"other": {NANO: Cell(1_000, 0.94), MID: Cell(1_000, 0.95), FRONTIER: Cell(1_000, 0.96)}}
    other = TaskType(
        "other", reference=FRONTIER, ladder=(NANO, MID, FRONTIER), escalation=EscalationLimit(0, 50, on_cap)
    )
    return replace(
        snapshot(), task_types={"other": other}, learned=Learned(1, 3_000, QualityTable(cells), residual(loss))
    )


def decided(policy: Policy, going_up: GoingUp = "allowed") -> Decision:
    asked = Request("openai-chat", "auto", False, {}, Wish(), Facts(user_text="say something", text_bytes=400))
    return policy.decide(asked, Caller("k"), "d", going_up=going_up)


def test_a_prompt_that_is_too_hard_for_the_cheap_model_goes_up_and_counts_as_such() -> None:
    easy, hard = decided(Policy(learned_fleet(0.0))), decided(Policy(learned_fleet()))
    assert (easy.model, easy.upgraded) == (NANO, "")
    assert (hard.model, hard.upgraded) == (MID, "prompt")


def test_at_the_limit_the_table_alone_decides_or_the_reference_answers() -> None:
    policy = Policy(learned_fleet())
    stays = decided(policy, "none")
    assert (stays.model, stays.upgraded) == (NANO, "prompt")
    assert "may not go up" in stays.reason
    assert decided(policy, "reference").model == FRONTIER


def test_a_key_goes_up_no_more_often_than_it_may() -> None:
    known = learned_fleet()
    policy, escalations = Policy(known), Escalations(known, lambda *_, **__: None)
    up = 0
    for _ in range(REQUESTS):
        run = Run("r", Arrival("openai-chat", b"", {}, Caller("k")), 0.0, lambda: 0.0)
        up += escalations.decided(run, decided(policy)) == "allowed"
    assert up == BURST
