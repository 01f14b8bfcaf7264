"""How good a model is expected to be on a task type, with the evidence named.

Certified before measured before configured before assumed. What is measured of a thin type is shrunk towards the types
above it (`decide/table.py`); what the prompt itself says of a model moves the figure of its type.
"""

from collections.abc import Mapping
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import replace

from baton.decide.estimate import ASSUMED_QUALITY
from baton.decide.table import MeasuredTable, Source
from baton.decide.terms import Terms
from baton.types.card import EffortArm, ModelCard, arm_name
from baton.types.certificate import Certificate
from baton.types.decision import Evidence, PolicySnapshot

RHO_SLACK = 1e-9
ALONE = frozenset({"rung", "gate"})
"""What a certificate may be for, to carry an arm by itself: a cascade or a policy is proven only as a whole."""
EVIDENCE: dict[Source, Evidence] = {
    "measured": "measured", "parent": "measured", "configured": "configured", "overall": "assumed",
}  # fmt: skip
"""What an estimate of the measured table rests on most; `overall` is what a model is worth on other types."""


_Levels = tuple[tuple[float, float], ...]


class Figure(Struct, frozen=True):
    quality: float
    evidence: Evidence
    own: bool = True
    """It is of this very arm, and not what is known of the model without a step of effort."""
    output_tokens: float | None = None
    """The measured length of its answers."""
    bound: float | None = None
    """Lower bound of the quality, where answers were graded."""
    n: int = 0
    """Graded answers behind it."""


class Qualities:
    """Compiled once per snapshot."""

    def __init__(self, snapshot: PolicySnapshot) -> None:
        self._certificates: dict[tuple[str, str], list[Certificate]] = {}
        self._whole: dict[str, list[Certificate]] = {}
        for one in sorted(snapshot.certificates, key=_worth):
            if one.serves in ALONE:
                self._certificates.setdefault((one.task_type, one.rung), []).append(one)
            elif one.serves == "policy":
                self._whole.setdefault(one.task_type, []).append(one)
        self._measured = _measured(snapshot)
        self._levels = _levels(snapshot, self._measured)

    def certificate(self, task_type: str, arm: str, terms: Terms) -> Certificate | None:
        """The one that carries the arm on this task type, where it promises at least floor and least quality.

        None where a certificate of the whole policy carries the decision.
        """
        known = self._certificates.get((task_type, arm))
        if known is None or (self._whole and self.whole(task_type, terms) is not None):
            return None
        return next((one for one in known if _promises(one, terms)), None)

    def whole(self, task_type: str, terms: Terms) -> Certificate | None:
        """The one that carries whatever the rules serve for this task type, as long as nothing else is asked for."""
        if not terms.as_configured:
            return None
        return next((one for one in self._whole.get(task_type, ()) if _promises(one, terms)), None)

    def of(
        self, card: ModelCard, effort: EffortArm | None, task_type: str, gains: Mapping[str, float] | None = None
    ) -> Figure:
        name = arm_name(card.id, "" if effort is None else effort.name)
        figure = self._measured.get((task_type, name)) or self._stated(card, effort, task_type)
        gain = None if gains is None else gains.get(name)
        if gain is None:
            return figure
        bound = None if figure.bound is None else _share(figure.bound - gain)
        return replace(figure, quality=_share(figure.quality - gain), bound=bound)

    def _stated(self, card: ModelCard, effort: EffortArm | None, task_type: str) -> Figure:
        """What the operator says of it, else what its tier lets assume beside the models that were graded."""
        if effort is not None and (own := effort.quality.get(task_type)) is not None:
            return Figure(own, "configured")
        configured = card.quality.get(task_type)
        if configured is not None:
            return Figure(configured, "configured", own=effort is None)
        assumed = _assumed(card, task_type)
        return Figure(_levelled(assumed, self._levels.get(task_type, ())), "assumed", own=effort is None)


def _worth(one: Certificate) -> tuple[bool, float, str]:
    """Those without a gate first, then by what they promise."""
    return one.serves != "rung", -one.rho, one.name


def _promises(one: Certificate, terms: Terms) -> bool:
    least = terms.min_quality is None or (one.min_quality is not None and one.min_quality >= terms.min_quality)
    return least and one.rho >= terms.floor - RHO_SLACK


def _share(value: float) -> float:
    return min(1.0, max(0.0, value))


def _measured(snapshot: PolicySnapshot) -> dict[tuple[str, str], Figure]:
    """By task type and arm: what graded answers say, shrunk to what is configured or known of the types above."""
    learned = snapshot.learned
    if learned is None:
        return {}
    parents = {name: one.parent for name, one in snapshot.task_types.items() if one.parent is not None}
    configured = {
        arm_name(card.id, step): quality
        for card in snapshot.cards.values()
        for step, quality in (("", card.quality), *((name, one.quality) for name, one in card.efforts.items()))
    }
    given = learned.table
    whole = replace(given, parents=given.parents | parents)
    table = MeasuredTable(whole, configured, task_types=snapshot.task_types)
    found = {}
    for task_type in snapshot.task_types:
        for name in configured:
            estimate = table.of(task_type, name)
            if estimate is not None:
                cell = given.cells.get(task_type, {}).get(name)
                length = None if cell is None else cell.output_tokens
                found[task_type, name] = Figure(
                    estimate.quality,
                    EVIDENCE[estimate.source],
                    output_tokens=length,
                    bound=estimate.low,
                    n=estimate.n,
                )
    return found


def _assumed(card: ModelCard, task_type: str) -> float:
    return ASSUMED_QUALITY["frontier" if task_type in card.specialities else card.tier]


def _levels(snapshot: PolicySnapshot, measured: Mapping[tuple[str, str], Figure]) -> dict[str, _Levels]:
    """By task type: what is assumed of a tier, rising, and what its graded models are worth on average."""
    found: dict[str, dict[float, list[float]]] = {}
    for (task_type, name), figure in measured.items():
        if (card := snapshot.cards.get(name)) is not None:
            found.setdefault(task_type, {}).setdefault(_assumed(card, task_type), []).append(figure.quality)
    return {
        task_type: tuple((assumed, sum(worth) / len(worth)) for assumed, worth in sorted(levels.items()))
        for task_type, levels in found.items()
    }


def _levelled(assumed: float, levels: _Levels) -> float:
    """Tiers say an order and no measure: a model that nobody graded keeps its place among those that were."""
    if not levels:
        return assumed
    for (below, low), (above, high) in pairwise(levels):
        if below <= assumed <= above:
            return low + (high - low) * (assumed - below) / (above - below)
    at, worth = levels[0] if assumed < levels[0][0] else levels[-1]
    return _share(worth + assumed - at)
