"""A plan is refused before the first call, with every reason."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.flow.orchestrate.plan import check_plan, read_plan, waves
from baton.types.errors import PlanRefused
from baton.types.plan import Constraint, Plan, RunLimits, SubTask

LIMITS = RunLimits(money=1_000)


def task(name: str, *needs: str, **more: object) -> SubTask:
    return SubTask(name, "do it", "extract", needs=needs, **more)  # type: ignore[arg-type]


def refused(plan: Plan, limits: RunLimits = LIMITS, cost: int = 10) -> str:
    with pytest.raises(PlanRefused) as caught:
        checked(plan, limits, cost)
    return caught.value.message


def checked(plan: Plan, limits: RunLimits = LIMITS, cost: int = 10) -> None:
    check_plan(plan, limits, contracts={"extract"}, documents={"a.txt"}, tools={"search"}, worst_case=lambda _: cost)


def test_a_plan_that_can_be_carried_out_is_taken() -> None:
    keeps = Constraint("days", "days, not weeks")
    plan = Plan((task("a", documents=("a.txt",)), task("b", "a", tools=("search",), keeps=("days",))), "", (keeps,))
    checked(plan)
    assert read_plan(msgspec.json.encode(plan)) == plan


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        (Plan(()), "it has no sub-task"),
        (Plan((task("a", "b"), task("b", "a"))), "wait for each other"),
        (Plan((task("a", "a"),)), "wait for each other"),
        (Plan((task("a", "z"),)), "a.needs names 'z'"),
        (Plan((task("a"), task("a"))), "the id 'a' stands twice"),
        (Plan((task("$1"),)), "'$1' is no id"),
        (Plan((SubTask("a", "do it", ""),)), "a has no contract"),
        (Plan((SubTask("a", "do it", "pray"),)), "a names the contract 'pray'"),
        (Plan((SubTask("a", "  ", "extract"),)), "a has no instruction"),
        (Plan((SubTask("a", "x" * 9_000, "extract"),)), "more than 8000 characters"),
        (Plan((task("a", documents=("secret.txt",)),)), "a.documents names 'secret.txt'"),
        (Plan((task("a", tools=("pay",)),)), "a.tools names 'pay'"),
        (Plan((task("a", max_output=0),)), "may answer 0 tokens"),
        (Plan((task("a"),), "", (Constraint("days", "days, not weeks"),)), "no sub-task keeps the constraint 'days'"),
        (Plan(tuple(task(f"t{n}") for n in range(25))), "it has 25 sub-tasks, and 24 are allowed"),
    ],
)
def test_what_cannot_be_carried_out_is_named(plan: Plan, reason: str) -> None:
    assert reason in refused(plan)


def test_every_reason_is_told_at_once() -> None:
    said = refused(Plan((task("a", "z", tools=("pay",)), SubTask("b", "", "pray"))))
    assert all(one in said for one in ("'z'", "'pay'", "no instruction", "'pray'"))


def test_a_worst_case_above_the_budget_is_refused_before_the_first_call() -> None:
    assert "the budget is 0.000001 USD" in refused(Plan((task("a"), task("b"))), cost=501)
    checked(Plan((task("a"), task("b"))), cost=500)


def test_too_many_at_once_are_refused() -> None:
    wide = Plan(tuple(task(f"t{n}") for n in range(9)))
    assert "9 of its sub-tasks could run at once" in refused(wide, RunLimits(money=1_000, width=2))


@pytest.mark.parametrize(
    "text", ["", "no json", "[]", '{"tasks": 1}', "[" * 5_000, '{"tasks": [' + "1," * 200_000 + "1]}", "\x00"]
)
def test_what_is_no_plan_is_refused(text: str) -> None:
    with pytest.raises(PlanRefused):
        read_plan(text)


@given(st.lists(st.lists(st.integers(0, 11), max_size=3), min_size=1, max_size=12))
def test_waves_hold_every_sub_task_once_and_after_what_it_needs(edges: list[list[int]]) -> None:
    tasks = tuple(task(f"t{n}", *{f"t{m}" for m in needs if m < n}) for n, needs in enumerate(edges))
    found = waves(Plan(tasks))
    place = {one.id: depth for depth, wave in enumerate(found) for one in wave}
    assert sorted(place) == sorted(one.id for one in tasks)
    assert all(place[name] < place[one.id] for one in tasks for name in one.needs)
