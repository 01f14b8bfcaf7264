"""The loop as a pure function: state and event in, state and transitions out. No clock but that of the events.

    watched --alarm--> suspended --hold over--> testing --adequate--> watched
                           ^--degrades, or no verdict---'
    a reference: watched --alarm--> alarmed --ack--> watched; meanwhile nothing of its task type is promoted

Alpha of a model is spent over its re-tests, 6 alpha / (pi^2 k^2) for the k-th: over its whole life it is promoted
wrongly with probability at most alpha, however often it is tested.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from baton.measure.drift.events import (
    ALARMING,
    Began,
    Configured,
    Event,
    MonitorKind,
    Observed,
    Ordered,
    Paired,
    Ticked,
    Watch,
)
from baton.measure.drift.state import LoopState, Rules, Subject, key_of
from baton.stats.cause import Alarms, cause
from baton.stats.drift import (
    Monitor,
    absolute_monitor,
    baseline_floor,
    canary_monitor,
    guarantee_monitor,
    residual_monitor,
)
from baton.stats.guarantee import Guarantee, Pair, open_test
from baton.types.watch import SubjectState, Transition

LEAST_FLOOR, MOST_FLOOR = 0.01, 0.99


class Step(NamedTuple):
    state: LoopState
    transitions: tuple[Transition, ...]


class _Change(Struct, frozen=True):
    """A subject after something, and what is to be written of it; empty reason: its state has not changed."""

    subject: Subject
    reason: str = ""
    detail: dict[str, Any] = {}
    told: str = ""
    """In place of the new state, where the state stays and something is to be written all the same."""


def step(state: LoopState, event: Event, rules: Rules) -> Step:
    """Every event may come late, twice, or out of order: it then changes nothing that it should not."""
    state = _later(state, event.at, rules)
    match event:
        case Configured():
            return _configured(state, event, rules)
        case Observed():
            return _on(state, event.task_type, event.model, lambda one: _observed(one, event, state, rules))
        case Paired():
            return _on(state, event.task_type, event.model, lambda one: _paired(one, event, state, rules))
        case Ticked():
            return _ticked(state, rules)
        case Began():
            return _each(state, lambda one: _began(one, event, state))
        case Ordered():
            return _ordered(state, event, rules)


def alpha_of(attempt: int, alpha: float) -> float:
    """Of the k-th test, k from 1; they sum to alpha."""
    return 6 * alpha / (math.pi * attempt) ** 2


# --- time ------------------------------------------------------------------------------------------


def _later(state: LoopState, at: float, rules: Rules) -> LoopState:
    """Holds run by time that passed: none where the clock was set back, little where it was set forward."""
    passed = min(max(0.0, at - state.last_at), rules.most_step_s) if state.last_at else 0.0
    back = at < state.last_at
    subjects = state.subjects
    if back or (passed and any(one.hold_s for one in subjects.values())):
        subjects = {
            key: replace(one, hold_s=max(0.0, one.hold_s - passed), since=min(one.since, at) if back else one.since)
            for key, one in subjects.items()
        }
    return replace(state, subjects=subjects, last_at=at)


def _ticked(state: LoopState, rules: Rules) -> Step:
    def one(subject: Subject) -> _Change:
        ready = subject.state == "suspended" and subject.present and not subject.by_hand and not subject.reference
        if not ready or subject.hold_s > 0 or state.frozen(subject.task_type):
            return _Change(subject)
        return _tested(subject, state, rules, "its hold is over")

    return _each(state, one)


# --- configs ---------------------------------------------------------------------------------------


def _configured(state: LoopState, event: Configured, rules: Rules) -> Step:
    """Monitors keep what they saw; only those whose model, promise or threshold changed begin anew."""
    state = replace(state, threshold=event.threshold)
    wanted = {key_of(one.task_type, one.model): one for one in event.watches}
    subjects, told = dict(state.subjects), []
    for key, watch in wanted.items():
        change = _watched(subjects.get(key), watch, state, rules)
        if change.reason:
            told.append(_transition(subjects.get(key), change, state))
        subjects[key] = change.subject
    for key, known in subjects.items():
        if key not in wanted and known.present:
            change = _Change(replace(known, present=False), "it is not in the config any more", {}, "gone")
            told.append(_transition(known, change, state))
            subjects[key] = change.subject
    return Step(replace(state, subjects=subjects), tuple(told))


def _watched(known: Subject | None, watch: Watch, state: LoopState, rules: Rules) -> _Change:
    if known is None:
        begins: SubjectState = "watched" if watch.certified or watch.reference else "suspended"
        reason = "watching begins" if begins == "watched" else "it has no certificate: it is compared first"
        one = Subject(
            watch.task_type, watch.model, begins, state.last_at, reason, watch.reference, watch.rho, watch.identity,
            watch.floor,
        )  # fmt: skip
        return _Change(_with_monitors(one, state.threshold), reason)
    floor = known.floor if known.learns or watch.floor is None else watch.floor
    kept = replace(known, reference=watch.reference, rho=watch.rho, identity=watch.identity, floor=floor, present=True)
    if watch.reference != known.reference and (changed := _another_role(known, kept, state, rules)) is not None:
        return changed
    if known.identity != watch.identity or (known.rho != watch.rho and known.state == "testing"):
        return _changed(replace(kept, floor=watch.floor, learns=False), watch, state)
    same = known.floor == floor and known.rho == watch.rho and known.reference == watch.reference
    if not same or any(one.threshold != state.threshold for one in known.monitors.values()):
        kept = _with_monitors(kept, state.threshold, earlier=known.monitors if same else None)
    return _Change(kept) if known.present else _Change(kept, "it is in the config again", {}, "returned")


def _another_role(known: Subject, kept: Subject, state: LoopState, rules: Rules) -> _Change | None:
    """It became the reference, or is it no more."""
    if kept.reference and known.demoted:
        up = replace(kept, state="watched", test=None, since=state.last_at, by_hand=False, hold_s=0.0)
        return _Change(_with_monitors(up, state.threshold), "it is the reference now")
    if not kept.reference and known.state == "alarmed":
        down = replace(kept, state="suspended", hold_s=rules.hold_s, since=state.last_at)
        return _Change(down, "it is not the reference any more, and its quality had fallen")
    return None


def _changed(kept: Subject, watch: Watch, state: LoopState) -> _Change:
    """What was seen of it was seen of another model."""
    told, figures = "the model, its price or its floor has changed in the config", {"identity": watch.identity}
    fresh = _with_monitors(replace(kept, learnt=(), since=state.last_at), state.threshold)
    down = kept.state == "testing" or (kept.state == "watched" and not watch.certified and not watch.reference)
    if not down:
        return _Change(fresh, told, figures, "changed")
    return _Change(replace(fresh, state="suspended", test=None, hold_s=0.0), told, figures)


def _with_monitors(one: Subject, threshold: float, earlier: dict[str, Monitor] | None = None) -> Subject:
    """New monitors, or with `earlier` the same ones with another threshold."""
    if earlier is not None:
        kept = {kind: replace(monitor, threshold=threshold) for kind, monitor in earlier.items()}
        return replace(one, monitors=kept)
    made = {"canary": canary_monitor(threshold), "judge": canary_monitor(threshold)}
    if not one.reference:
        made["guarantee"] = guarantee_monitor(Guarantee(rho=one.rho), threshold)
    if one.floor is not None:
        floor = min(MOST_FLOOR, max(LEAST_FLOOR, one.floor))
        made |= {"residual": residual_monitor(threshold), "absolute": absolute_monitor(floor, threshold)}
    return replace(one, monitors=made)


# --- values ----------------------------------------------------------------------------------------


def _observed(one: Subject, event: Observed, state: LoopState, rules: Rules) -> _Change:
    if one.state != "watched" or event.asked_at < one.since:
        return _Change(one)
    if event.kind in {"residual", "absolute"}:
        if one.floor is None:
            return _Change(_learnt(one, event.value, state.threshold, rules))
        fed = _fed(_fed(one, "absolute", event.value), "residual", event.value - one.floor)
        return _alarmed(fed, state, rules)
    return _alarmed(_fed(one, event.kind, event.value), state, rules)


def _paired(one: Subject, event: Paired, state: LoopState, rules: Rules) -> _Change:
    if event.asked_at < one.since:
        return _Change(one)
    pair = Pair(event.reference, event.candidate)
    if one.state == "watched" and not one.reference:
        return _alarmed(_fed(one, "guarantee", Guarantee(rho=one.rho).gain(pair)), state, rules)
    if one.state != "testing" or one.test is None:
        return _Change(one)
    one = replace(one, test=one.test.after([pair]))
    assert one.test is not None
    verdict = one.test.verdict
    if verdict == "undecided" and one.test.n < one.test.cap:
        return _Change(one)
    figures: dict[str, Any] = {
        "n": one.test.n,
        "alpha": one.test.guarantee.alpha,
        "cap": one.test.cap,
        "rho": one.test.guarantee.rho,
    }
    figures |= {"attempt": one.attempts, "verdict": verdict}
    if verdict == "adequate" and not state.frozen(one.task_type):
        bound = one.test.ratio_bound()
        up = replace(one, state="watched", since=state.last_at, test=None, acked=False)
        return _Change(_with_monitors(up, state.threshold), "it passed a new test", figures | {"bound": bound})
    why = {
        "adequate": "it passed, but the reference is alarmed",
        "degrades": "it failed its test",
        "undecided": "its test ended without a verdict",
    }[verdict]
    down = replace(one, state="suspended", since=state.last_at, test=None, hold_s=rules.hold_s)
    return _Change(down, why, figures)


def _learnt(one: Subject, grade: float, threshold: float, rules: Rules) -> Subject:
    """The first grades say what the model is worth; the promise is their lower bound."""
    learnt = (*one.learnt, grade)
    if len(learnt) < rules.baseline:
        return replace(one, learnt=learnt)
    kept = {kind: one.monitors[kind] for kind in one.monitors}
    whole = _with_monitors(replace(one, floor=baseline_floor(learnt), learnt=()), threshold)
    return replace(whole, monitors=whole.monitors | kept)


def _fed(one: Subject, kind: MonitorKind, value: float) -> Subject:
    monitor = one.monitors.get(kind)
    if monitor is None:
        return one
    return replace(one, monitors=one.monitors | {kind: monitor.after([value])})


def _alarmed(one: Subject, state: LoopState, rules: Rules) -> _Change:
    found = next((kind for kind in ALARMING if kind in one.monitors and one.monitors[kind].alarmed), None)
    if found is None:
        return _Change(one)
    monitor = one.monitors[found]
    why = cause(Alarms(**{kind: monitor.alarmed for kind, monitor in one.monitors.items() if monitor.n}))
    figures = {
        "monitor": found, "e_value": monitor.e_value, "threshold": monitor.threshold, "n": monitor.n, "cause": why,
    }  # fmt: skip
    told = f"its {found} monitor alarmed after {monitor.n} graded tasks (probable cause: {why})"
    after: SubjectState = "alarmed" if one.reference else "suspended"
    down = replace(one, state=after, since=state.last_at, hold_s=rules.hold_s, acked=False)
    return _Change(down, told, figures)


# --- tests and orders --------------------------------------------------------------------------------


def _tested(one: Subject, state: LoopState, rules: Rules, why: str) -> _Change:
    attempt = one.attempts + 1
    alpha = alpha_of(attempt, rules.alpha)
    test = open_test(Guarantee(rho=one.rho, alpha=alpha), cap=rules.test_pairs)
    one = replace(one, state="testing", since=state.last_at, test=test, attempts=attempt, hold_s=0.0)
    return _Change(one, f"{why}: test {attempt} begins", {"attempt": attempt, "alpha": alpha, "cap": test.cap})


def _began(one: Subject, event: Began, state: LoopState) -> _Change:
    """Pairs are written with the state that they made: a test goes on. Nothing else was under way."""
    if one.state != "testing" or one.test is not None:
        return _Change(one)
    one = replace(one, state="suspended", hold_s=0.0, since=state.last_at)
    return _Change(one, f"{event.leader} leads now, and its test is not known")


def _ordered(state: LoopState, event: Ordered, rules: Rules) -> Step:
    if event.order == "ack" and not event.model:
        return _each(state, lambda one: _acked(one, event, state) if one.task_type == event.task_type else _Change(one))
    return _on(state, event.task_type, event.model, lambda one: _by_hand(one, event, state, rules))


def _by_hand(one: Subject, event: Ordered, state: LoopState, rules: Rules) -> _Change:
    now = state.last_at
    match event.order:
        case "ack":
            return _acked(one, event, state)
        case "demote" if not one.reference and not one.by_hand:
            told = f"demoted by {event.by}"
            return _Change(replace(one, state="suspended", since=now, test=None, by_hand=True, hold_s=0.0), told)
        case "promote" if one.demoted:
            up = replace(one, state="watched", since=now, test=None, by_hand=False, hold_s=0.0)
            return _Change(_with_monitors(up, state.threshold), f"promoted by {event.by}, without a test")
        case "retest" if one.state == "suspended" and one.present:
            return _tested(replace(one, by_hand=False), state, rules, f"ordered by {event.by}")
    return _Change(one)


def _acked(one: Subject, event: Ordered, state: LoopState) -> _Change:
    """Of a reference: its quality is what it is now, and a new floor is learnt from it."""
    if one.state == "alarmed":
        told = f"acknowledged by {event.by}"
        back = replace(one, state="watched", since=state.last_at, floor=None, learnt=(), learns=True)
        return _Change(_with_monitors(back, state.threshold), told)
    if one.state == "suspended" and not one.acked:
        return _Change(replace(one, acked=True), f"acknowledged by {event.by}", {}, "acknowledged")
    return _Change(one)


# --- writing down ------------------------------------------------------------------------------------


def _on(state: LoopState, task_type: str, model: str, change: Callable[[Subject], _Change]) -> Step:
    known = state.subjects.get(key_of(task_type, model))
    return Step(state, ()) if known is None else _after(state, [(known, change(known))])


def _each(state: LoopState, change: Callable[[Subject], _Change]) -> Step:
    return _after(state, [(one, change(one)) for _, one in sorted(state.subjects.items())])


def _after(state: LoopState, changes: list[tuple[Subject, _Change]]) -> Step:
    fresh = {}
    for before, change in changes:
        subject = change.subject
        if change.reason and not change.told:
            subject = replace(subject, reason=change.reason)
        fresh[key_of(before.task_type, before.model)] = subject
    told = tuple(_transition(before, change, state) for before, change in changes if change.reason)
    return Step(replace(state, subjects=state.subjects | fresh), told)


def _transition(before: Subject | None, change: _Change, state: LoopState) -> Transition:
    after = change.told or change.subject.state
    was = "" if before is None else before.state
    return Transition(
        state.last_at, change.subject.task_type, change.subject.model, was, after, change.reason, change.detail
    )
