"""Baton sends every task to the cheapest model that is good enough, and proves it.

Public names are loaded at first use (PEP 562), so that `import baton` stays cheap.
Start reading at `flow/request.py`: one request, on one screen.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from baton.flow.library import Baton as Baton
    from baton.flow.library import Chunk as Chunk
    from baton.flow.library import Completion as Completion
    from baton.flow.library import SyncBaton as SyncBaton
    from baton.types.decision import Decision as Decision
    from baton.types.errors import BatonError as BatonError

_HOMES = {
    "Baton": "baton.flow.library",
    "BatonError": "baton.types.errors",
    "Chunk": "baton.flow.library",
    "Completion": "baton.flow.library",
    "Decision": "baton.types.decision",
    "SyncBaton": "baton.flow.library",
}

__all__ = ["Baton", "BatonError", "Chunk", "Completion", "Decision", "SyncBaton"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'baton' has no attribute {name!r}: it has {', '.join(_HOMES)}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(_HOMES)
