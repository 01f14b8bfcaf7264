"""The plan of a run: made by the orchestrator's model from the caller's request alone, or given by the caller.

The planner is shown the names of documents, never their text. What it answers is unverified like everything that a
model says, and is admitted as a plan, or not: one more try with the reasons, then the run does it by itself.
"""

from collections.abc import Callable, Collection
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from baton.check.admit import admit
from baton.check.contract import Contract, Setting
from baton.check.library import Named
from baton.check.verified import Verified
from baton.flow.orchestrate.delegate import question_of
from baton.flow.orchestrate.plan import check_plan
from baton.flow.orchestrate.work import Work
from baton.types.errors import PlanRefused, RequestError, UpstreamFault
from baton.types.plan import Constraint, Plan, SubTask
from baton.types.question import Question
from baton.types.trust import Assurance
from baton.types.verdict import Answer, Verdict

PLAN_TOKENS = 4_000
PLAN = "plan"
BYTES_OF_TOKEN = 4
ORDERS = (
    "You plan how a request is answered by delegating small steps. The next message is a JSON object: `request`, the "
    "names of `documents`, the `contracts` that a result can be held to with what each asks for, `constraints` that "
    "are known already, and `limits`. Reply with JSON {tasks, answer, constraints}. A task has id, instruction, "
    "contract, needs (ids of tasks whose results it is given), documents (names that it reads), keeps (ids of "
    "constraints), max_output (tokens). As few tasks as do it well; those that do not need each other run side by "
    "side. Repeat the known constraints, and let every constraint be kept by a task. Do not answer the request."
)


class CanBeCarriedOut(Struct, frozen=True):
    """The check of a plan: that of `plan.py`."""

    check: Callable[[Plan], None]
    name: str = "plan"
    assurance: Assurance = Assurance.SHAPE
    cost: int = 0

    async def run(self, value: Any, _answer: Answer, _setting: Setting) -> Verdict:
        try:
            self.check(value)
        except PlanRefused as refused:
            return Verdict(self.name, passed=False, score=0.0, reason=refused.message)
        return Verdict(self.name, passed=True, score=1.0, reason="it can be carried out")


async def made_plan(work: Work) -> tuple[Plan, bool]:
    """The plan, and whether nothing is to be delegated because there is none. Limits of the run are raised."""
    contract: Contract[Plan] = Contract(
        Plan, (CanBeCarriedOut(lambda plan: refuse_bad(work, with_kept(plan, work.keep))),), Assurance.SHAPE
    )
    question = _question(work)
    for attempt in range(2):
        try:
            asked = await work.desk.ask(PLAN, question, tainted=False)
        except UpstreamFault:
            continue
        found = await admit(asked.answer, contract)
        if isinstance(found, Verified):
            plan = with_kept(found.value, work.keep)
            await work.desk.journal.write("plan", PLAN, {"plan": msgspec.to_builtins(plan)})
            return plan, False
        await work.desk.journal.write("refused", f"{PLAN}/{attempt}", {"reason": found.reason})
        question = replace(question, system=f"{ORDERS}\nAn earlier plan was refused. Why: {found.reason}")
    return alone(work), True


def alone(work: Work) -> Plan:
    """One step that the orchestrator's own model takes, under a contract like any other."""
    contract = "summarise" if work.documents else "reason"
    keeps = tuple(one.id for one in work.keep)
    task = SubTask("answer", work.request, contract, documents=tuple(work.documents), keeps=keeps)
    return Plan((task,), "", work.keep)


def with_kept(plan: Plan, keep: tuple[Constraint, ...]) -> Plan:
    """The plan with the constraints that are known besides; they hold for what the answer is made of."""
    known = {one.id for one in plan.constraints}
    said = {one.text for one in plan.constraints}
    more = tuple(one for one in keep if one.id not in known and one.text not in said)
    if not more:
        return plan
    needed = {name for task in plan.tasks for name in task.needs}
    ids = tuple(one.id for one in more)
    tasks = tuple(
        task if task.id in needed else replace(task, keeps=tuple(dict.fromkeys((*task.keeps, *ids))))
        for task in plan.tasks
    )
    return replace(plan, tasks=tasks, constraints=(*plan.constraints, *more))


def refuse_bad(work: Work, plan: Plan, tools: Collection[str] = ()) -> None:
    """Raises PlanRefused."""
    by_id = {task.id: task for task in plan.tasks}
    check_plan(
        plan,
        work.limits,
        contracts=work.contracts,
        documents=work.documents,
        tools=tools,
        worst_case=lambda task: _worst_case(work, task, by_id),
    )


def _worst_case(work: Work, task: SubTask, by_id: dict[str, SubTask]) -> int:
    """Of the model that is asked first, with results of what it needs that are as long as they may be."""
    question = question_of(work, task, work.contracts[task.contract], {})
    results = sum(by_id[name].max_output * BYTES_OF_TOKEN for name in task.needs)
    longer = replace(question, user=question.user + " " * results)
    try:
        ways = work.desk.models.ways(longer)
    except RequestError as error:
        raise PlanRefused(f"the plan is refused: nobody can do {task.id}: {error.message}") from error
    return ways[-1 if work.alone else 0].at_most


def _question(work: Work) -> Question:
    shown = {
        "request": work.request,
        "documents": sorted(work.documents),
        "contracts": {name: _shown(named) for name, named in work.contracts.items()},
        "constraints": msgspec.to_builtins(work.keep),
        "limits": {"tasks": work.limits.tasks, "width": work.limits.width},
    }
    user = msgspec.json.encode(shown).decode()
    schema = msgspec.json.schema(Plan)
    return Question(user, ORDERS, work.desk.models.own, "analysis", PLAN_TOKENS, schema)


def _shown(named: Named) -> dict[str, str]:
    return {"asks": named.orders, "promises": named.promises}
