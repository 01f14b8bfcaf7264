"""Recorded grades -> what they prove. The same functions serve the run that made them and whoever verifies it later.

A file of grades is JSON lines: a header that says what was claimed and how it was tested, then one row per prompt in
the order in which they were drawn. No prompt and no answer is in it.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from baton.stats.guarantee import Design, Guarantee, Pair, sample_size
from baton.stats.ladder import LadderPlan, Standing, replay
from baton.types.certificate import Certificate, Serves

VERSION = 1
PILOT = 30
"""Prompts that decide order, bets and which rungs are fit at all; they are not tested on."""
MOST_UNGRADED = 0.2
"""Of a rung's pilot answers: beyond it cannot be measured as it is. Of the prompts that it was tested on: beyond it
nothing is proven, since what was left out may be just what it cannot do."""
LEAST_DISCORDANCE, MOST_DISCORDANCE = 0.02, 0.3
LEAST_QUALITY, MOST_QUALITY = 0.5, 0.9


class LadderHeader(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="ladder"):
    """See `Certificate` for what it shares with it. `faults`: what the sanity check found; nothing is proven then."""

    version: int = VERSION
    serves: Serves = "rung"
    """`policy`: the one candidate is whatever the gateway serves."""
    task_type: str
    reference: str
    models: dict[str, str]
    rho: float
    min_quality: float | None = None
    delta: float
    power: float
    batch: int
    cap: int | None
    mode: Literal["walk", "all"]
    pilot: int
    prompts: int
    """How many there were to test on, after the pilot; rows end where nobody was asked any more."""
    grader: str
    judged: bool
    prompt_set: str
    order_seed: int
    date: str
    simulated: bool
    faults: tuple[str, ...] = ()


class Row(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One prompt: grades by model, null where there is none, and what the answers cost in nano-dollars."""

    prompt: str
    grades: dict[str, float | None]
    costs: dict[str, int]
    difficulty: float | None = None
    """As the gate reads it; None where it cannot tell, or nothing asks for it."""


class Plan(Struct, frozen=True):
    """`plan` None: there is no rung to test. `dropped`: why a model is none."""

    plan: LadderPlan | None
    dropped: dict[str, str]


class Climbed(Struct, frozen=True):
    """The whole of it: who was tested, with what outcome, and what follows."""

    header: LadderHeader
    plan: Plan
    standings: tuple[Standing, ...]
    target: str
    """The cheapest rung that may serve: the reference where nothing cheaper was found adequate."""
    certificates: tuple[Certificate, ...]


def plan_of(header: LadderHeader, pilot: Sequence[Row]) -> Plan:
    """From the pilot alone."""
    costs = {model: mean_cost(pilot, model) for model in header.models}
    dropped: dict[str, str] = {}
    for model in sorted(set(header.models) - {header.reference}):
        if why := _not_a_rung(model, costs, header.reference, pilot):
            dropped[model] = why
    rungs = [model for model in header.models if model != header.reference and model not in dropped]
    rungs.sort(key=lambda model: (-costs[model], model))
    if not rungs or header.prompts < 1:
        return Plan(None, dropped)
    guarantee = Guarantee(header.rho, alpha=header.delta)
    design = _design(pilot, header.reference, rungs, header.power)
    plan = LadderPlan(
        rungs=tuple(rungs),
        prompts=header.prompts,
        guarantee=guarantee,
        cap=header.cap or header.prompts,
        design=design,
        batch=header.batch,
        mode=header.mode,
        horizon=min(header.cap or _horizon(guarantee, design, header.prompts), header.prompts),
        min_quality=header.min_quality,
    )
    return Plan(plan, dropped)


def climbed(header: LadderHeader, rows: Sequence[Row], grades: str) -> Climbed:
    """What the rows prove. `grades`: the hash of the file that they are in."""
    pilot, tested = rows[: header.pilot], rows[header.pilot :]
    plan = plan_of(header, pilot)
    if plan.plan is None:
        return Climbed(header, plan, (), header.reference, ())
    ladder = replay(plan.plan, (
        (rung, place, pair_of(row, header.reference, rung))
        for rung in plan.plan.rungs for place, row in enumerate(tested) if rung in row.grades
    ))  # fmt: skip
    standings = tuple(map(_believed, ladder.standings))
    certificates = () if header.faults or header.judged else _certificates(header, standings, tested, grades)
    target = header.reference if header.faults else _target(header, standings)
    return Climbed(header, plan, standings, target, certificates)


def pair_of(row: Row, reference: str, rung: str) -> Pair | None:
    """None where either was not graded."""
    theirs, mine = row.grades.get(reference), row.grades.get(rung)
    return None if theirs is None or mine is None else Pair(theirs, mine)


def mean_cost(rows: Sequence[Row], model: str) -> float:
    """Nano-dollars; infinite where nothing is known."""
    costs = [row.costs[model] for row in rows if model in row.costs]
    return sum(costs) / len(costs) if costs else float("inf")


# --- inside ----------------------------------------------------------------------------------------


def _not_a_rung(model: str, costs: Mapping[str, float], reference: str, pilot: Sequence[Row]) -> str:
    if costs[reference] == 0:
        return "the reference costs nothing: there is nothing to save, or no costs were recorded"
    if costs[model] >= costs[reference]:
        return "costs as much as the reference, or more"
    ungraded = sum(row.grades.get(model) is None for row in pilot)
    if ungraded > MOST_UNGRADED * len(pilot):
        return f"{ungraded} of its {len(pilot)} pilot answers could not be graded"
    return ""


def _horizon(guarantee: Guarantee, design: Design, prompts: int) -> int:
    """Twice what one look at the end needs; all there are, where only a better candidate than the reference passes."""
    return prompts if guarantee.rho >= 1 else 2 * sample_size(guarantee, design)


def _design(pilot: Sequence[Row], reference: str, rungs: Sequence[str], power: float) -> Design:
    """A guess for bets and cap: how good the reference is, and how often it and a rung differ."""
    pairs = [pair for rung in rungs for row in pilot if (pair := pair_of(row, reference, rung)) is not None]
    if not pairs:
        return Design(power=power)
    quality = min(MOST_QUALITY, max(LEAST_QUALITY, sum(pair.reference for pair in pairs) / len(pairs)))
    differ = sum(pair.reference != pair.candidate for pair in pairs) / len(pairs)
    most = min(MOST_DISCORDANCE, 1.9 * min(quality, 1 - quality))  # two models of that quality must be able to
    return Design(round(quality, 6), round(min(most, max(LEAST_DISCORDANCE, differ)), 6), power)


def _believed(one: Standing) -> Standing:
    """A rung with too many prompts left out is not adequate, whatever the others say."""
    if one.verdict != "adequate" or one.skipped <= MOST_UNGRADED * (one.n + one.skipped):
        return one
    return replace(one, verdict="undecided", bound=0.0)


def _target(header: LadderHeader, standings: Sequence[Standing]) -> str:
    """The cheapest adequate rung; of a walk only as long as all above it are."""
    target = header.reference
    for one in standings:
        if one.verdict == "adequate":
            target = one.rung
        elif header.mode == "walk":
            break
    return target


def _certificates(
    header: LadderHeader, standings: Sequence[Standing], tested: Sequence[Row], grades: str
) -> tuple[Certificate, ...]:
    return tuple(_certificate(header, one, tested, grades) for one in standings if one.verdict == "adequate")


def _certificate(header: LadderHeader, one: Standing, tested: Sequence[Row], grades: str) -> Certificate:
    rows = tested[: one.n + one.skipped]
    assert one.quality is not None
    assert one.reference_quality
    return Certificate(
        task_type=header.task_type,
        serves=header.serves,
        rung=one.rung,
        reference=header.reference,
        rho=header.rho,
        min_quality=header.min_quality,
        delta=header.delta,
        n=one.n,
        estimate=one.quality / one.reference_quality,
        bound=max(header.rho, one.bound),
        cost_per_task=mean_cost(rows, one.rung),
        reference_cost_per_task=mean_cost(rows, header.reference),
        grader=header.grader,
        models={name: header.models[name] for name in (header.reference, one.rung)},
        prompt_set=header.prompt_set,
        grades=grades,
        order_seed=header.order_seed,
        date=header.date,
        simulated=header.simulated,
    )
