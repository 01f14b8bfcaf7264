"""Which route a request takes: the first whose name, task type and key fit."""

import difflib

from baton.decide.eligible import matches_any
from baton.decide.terms import PRESETS
from baton.types.decision import PolicySnapshot
from baton.types.errors import UnknownModel
from baton.types.request import Caller
from baton.types.task import Route

REMEMBERED_NAMES = 1_024
"""Names come from callers: no more of them are kept."""


class Routing:
    """Compiled once per snapshot."""

    def __init__(self, snapshot: PolicySnapshot) -> None:
        self._snapshot = snapshot
        self._by_name: dict[tuple[str, str], tuple[Route, ...]] = {}

    def of(self, name: str, asked: str, task_type: str, caller: Caller) -> Route:
        """`asked` is what `name` stands for. Raises UnknownModel where no route takes it."""
        for route in self._named(name, asked):
            if route.task_type and task_type not in route.task_type:
                continue
            if route.key and caller.name not in route.key:
                continue
            return route
        raise UnknownModel(_unknown(self._snapshot, name), "model")

    def _named(self, name: str, asked: str) -> tuple[Route, ...]:
        """The routes that the name fits, in their order; remembered, for callers ask for few names."""
        found = self._by_name.get((name, asked))
        if found is None:
            found = tuple(route for route in self._snapshot.routes if self._fits(route, name, asked))
            if len(self._by_name) < REMEMBERED_NAMES:
                self._by_name[name, asked] = found
        return found

    def _fits(self, route: Route, name: str, asked: str) -> bool:
        concrete = asked in self._snapshot.cards
        if route.model:
            by_name = matches_any(name, route.model) or matches_any(asked, route.model)
            return by_name and (route.strategy != "pass" or concrete)
        return concrete if route.strategy == "pass" else asked in PRESETS


def _unknown(snapshot: PolicySnapshot, name: str) -> str:
    names = [*PRESETS, *snapshot.aliases, *snapshot.cards]
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else "GET /v1/models lists the names"
    return f"model {name!r} is not configured: {hint}"
