"""Which requests are compared with a second model, by chance alone. `measure/` sets the rates, `House` draws."""

from collections.abc import Mapping

from msgspec import Struct


class ShadowPlan(Struct, frozen=True):
    """Of one task type. `rate`: the share of requests that are compared, whatever they say.

    `waiting`: models that may not serve, and earn their way by being compared with the reference.
    """

    rate: float
    waiting: tuple[str, ...] = ()

    def drawn(self, draw: float, served: str, reference: str) -> tuple[str, float]:
        """The model that is compared with the reference, empty where none is, and the chance that there was one.

        `draw` is uniform over 0..1. Of several models each has the same chance.
        """
        models = [*self.waiting] if served == reference else [served, *self.waiting]
        if not models:
            return "", 0.0
        if draw >= self.rate:
            return "", self.rate
        return models[min(int(draw / self.rate * len(models)), len(models) - 1)], self.rate


class Shadows:
    """Of one process; its content is swapped as a whole."""

    def __init__(self) -> None:
        self._plans: Mapping[str, ShadowPlan] = {}

    def plan(self, task_type: str) -> ShadowPlan | None:
        return self._plans.get(task_type)

    def use(self, plans: Mapping[str, ShadowPlan]) -> None:
        """From the next decision on."""
        self._plans = dict(plans)
