"""What holds for one request, after request, key, route and task type were laid over each other."""

from msgspec import Struct

from baton.decide.rule import POLICY
from baton.types.request import Caller, Request
from baton.types.task import Route, TaskType

AUTO = "auto"
PRESETS: dict[str, float | None] = {"auto": None, "auto:cost": 10.0, "auto:quality": 0.0}
"""Model names that ask Baton to choose, with the lambda they stand for."""


class Terms(Struct, frozen=True, gc=False):
    rule: str
    floor: float
    min_quality: float | None
    lambda_: float
    gate: float | None
    """Difficulty above which a request goes up; None: there is no gate."""
    as_configured: bool = False
    """Neither request nor key changes what the config serves for the task type."""

    def needed(self, reference_quality: float) -> float:
        """The quality that a rung must reach."""
        return max(self.floor * reference_quality, self.min_quality or 0.0)


def terms_of(request: Request, asked: str, caller: Caller, route: Route, task_type: TaskType) -> Terms:
    """The request first, then the key, then the route, then the task type.

    A floor, a lambda or a preset in the request (or on the key) opens the choice to every rung that meets the floor.
    """
    wish = request.wish
    preset = PRESETS.get(asked)
    lambda_ = _first(wish.lambda_, preset, caller.lambda_, route.lambda_, task_type.lambda_)
    floor = _first(wish.floor, caller.floor, route.floor, task_type.floor)
    min_quality = _first(wish.min_quality, caller.min_quality, route.min_quality, task_type.min_quality)
    wished = (wish.lambda_, preset, caller.lambda_, wish.floor, caller.floor, wish.min_quality, caller.min_quality)
    rule = route.rule or task_type.rule
    if wish.audience == "internal" and task_type.rule_internal is not None and route.rule is None:
        rule = task_type.rule_internal
    if any(value is not None for value in wished):
        rule = POLICY
    assert lambda_ is not None
    assert floor is not None
    narrowed = wish.models or caller.models or wish.audience is not None or route.key
    plain = rule == (route.rule or task_type.rule) and not narrowed and all(value is None for value in wished)
    return Terms(rule, floor, min_quality, lambda_, _first(route.gate, task_type.gate), plain)


def _first(*values: float | None) -> float | None:
    for value in values:
        if value is not None:
            return value
    return None
