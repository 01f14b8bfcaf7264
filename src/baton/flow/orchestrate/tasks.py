"""A plan as a program writes it: steps with contracts and texts in them, made into a plan as data."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from baton.check.contract import Contract
from baton.check.library import LIBRARY, Named
from baton.types.errors import PlanRefused
from baton.types.plan import Plan, SubTask


class Task(Struct, frozen=True):
    """One step. `data` is a text, or several by name; `contract` one of the library by name, or one of your own."""

    id: str
    instruction: str
    contract: Contract[Any] | str
    data: str | Mapping[str, str] | None = None
    needs: Sequence[str] = ()
    documents: Sequence[str] = ()
    keeps: Sequence[str] = ()
    task_type: str = ""
    max_output: int = 1_000
    orders: str = ""
    """How it must be answered, in words, beside the schema of the contract."""


class Given(Struct, frozen=True):
    """What `plan_of` makes."""

    plan: Plan
    documents: dict[str, str]
    contracts: dict[str, Named]


def plan_of(tasks: Iterable[Task]) -> Given:
    """Raises PlanRefused for a contract that is no contract."""
    documents: dict[str, str] = {}
    contracts: dict[str, Named] = {}
    made = []
    for task in tasks:
        texts = {task.id: task.data} if isinstance(task.data, str) else dict(task.data or {})
        documents |= texts
        name = task.contract if isinstance(task.contract, str) else f"of {task.id}"
        if isinstance(task.contract, Contract):
            contracts[name] = _named(task, task.contract)
        elif name not in LIBRARY:
            raise PlanRefused(f"{task.id} names the contract {name!r}: one of {', '.join(LIBRARY)}, or a Contract")
        made.append(
            SubTask(task.id, task.instruction, name, tuple(task.needs), (*task.documents, *texts), tuple(task.keeps),
                    task_type=task.task_type, max_output=task.max_output)
        )  # fmt: skip
    return Given(Plan(tuple(made)), documents, contracts)


def _named(task: Task, contract: Contract[Any]) -> Named:
    orders = task.orders
    if not orders and contract.output is not str:
        orders = "Reply with JSON of the given form, and nothing else."
    return Named(contract, task.task_type or "other", orders, "what its contract asks for")
