"""How good a model is expected to be on a task type, with the evidence named.

Certified before measured before configured before assumed. What is measured of a thin type is shrunk towards the types
above it (`decide/table.py`); what the prompt itself says of a model moves the figure of its type.
"""

from collections.abc import Mapping

from msgspec import Struct

from baton.decide.estimate import ASSUMED_QUALITY
from baton.types.card import EffortArm, ModelCard, arm_name
from baton.types.certificate import Certificate
from baton.types.decision import Evidence, PolicySnapshot

RHO_SLACK = 1e-9


class Figure(Struct, frozen=True):
    quality: float
    evidence: Evidence
    own: bool = True
    """It is of this very arm, and not what is known of the model without a step of effort."""
    output_tokens: float | None = None
    """The measured length of its answers."""


class Qualities:
    """Compiled once per snapshot."""

    def __init__(self, snapshot: PolicySnapshot) -> None:
        self._certificates: dict[tuple[str, str], Certificate] = {}
        for one in snapshot.certificates:
            known = self._certificates.get((one.task_type, one.rung))
            if known is None or (one.rho, one.name) > (known.rho, known.name):
                self._certificates[one.task_type, one.rung] = one

    def certificate(self, task_type: str, arm: str, floor: float) -> Certificate | None:
        """The one that carries the arm on this task type, where it promises at least the floor."""
        found = self._certificates.get((task_type, arm))
        return found if found is not None and found.rho >= floor - RHO_SLACK else None

    def of(
        self, card: ModelCard, effort: EffortArm | None, task_type: str, gains: Mapping[str, float] | None = None
    ) -> Figure:
        figure = _stated(card, effort, task_type)
        if gains is None or (gain := gains.get(arm_name(card.id, figure_step(effort)))) is None:
            return figure
        return Figure(min(1.0, max(0.0, figure.quality - gain)), figure.evidence, figure.own, figure.output_tokens)


def figure_step(effort: EffortArm | None) -> str:
    return "" if effort is None else effort.name


def _stated(card: ModelCard, effort: EffortArm | None, task_type: str) -> Figure:
    """What the operator says of it, else what its tier lets assume."""
    if effort is not None and (own := effort.quality.get(task_type)) is not None:
        return Figure(own, "configured")
    configured = card.quality.get(task_type)
    if configured is not None:
        return Figure(configured, "configured", own=effort is None)
    if task_type in card.specialities:
        return Figure(ASSUMED_QUALITY["frontier"], "assumed", own=effort is None)
    return Figure(ASSUMED_QUALITY[card.tier], "assumed", own=effort is None)
