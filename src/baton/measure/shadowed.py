"""A certificate that was earned beside the traffic: pairs of one test, in the order in which they came."""

from collections.abc import Sequence
from datetime import UTC, datetime

from msgspec import Struct

from baton.measure.evidence import Row, mean_cost, pair_of
from baton.stats.guarantee import Guarantee, open_test
from baton.types.certificate import Certificate
from baton.types.watch import Compared

VERSION = 1


class ShadowHeader(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="shadow"):
    """See `Certificate`. `delta` is the alpha of this test, `attempt` which one of the model's it was."""

    version: int = VERSION
    task_type: str
    reference: str
    rung: str
    models: dict[str, str]
    rho: float
    delta: float
    cap: int
    attempt: int
    grader: str
    date: str
    simulated: bool


def earned(header: ShadowHeader, rows: Sequence[Row], grades: str) -> tuple[Certificate, ...]:
    """What the rows prove; nothing where their test was not passed, or a judge alone has graded."""
    if header.grader.startswith(("rubric:", "pairwise:")):
        return ()
    pairs = [pair for row in rows if (pair := pair_of(row, header.reference, header.rung)) is not None]
    test = open_test(Guarantee(header.rho, alpha=header.delta), cap=header.cap).after(())
    for pair in pairs:
        test = test.after([pair])
    means = test.means
    if test.verdict != "adequate" or means is None or not means.reference:
        return ()
    made = Certificate(
        task_type=header.task_type,
        rung=header.rung,
        reference=header.reference,
        rho=header.rho,
        delta=header.delta,
        n=test.n,
        estimate=means.candidate / means.reference,
        bound=max(header.rho, test.ratio_bound()),
        cost_per_task=mean_cost(rows, header.rung),
        reference_cost_per_task=mean_cost(rows, header.reference),
        grader=header.grader,
        models=header.models,
        prompt_set=f"sha256:{grades.removeprefix('sha256:')}",
        grades=grades,
        order_seed=0,
        date=header.date,
        simulated=header.simulated,
    )
    return (made,)


def rows_of(compared: Sequence[Compared]) -> list[Row]:
    return [
        Row(
            one.request_id,
            {one.model: one.model_grade, one.reference: one.reference_grade},
            {one.model: one.model_cost, one.reference: one.reference_cost},
        )
        for one in compared
    ]


def day_of(at: float) -> str:
    """ISO day of UTC."""
    return datetime.fromtimestamp(at, UTC).date().isoformat()
