"""What came out, from the two ledgers: the baseline's and the router's."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from baton.cli.demo.drift import Drift
from baton.cli.demo.drive import Outcome
from baton.cli.demo.handoff import HandoffShown
from baton.cli.demo.orchestration import OrchestrationShown
from baton.cli.demo.proof import Proof
from baton.record.queries import CostLine, QualityLine, report
from baton.stats.intervals import Interval


class Baseline(Struct, frozen=True):
    """Everything on the reference. `model` is one id, or one per task where the reference differs."""

    model: str | dict[str, str]
    quality: float
    quality_interval: Interval
    cost_usd: float


class Routed(Struct, frozen=True):
    quality: float
    quality_interval: Interval
    cost_usd: float


class Summary(Struct, frozen=True):
    """Qualities with 95 % intervals; costs in US dollars; shares of tasks."""

    simulated: bool
    what: str
    tasks: int
    task_types: dict[str, int]
    baseline: Baseline
    routed: Routed
    saved_pct: float
    share_by_model: dict[str, float]
    cost_by_task_type: dict[str, CostLine]
    quality_by_route: dict[str, QualityLine]
    quality_by_task_type: dict[str, QualityLine]
    model_by_task_type: dict[str, dict[str, int]]
    dropped: int
    handoff: HandoffShown
    proof: Proof | None
    """None where recorded answers are replayed: `baton ladder --prompts FILE` proves from recorded grades."""
    orchestration: OrchestrationShown | None
    drift: Drift | None = None
    """None where nothing cheaper was certified."""


def summarise(
    what: str,
    baseline_act: tuple[Sequence[Outcome], Path],
    routed_act: tuple[Sequence[Outcome], Path],
    handoff: HandoffShown,
    proof: Proof | None = None,
    drift: Drift | None = None,
    orchestration: OrchestrationShown | None = None,
) -> Summary:
    """Each act is what its tasks came to, and its ledger.

    Raises ValueError when a ledger does not hold exactly the tasks that were sent.
    """
    (baseline, baseline_ledger), (routed, ledger) = baseline_act, routed_act
    before, after = report(baseline_ledger), report(ledger)
    for name, held, sent in (("baseline", before.tasks, len(baseline)), ("routed", after.tasks, len(routed))):
        if held != sent:
            raise ValueError(f"the {name} ledger holds {held} tasks of {sent} that were sent")
    types: dict[str, int] = defaultdict(int)
    models: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for outcome in routed:
        types[outcome.job.task_type] += 1
        models[outcome.job.task_type][outcome.model] += 1
    references = {outcome.job.group: outcome.job.reference for outcome in baseline}
    names = set(references.values())
    all_before, all_after = _overall(before.quality_by_route), _overall(after.quality_by_route)
    cost_before, cost_after = before.savings.cost_usd, after.savings.cost_usd
    return Summary(
        simulated=before.simulated is True and after.simulated is True,
        what=what,
        tasks=len(routed),
        task_types=dict(sorted(types.items())),
        baseline=Baseline(names.pop() if len(names) == 1 else references, *all_before, cost_before),
        routed=Routed(*all_after, cost_after),
        saved_pct=100.0 * (1.0 - cost_after / cost_before) if cost_before else 0.0,
        share_by_model=after.share_by_model,
        cost_by_task_type=after.cost_by_task_type,
        quality_by_route=after.quality_by_route,
        quality_by_task_type=after.quality_by_task_type,
        model_by_task_type={name: dict(counts) for name, counts in sorted(models.items())},
        dropped=before.dropped + after.dropped,
        handoff=handoff,
        proof=proof,
        drift=drift,
        orchestration=orchestration,
    )


def _overall(lines: dict[str, QualityLine]) -> tuple[float, Interval]:
    """All routes of one ledger together; the demo has one."""
    (line,) = lines.values()
    if line.quality is None or line.interval is None:
        raise ValueError("no answer was graded")
    return line.quality, line.interval
