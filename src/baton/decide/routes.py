"""Which route a request takes: the first whose name, task type and key fit."""

import difflib

from baton.decide.eligible import matches_any
from baton.decide.terms import PRESETS
from baton.types.decision import PolicySnapshot
from baton.types.errors import UnknownModel
from baton.types.request import Caller
from baton.types.task import Route


def route_of(snapshot: PolicySnapshot, name: str, asked: str, task_type: str, caller: Caller) -> Route:
    """`asked` is what `name` stands for. Raises UnknownModel where no route takes it."""
    choosable = asked in PRESETS or asked in snapshot.cards
    for route in snapshot.routes:
        by_name = matches_any(name, route.model) or matches_any(asked, route.model)
        if route.model and not by_name:
            continue
        if route.strategy == "pass" and asked not in snapshot.cards:
            continue
        if not route.model and not choosable:
            continue
        if route.task_type and task_type not in route.task_type:
            continue
        if route.key and caller.name not in route.key:
            continue
        if not route.model and route.strategy == "auto" and asked not in PRESETS:
            continue
        return route
    raise UnknownModel(_unknown(snapshot, name), "model")


def _unknown(snapshot: PolicySnapshot, name: str) -> str:
    names = [*PRESETS, *snapshot.aliases, *snapshot.cards]
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else "GET /v1/models lists the names"
    return f"model {name!r} is not configured: {hint}"
