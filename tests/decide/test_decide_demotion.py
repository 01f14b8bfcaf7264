"""A demoted model is passed over for its task type, with the reason, and what it was certified for is void."""

from msgspec.structs import replace

from baton.decide.demotion import under
from baton.decide.policy import Policy
from baton.types.decision import Decision, PolicySnapshot
from baton.types.demotion import Demotion
from baton.types.request import Caller, Facts, Request, Wish
from tests.decide.fleet import snapshot
from tests.decide.test_decide_arms import certificate

DOWN = (Demotion("classification", "sim/nano", "its residual monitor alarmed"),)


def decided(known: PolicySnapshot, task_type: str = "classification", model: str = "auto") -> Decision:
    facts = Facts(user_text="x", text_bytes=100)
    request = Request("openai-chat", model, stream=False, members={}, wish=Wish(task_type=task_type), facts=facts)
    return Policy(known).decide(request, Caller(), "d1")


def test_a_demoted_model_serves_its_task_type_no_more_and_others_as_before() -> None:
    known = snapshot()
    assert decided(known).model == "sim/local"
    down = (*DOWN, Demotion("classification", "sim/local", "by hand"))
    decision = decided(under(known, down))
    assert decision.model == "sim/code"
    told = {one.model: one.detail for one in decision.excluded if one.reason == "demoted"}
    assert told == {"sim/nano": "its residual monitor alarmed", "sim/local": "by hand"}
    assert decided(under(known, down), "code").model == decided(known, "code").model


def test_who_asks_for_it_by_name_still_gets_it() -> None:
    assert decided(under(snapshot(), DOWN), model="sim/nano").model == "sim/nano"


def test_the_reference_is_never_passed_over() -> None:
    down = (Demotion("analysis", "sim/frontier", "it fell"),)
    assert decided(under(snapshot(), down), "analysis").model == "sim/frontier"


def test_certificates_that_name_it_are_void_and_the_next_certified_rung_serves() -> None:
    nano = certificate(task_type="classification", rung="sim/nano", models={"sim/nano": "x", "sim/frontier": "y"})
    mid = certificate(task_type="classification", rung="sim/mid", models={"sim/mid": "x", "sim/frontier": "y"})
    whole = replace(nano, serves="policy", rung="auto", models={"auto": "policy 1"})
    known = replace(snapshot(), mode="certified", certificates=(nano, mid, whole))
    assert (decided(known).model, decided(known).proof) == ("sim/local", whole.name)  # as the rules say
    assert decided(replace(known, certificates=(nano, mid))).model == "sim/nano"
    fallen = under(known, DOWN)
    assert fallen.certificates == (mid,)
    decision = decided(fallen)
    assert (decision.model, decision.proof) == ("sim/mid", mid.name)
