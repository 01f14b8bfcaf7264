"""What follows a fault: somebody healthy at once, the same one after a while, or nobody."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.call.retry import RetryBudget, Situation, next_step
from baton.call.verdict import BY_REASON, Verdict, retry_after_s, verdict_on, whole_seconds
from baton.types.errors import (
    MalformedBody,
    Overloaded,
    Reason,
    ToolArgumentsInvalid,
    ToolCallNotOffered,
    UpstreamAway,
    UpstreamCut,
    UpstreamEmpty,
    UpstreamFault,
    UpstreamMalformed,
    UpstreamNotJson,
    UpstreamRefused,
    UpstreamReported,
    UpstreamStalled,
    UpstreamStatus,
    UpstreamTimeout,
    UsageImpossible,
)
from baton.types.reliability import Reliability

POLICY = Reliability(attempts=2, backoff_s=0.5, retry_after_cap_s=10.0)
BROKEN = Verdict("broken", "anywhere")
ALONE = Situation(BROKEN, sent=True, attempts=1, peers=False, rungs=False, away_s=0.0, left_s=100.0)


def step(at: Situation, policy: Reliability = POLICY, saved: int = 5) -> tuple[str, float]:
    found = next_step(at, policy, RetryBudget(0.2, saved), lambda: 0.5)
    return found.move, found.wait_s


def situation(**changes: object) -> Situation:
    values = {name: getattr(ALONE, name) for name in ALONE.__struct_fields__}
    return Situation(**(values | changes))


def test_a_healthy_peer_comes_before_another_model_and_at_once() -> None:
    assert step(situation(peers=True, rungs=True, away_s=7.0)) == ("deployment", 0.0)
    assert step(situation(rungs=True, away_s=7.0)) == ("rung", 0.0)


def test_alone_it_waits_with_jitter_and_for_as_long_as_it_was_asked() -> None:
    assert step(ALONE) == ("here", 0.5)
    assert step(situation(attempts=2), Reliability(attempts=3, backoff_s=0.5)) == ("here", 1.0)
    assert step(situation(away_s=7.0)) == ("here", 7.5)
    assert next_step(ALONE, POLICY, RetryBudget(1, 5), lambda: 0.0).wait_s == 0.0


def test_it_does_not_wait_beyond_the_cap_or_the_deadline() -> None:
    assert step(situation(away_s=10.1))[0] == "give_up"
    assert step(situation(left_s=0.4))[0] == "give_up"


@pytest.mark.parametrize(("peers", "rungs"), list(itertools.product([True, False], repeat=2)))
def test_the_attempts_of_a_request_are_capped_wherever_they_go(*, peers: bool, rungs: bool) -> None:
    assert step(situation(attempts=2, peers=peers, rungs=rungs))[0] == "give_up"


def test_a_request_that_is_wrong_is_wrong_everywhere() -> None:
    for verdict in (BY_REASON[""], BY_REASON["content_filter"]):
        assert step(situation(verdict=verdict, peers=True, rungs=True))[0] == "give_up"


def test_what_is_too_long_goes_to_another_model_only() -> None:
    too_long = BY_REASON["context_length"]
    assert step(situation(verdict=too_long, peers=True, rungs=True))[0] == "rung"
    assert step(situation(verdict=too_long, peers=True))[0] == "give_up"


def test_a_refused_key_is_not_tried_again() -> None:
    assert step(situation(verdict=BY_REASON["key"]))[0] == "give_up"
    assert step(situation(verdict=BY_REASON["key"], peers=True))[0] == "deployment"


def test_retries_are_at_most_their_share_of_requests_over_time() -> None:
    budget = RetryBudget(0.2, 10)
    retried = 0
    for _ in range(1_000):
        budget.earn()
        retried += next_step(situation(rungs=True), POLICY, budget, lambda: 0.5).move == "rung"
    assert 200 <= retried <= 210
    assert budget.refused == 1_000 - retried


def test_moving_on_without_a_call_costs_no_retry() -> None:
    budget = RetryBudget(0.0, 1)
    at = situation(verdict=Verdict("none", "rungs"), sent=False, attempts=0, rungs=True)
    assert [next_step(at, POLICY, budget, lambda: 0.5).move for _ in range(3)] == ["rung"] * 3
    assert next_step(situation(rungs=True), POLICY, budget, lambda: 0.5).move == "give_up"


@given(
    verdict=st.sampled_from(list(BY_REASON.values())), sent=st.booleans(), attempts=st.integers(0, 4),
    peers=st.booleans(), rungs=st.booleans(), away=st.floats(0, 1e6), left=st.floats(-5, 1e6), dice=st.floats(0, 1),
)  # fmt: skip
def test_a_step_never_breaks_a_limit(
    *, verdict: Verdict, sent: bool, attempts: int, peers: bool, rungs: bool, away: float, left: float, dice: float
) -> None:
    at = Situation(verdict, sent, attempts, peers, rungs, away, left)
    found = next_step(at, POLICY, RetryBudget(0.2, 1), lambda: dice)
    assert found.move == "give_up" or attempts < POLICY.attempts
    assert found.move != "deployment" or peers
    assert found.move != "rung" or rungs
    assert found.wait_s == 0 or (found.move == "here" and found.wait_s < left)
    assert found.wait_s <= POLICY.retry_after_cap_s + 2 * POLICY.backoff_s * 2**attempts


# --- verdicts ----------------------------------------------------------------------------------


def status(reason: Reason, code: int = 500) -> UpstreamStatus:
    fault = UpstreamStatus("x", model="m", provider="p", upstream_status=code, body=b"")
    fault.reason = reason
    return fault


@pytest.mark.parametrize(
    "kind",
    [
        UpstreamRefused, UpstreamTimeout, UpstreamStalled, UpstreamNotJson, UpstreamMalformed, UpstreamEmpty,
        UpstreamCut, UpstreamFault,
    ],
)  # fmt: skip
def test_what_a_deployment_breaks_counts_against_it(kind: type[UpstreamFault]) -> None:
    assert verdict_on(kind("x")) == BROKEN


@pytest.mark.parametrize(
    ("reason", "blame"),
    [
        ("", "none"), ("content_filter", "none"), ("context_length", "none"), ("rate_limit", "busy"),
        ("overloaded", "broken"), ("provider", "broken"), ("timeout", "broken"), ("key", "broken"),
        ("quota", "broken"), ("model", "broken"),
    ],
)  # fmt: skip
def test_a_status_is_blamed_by_its_reason(reason: Reason, blame: str) -> None:
    assert verdict_on(status(reason)).blame == blame


def test_what_is_not_the_upstreams_fault_counts_against_nobody() -> None:
    away = UpstreamAway("x", model="m", provider="p")
    for error in (MalformedBody("x"), Overloaded("x"), UsageImpossible("x"), away):
        assert verdict_on(error).blame == "none"


def test_a_call_that_was_not_offered_is_asked_for_again_but_opens_no_breaker() -> None:
    for error in (ToolCallNotOffered("x"), ToolArgumentsInvalid("x")):
        assert verdict_on(error) == Verdict("none", "anywhere")


def test_an_error_inside_a_stream_without_a_reason_is_judged_by_its_status() -> None:
    for code, blame in ((429, "busy"), (502, "broken"), (400, "none")):
        fault = UpstreamReported("x", model="m", provider="p", upstream_status=code, body=b"")
        fault.status = code
        assert verdict_on(fault).blame == blame


@given(st.text(max_size=40), st.floats(0, 4e9))
def test_no_retry_after_can_do_harm(text: str, now: float) -> None:
    found = retry_after_s(text, now)
    assert found is None or 0 <= found <= 86_400
    assert whole_seconds(found) is None or str(whole_seconds(found)).isdecimal()


def test_dates_are_relative_to_now() -> None:
    assert retry_after_s("Thu, 01 Jan 1970 00:01:40 GMT", 90.0) == 10.0
    assert retry_after_s("Thu, 01 Jan 1970 00:01:40 -0000", 90.0) == 10.0
    assert retry_after_s("Thu, 01 Jan 1970 00:01:40 GMT", 200.0) == 0.0
