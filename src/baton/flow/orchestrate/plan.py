"""A plan is refused before anything is spent, with every reason, where it cannot be carried out as it stands."""

import re
from collections.abc import Callable, Collection, Mapping
from graphlib import CycleError, TopologicalSorter

import msgspec

from baton.types.errors import PlanRefused
from baton.types.plan import Plan, RunLimits, SubTask

ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}")
MAX_PLAN_BYTES = 256 * 1024
MAX_INSTRUCTION_CHARS = 8_000
SHOWN = 6


def read_plan(text: bytes | str) -> Plan:
    """Raises PlanRefused for what is no plan: too long, no JSON, of another shape."""
    if len(text) > MAX_PLAN_BYTES:
        raise PlanRefused(f"the plan has {len(text)} bytes, and {MAX_PLAN_BYTES} are read at most")
    try:
        return msgspec.json.decode(text, type=Plan)
    except (msgspec.DecodeError, RecursionError) as error:  # a ValidationError is a DecodeError
        raise PlanRefused(f"the plan cannot be read: {error}") from error


def check_plan(
    plan: Plan,
    limits: RunLimits,
    *,
    contracts: Collection[str],
    documents: Collection[str],
    tools: Collection[str],
    worst_case: Callable[[SubTask], int],
) -> None:
    """`worst_case`: what a sub-task costs at most, in nano-dollars, by the way that is tried first.

    Raises PlanRefused with what is wrong in it, and with how much of the budget it would need.
    """
    problems = [*_shape(plan, limits), *_names(plan, contracts, documents, tools)]
    if not problems:
        problems = [*_order(plan, limits)]
    if not problems:
        worst = sum(worst_case(task) for task in plan.tasks)
        if worst > limits.money:
            problems.append(
                f"it may cost {worst / 1e9:.6f} USD, and the budget is {limits.money / 1e9:.6f} USD: "
                "fewer sub-tasks, shorter answers, or a larger budget"
            )
    if problems:
        more = f" (and {len(problems) - SHOWN} more)" if len(problems) > SHOWN else ""
        raise PlanRefused("the plan is refused: " + "; ".join(problems[:SHOWN]) + more)


def waves(plan: Plan) -> list[list[SubTask]]:
    """Sub-tasks in the order in which they can run, those of one wave at the same time."""
    by_id = {task.id: task for task in plan.tasks}
    sorter = TopologicalSorter({task.id: task.needs for task in plan.tasks})
    sorter.prepare()
    found = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=list(by_id).index)
        found.append([by_id[name] for name in ready])
        sorter.done(*ready)
    return found


def _shape(plan: Plan, limits: RunLimits) -> list[str]:
    problems = []
    if not plan.tasks:
        problems.append("it has no sub-task")
    if len(plan.tasks) > limits.tasks:
        return [f"it has {len(plan.tasks)} sub-tasks, and {limits.tasks} are allowed"]
    seen: set[str] = set()
    for task in plan.tasks:
        if not ID.fullmatch(task.id):
            problems.append(f"{task.id[:40]!r} is no id: a letter, then up to 31 letters, digits, - and _")
        if task.id in seen:
            problems.append(f"the id {task.id!r} stands twice")
        seen.add(task.id)
        if not task.instruction.strip():
            problems.append(f"{task.id} has no instruction")
        if len(task.instruction) > MAX_INSTRUCTION_CHARS:
            problems.append(f"the instruction of {task.id} has more than {MAX_INSTRUCTION_CHARS} characters")
        if task.max_output < 1:
            problems.append(f"{task.id} may answer {task.max_output} tokens: at least 1")
    return problems


def _names(plan: Plan, contracts: Collection[str], documents: Collection[str], tools: Collection[str]) -> list[str]:
    known: Mapping[str, Collection[str]] = {
        "needs": {task.id for task in plan.tasks},
        "documents": documents,
        "keeps": {one.id for one in plan.constraints},
        "tools": tools,
    }
    problems = []
    for task in plan.tasks:
        if task.contract not in contracts:
            said = f"names the contract {task.contract!r}" if task.contract else "has no contract"
            problems.append(f"{task.id} {said}: one of {', '.join(sorted(contracts)[:12])}")
        for member, allowed in known.items():
            unknown = [name for name in getattr(task, member) if name not in allowed]
            if unknown:
                problems.append(f"{task.id}.{member} names {unknown[0]!r}, which is not there")
    kept = {name for task in plan.tasks for name in task.keeps}
    dropped = [one.id for one in plan.constraints if one.id not in kept]
    if dropped:
        problems.append(f"no sub-task keeps the constraint {dropped[0]!r}")
    return problems


def _order(plan: Plan, limits: RunLimits) -> list[str]:
    try:
        found = waves(plan)
    except CycleError as error:
        return [f"its sub-tasks wait for each other: {' -> '.join(error.args[1])}"]
    widest = max(len(wave) for wave in found)
    if widest > limits.width * 4:
        return [f"{widest} of its sub-tasks could run at once, and {limits.width * 4} are allowed"]
    return []
