"""Baton sends every task to the cheapest model that is good enough, and proves it.

Public names are loaded at first use (PEP 562), so that `import baton` stays cheap.
Start reading at `flow/request.py`: one request, on one screen.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from baton.check import checks as checks
    from baton.check.contract import Contract as Contract
    from baton.flow.library import Baton as Baton
    from baton.flow.library import Chunk as Chunk
    from baton.flow.library import Completion as Completion
    from baton.flow.library import SyncBaton as SyncBaton
    from baton.flow.orchestrate.library import Budget as Budget
    from baton.flow.orchestrate.tasks import Task as Task
    from baton.types.decision import Decision as Decision
    from baton.types.errors import BatonError as BatonError
    from baton.types.orchestration import Outcome as Outcome
    from baton.types.plan import Constraint as Constraint
    from baton.types.trust import Assurance as Assurance

_HOMES = {
    "Assurance": "baton.types.trust",
    "Baton": "baton.flow.library",
    "BatonError": "baton.types.errors",
    "Budget": "baton.flow.orchestrate.library",
    "Chunk": "baton.flow.library",
    "Completion": "baton.flow.library",
    "Constraint": "baton.types.plan",
    "Contract": "baton.check.contract",
    "Decision": "baton.types.decision",
    "Outcome": "baton.types.orchestration",
    "SyncBaton": "baton.flow.library",
    "Task": "baton.flow.orchestrate.tasks",
    "checks": "baton.check.checks",
}

__all__ = [
    "Assurance", "Baton", "BatonError", "Budget", "Chunk", "Completion", "Constraint", "Contract", "Decision",
    "Outcome", "SyncBaton", "Task", "checks",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'baton' has no attribute {name!r}: it has {', '.join(_HOMES)}")
    home = import_module(_HOMES[name])
    return home if _HOMES[name].endswith(f".{name}") else getattr(home, name)


def __dir__() -> list[str]:
    return sorted(_HOMES)
