"""Runs as a program asks for them."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from baton.flow.house import House
from baton.flow.orchestrate.run import Order
from baton.flow.orchestrate.runs import Live, runs_of
from baton.flow.orchestrate.tasks import Given, Task, plan_of
from baton.types.plan import Constraint, Plan
from baton.types.request import Caller
from baton.types.trust import Assurance


class Budget(Struct, frozen=True):
    """Of one run; None: as the config says."""

    usd: float | None = None
    seconds: float | None = None


class Asked(Struct, frozen=True):
    """`documents` by name; a list of them is named `document-1` and so on."""

    request: str
    documents: Mapping[str, str] | Sequence[str]
    plan: Plan | Sequence[Task] | None
    budget: Budget
    keep: tuple[Constraint, ...]
    require: Assurance
    model: str


async def run_begun(house: House, caller: Caller, asked: Asked) -> Live:
    given = _given(asked.plan)
    documents = asked.documents
    if not isinstance(documents, Mapping):
        documents = {f"document-{place}": text for place, text in enumerate(documents, 1)}
    order = Order(
        asked.request,
        house.config.orchestrator.limits(asked.budget.usd, asked.budget.seconds),
        {**documents, **(given.documents if given else {})},
        asked.plan if isinstance(asked.plan, Plan) else given.plan if given else None,
        given.contracts if given else {},
        asked.keep,
        asked.require,
    )
    return await runs_of(house).begin(house, caller, order, own=asked.model)


async def run_resumed(house: House, caller: Caller, run_id: str, plan: Sequence[Task] | None) -> Live:
    given = _given(plan)
    if given is None:
        return await runs_of(house).resume(house, caller, run_id)
    return await runs_of(house).resume(house, caller, run_id, plan=given.plan, contracts=given.contracts)


def _given(plan: Plan | Sequence[Task] | None) -> Given | None:
    return None if plan is None or isinstance(plan, Plan) else plan_of(plan)
