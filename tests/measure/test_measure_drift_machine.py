"""The loop is exact whatever happens to it, in any order."""

import math
from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from baton.measure.drift.events import Began, Configured, Event, Observed, Order, Ordered, Paired, Ticked, Watch
from baton.measure.drift.machine import alpha_of, step
from baton.measure.drift.state import LoopState, Rules, Subject, key_of
from baton.types.watch import Transition

RULES = Rules(hold_s=100.0, test_pairs=400, baseline=50)
TYPE, REFERENCE, RUNG = "code", "big", "small"
START = 1_000_000.0


def watches(floor: float | None = 0.9, identity: str = "small 1", **changes: Any) -> tuple[Watch, ...]:
    small = Watch(TYPE, RUNG, False, 0.9, identity, floor)
    return (Watch(TYPE, REFERENCE, True, 0.9, "big 1", floor), msgspec.structs.replace(small, **changes))


class Loop:
    """The machine with its log."""

    def __init__(self, threshold: float = 100.0, **changes: Any) -> None:
        self.state = LoopState()
        self.log: list[Transition] = []
        self.threshold = threshold
        self.tell(Configured(START, watches(**changes), threshold))

    def tell(self, event: Event) -> None:
        found = step(self.state, event, RULES)
        self.log += found.transitions
        self.state = found.state

    def restart(self) -> None:
        self.state = msgspec.json.decode(msgspec.json.encode(self.state), type=LoopState)

    def subject(self, model: str = RUNG) -> Subject:
        return self.state.subjects[key_of(TYPE, model)]

    def grades(self, value: float, n: int, at: float, model: str = RUNG) -> None:
        for _ in range(n):
            self.tell(Observed(at, TYPE, model, "residual", value, at))

    def pairs(self, candidate: float, n: int, at: float) -> None:
        for _ in range(n):
            self.tell(Paired(at, TYPE, RUNG, 1.0, candidate, at))


def test_a_drop_demotes_at_once_and_a_new_pass_brings_it_back() -> None:
    loop = Loop()
    loop.grades(1.0, 50, START + 1)
    assert loop.subject().state == "watched"
    loop.grades(0.0, 60, START + 2)
    assert loop.subject().state == "suspended"
    assert [(one.model, "residual" in one.reason) for one in loop.state.demotions()] == [(RUNG, True)]
    fell = loop.log[-1]
    assert (fell.before, fell.after, fell.detail["monitor"]) == ("watched", "suspended", "residual")
    loop.tell(Ticked(START + 50))
    assert loop.subject().state == "suspended"
    loop.tell(Ticked(START + 103))
    assert loop.subject().state == "testing"
    assert loop.state.demotions()
    loop.pairs(1.0, 400, START + 110)
    assert loop.subject().state == "watched"
    assert loop.state.demotions() == ()
    assert loop.log[-1].detail["verdict"] == "adequate"


def test_a_failed_test_holds_again_and_the_next_one_has_less_alpha() -> None:
    loop = Loop()
    loop.tell(Ordered(START + 1, "demote", TYPE, RUNG, "eva"))
    loop.tell(Ticked(START + 1_000))
    assert loop.subject().state == "suspended", "an operator keeps it down"
    loop.tell(Ordered(START + 1_001, "retest", TYPE, RUNG, "eva"))
    loop.pairs(0.0, 200, START + 1_002)
    assert (loop.subject().state, loop.subject().hold_s) == ("suspended", RULES.hold_s)
    loop.tell(Ticked(START + 1_200))
    test = loop.subject().test
    assert test is not None
    assert math.isclose(test.guarantee.alpha, alpha_of(2, 0.05))
    assert sum(alpha_of(k, 0.05) for k in range(1, 10_000)) <= 0.05


def test_an_alarm_of_the_reference_freezes_promotions_until_somebody_has_seen_it() -> None:
    loop = Loop()
    loop.tell(Ordered(START + 1, "demote", TYPE, RUNG, "eva"))
    loop.tell(Ordered(START + 2, "retest", TYPE, RUNG, "eva"))
    loop.grades(0.0, 60, START + 3, REFERENCE)
    assert loop.subject(REFERENCE).state == "alarmed"
    loop.pairs(1.0, 400, START + 4)
    assert loop.subject().state == "suspended"
    assert "reference is alarmed" in loop.subject().reason
    loop.tell(Ticked(START + 500))
    assert loop.subject().state == "suspended"
    loop.tell(Ordered(START + 501, "ack", TYPE, "", "eva"))
    loop.tell(Ticked(START + 502))
    assert (loop.subject(REFERENCE).state, loop.subject().state) == ("watched", "testing")


def test_clock_jumps_neither_end_a_hold_nor_stop_the_watching() -> None:
    loop = Loop()
    loop.grades(0.0, 60, START + 1)
    rules = msgspec.structs.replace(RULES, hold_s=86_400.0)
    loop.state.subjects[key_of(TYPE, RUNG)] = msgspec.structs.replace(loop.subject(), hold_s=rules.hold_s)
    for at in (START + 1e8, START - 1e8, START + 1e8):
        found = step(loop.state, Ticked(at), rules)
        loop.state = found.state
    assert loop.subject().hold_s == 86_400.0 - 2 * rules.most_step_s
    loop.tell(Ordered(START, "promote", TYPE, RUNG, "eva"))
    loop.tell(Ticked(START - 5_000))
    loop.grades(0.0, 60, START - 4_999)
    assert loop.subject().state == "suspended", "grades after a clock was set back count"


def test_grades_of_answers_from_before_a_promotion_say_nothing_of_it() -> None:
    loop = Loop()
    loop.tell(Ordered(START + 10, "demote", TYPE, RUNG, "eva"))
    loop.tell(Ordered(START + 20, "promote", TYPE, RUNG, "eva"))
    for _ in range(200):
        loop.tell(Observed(START + 30, TYPE, RUNG, "residual", 0.0, asked_at=START + 15))
    assert loop.subject().monitors["residual"].n == 0


def test_a_model_that_leaves_the_config_and_comes_back_is_still_suspended() -> None:
    loop = Loop()
    loop.grades(0.0, 60, START + 1)
    loop.tell(Configured(START + 2, watches()[:1], 100.0))
    assert loop.state.demotions() == ()
    loop.tell(Ticked(START + 1_000))
    assert loop.subject().state == "suspended", "nobody can be tested who is not there"
    loop.tell(Configured(START + 1_001, watches(), 100.0))
    assert [one.model for one in loop.state.demotions()] == [RUNG]
    assert [one.after for one in loop.log[-2:]] == ["gone", "returned"]


def test_an_uncertified_model_of_the_safe_mode_begins_below_and_earns_its_way() -> None:
    loop = Loop(certified=False)
    assert loop.subject().state == "suspended"
    loop.tell(Ticked(START + 1))
    loop.pairs(1.0, 400, START + 2)
    assert loop.subject().state == "watched"


def test_a_floor_is_learnt_where_none_is_told() -> None:
    loop = Loop(floor=None)
    loop.grades(1.0, 49, START + 1)
    assert loop.subject().floor is None
    loop.grades(0.0, 1, START + 1)
    assert 0.85 < (loop.subject().floor or 0.0) < 0.98
    floor = loop.subject().floor
    loop.tell(Configured(START + 2, watches(None), 100.0))
    assert loop.subject().floor == floor, "a config that tells none does not take it away"
    loop.grades(0.0, 60, START + 2)
    assert loop.subject().state == "suspended"


ALLOWED = {
    ("", "watched"), ("", "suspended"), ("watched", "suspended"), ("suspended", "testing"), ("testing", "suspended"),
    ("testing", "watched"), ("suspended", "watched"), ("watched", "alarmed"), ("alarmed", "watched"),
    ("alarmed", "suspended"), ("watched", "watched"), ("suspended", "suspended"),
}  # fmt: skip
MARKS = {"gone", "returned", "changed", "acknowledged"}
grades = st.sampled_from([0.0, 1.0])
models = st.sampled_from([REFERENCE, RUNG, "nobody"])


class Life(RuleBasedStateMachine):
    """Any events, in any order, at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = Loop()
        self.at = START
        self.present = True
        self.by_hand_up = 0

    def tell(self, event: Event) -> None:
        before = len(self.loop.log)
        was = self.loop.state
        self.loop.tell(event)
        for one in self.loop.log[before:]:
            assert one.reason
            if one.after not in MARKS:
                assert (one.before, one.after) in ALLOWED
            if (one.before, one.after) in {("testing", "watched"), ("suspended", "watched")} and one.model == RUNG:
                by_hand = isinstance(event, Ordered) and event.order == "promote"
                passed = one.detail.get("verdict") == "adequate" and one.before == "testing"
                assert by_hand or (passed and not was.frozen(TYPE))
        for key, subject in self.loop.state.subjects.items():
            old = was.subjects.get(key)
            if old is not None and old.state != subject.state:
                written = [log for log in self.loop.log[before:] if log.model == subject.model]
                assert [(log.before, log.after) for log in written] == [(old.state, subject.state)]

    @rule(value=grades, n=st.integers(1, 60), model=models, late=st.booleans())
    def graded(self, value: float, n: int, model: str, *, late: bool) -> None:
        for _ in range(n):
            asked = START - 1 if late else self.at
            self.tell(Observed(self.at, TYPE, model, "residual", value, asked))

    @rule(value=grades, n=st.sampled_from([1, 20, 150]), model=models)
    def paired(self, value: float, n: int, model: str) -> None:
        for _ in range(n):
            self.tell(Paired(self.at, TYPE, model, 1.0, value, self.at))

    @rule(seconds=st.sampled_from([1.0, 30.0, 200.0, 1e9, -1e9]))
    def time(self, seconds: float) -> None:
        self.at = max(1.0, self.at + seconds)
        self.tell(Ticked(self.at))

    @rule(order=st.sampled_from(["ack", "retest", "demote", "promote"]), model=st.sampled_from([REFERENCE, RUNG, ""]))
    def ordered(self, order: Order, model: str) -> None:
        self.tell(Ordered(self.at, order, TYPE, model, "eva"))

    @rule(
        there=st.booleans(), identity=st.sampled_from(["small 1", "small 2"]), threshold=st.sampled_from([100.0, 1e4])
    )
    def configured(self, identity: str, threshold: float, *, there: bool) -> None:
        self.tell(Configured(self.at, watches(identity=identity)[: 2 if there else 1], threshold))

    @rule(times=st.integers(1, 2))
    def taken_over(self, times: int) -> None:
        self.loop.restart()
        for _ in range(times):
            self.tell(Began(self.at, "another"))

    @invariant()
    def exact(self) -> None:
        state = self.loop.state
        reference, rung = self.loop.subject(REFERENCE), self.loop.subject()
        assert reference.state in {"watched", "alarmed"}
        assert rung.state in {"watched", "suspended", "testing"}
        assert (rung.test is not None) == (rung.state == "testing")
        assert {one.model for one in state.demotions()} == ({RUNG} if rung.demoted and rung.present else set())
        assert 0.0 <= rung.hold_s <= RULES.hold_s
        assert reference.since <= state.last_at
        assert rung.since <= state.last_at
        if rung.state == "watched":
            assert not any(rung.monitors[kind].alarmed for kind in ("guarantee", "residual") if kind in rung.monitors)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
