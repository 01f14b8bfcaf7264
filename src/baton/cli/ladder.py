"""`baton ladder`: down the rungs of measured cost, to the cheapest model that is good enough, with a certificate."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from msgspec import Struct

from baton.cli.configured import ConfigOption
from baton.cli.measuring import (
    BudgetOption,
    ChanceOption,
    ColumnOption,
    ConcurrencyOption,
    CriterionOption,
    DateOption,
    FirstOption,
    FreshPin,
    Given,
    JsonOption,
    JudgeOption,
    MaxOutputOption,
    ModelOption,
    PairwiseOption,
    PromptsOption,
    RecordOption,
    ReferenceOption,
    SeedOption,
    Shown,
    TypeOption,
    bench_of,
    print_json,
    run,
    shown_to,
)

if TYPE_CHECKING:
    from rich.console import Console

    from baton.measure.ladder import Rules, Walk
    from baton.stats.intervals import Interval

Mode = Literal["walk", "all"]
WORDS = {"adequate": "adequate", "degrades": "degrades", "undecided": "not enough data", "untested": "not tested"}


class Rung(Struct, frozen=True):
    """`verdict`: adequate, degrades, not enough data (`needs_more` says about how many pairs), or not tested."""

    model: str
    n: int
    quality: float | None
    interval: "Interval"
    e_pass: float
    e_fail: float
    verdict: str
    needs_more: int | None
    reference_quality: float | None
    bound: float
    """Share of the reference's quality that is proved."""
    skipped: int
    e_last: float
    """As `e_pass`, at the last look: for claims over all task types together."""


class TypeLadder(Struct, frozen=True):
    """`cost_usd` of this run. `family_wise`: how often the target is inadequate at most, over the whole walk."""

    task_type: str
    target: str
    rungs: list[Rung]
    cost_usd: float
    reference: str
    rho: float
    delta: float
    mode: Mode
    family_wise: str
    certificates: list[str]
    dropped: dict[str, str]
    grader: str
    sound: bool
    faults: list[str]
    stopped: str
    told: str
    simulated: bool


def ladder(
    config: ConfigOption = None,
    prompts: PromptsOption = None,
    budget: BudgetOption = None,
    model: ModelOption = None,
    rho: Annotated[float | None, typer.Option(min=0.01, max=1, help="Share of the reference's quality.")] = None,
    delta: Annotated[float, typer.Option(min=1e-6, max=0.5, help="How often a verdict may be wrong.")] = 0.05,
    mode: Annotated[Mode, typer.Option(help="walk: stop where it degrades; all: look for specialists below.")] = "walk",
    cap: Annotated[int | None, typer.Option(min=10, help="Pairs of a rung after which it stays undecided.")] = None,
    out: Annotated[Path, typer.Option(help="Where certificates are proposed.")] = Path("policy.proposed.lock"),
    task_type: TypeOption = None,
    type_column: ColumnOption = "task_type",
    first: FirstOption = False,
    seed: SeedOption = 7,
    judge: JudgeOption = None,
    pairwise: PairwiseOption = False,
    criterion: CriterionOption = None,
    concurrency: ConcurrencyOption = 16,
    record: RecordOption = None,
    reference: ReferenceOption = None,
    chance: ChanceOption = None,
    max_output: MaxOutputOption = 4_096,
    date: DateOption = None,
    pin: FreshPin = None,
    as_json: JsonOption = False,
) -> None:
    """Find the cheapest adequate model of each task type: adequate, degrades, or not enough data and how many more."""
    from baton.measure.ladder import Rules
    from baton.measure.proposals import refuse_edited

    given = Given(
        command="ladder", config=config, prompts=prompts, budget=budget, models=tuple(model or ()),
        task_type=task_type, seed=seed, judge=judge, pairwise=pairwise, criteria=tuple(criterion or ()),
        concurrency=concurrency, record=record, reference=reference, chance=chance, max_output=max_output,
        column=type_column, first=first, date=date,
        pin=pin, claim=f"{rho} {delta} {mode} {cap}",
    )  # fmt: skip
    refuse_edited(out)
    rules = Rules(rho=rho, delta=delta, cap=cap, mode=mode)
    with Shown(shown_to(as_json)) as shown:
        found = run(lambda: _ladder(given, rules, out, shown))
    if as_json:
        print_json(found)
    else:
        from rich.console import Console

        print_ladders(found, Console(), out)


async def _ladder(given: Given, rules: "Rules", out: Path, shown: Shown) -> list[TypeLadder]:
    from baton.measure.ladder import walk
    from baton.measure.proposals import propose

    made = []
    async with bench_of(given, shown) as (bench, _config):
        for entrants in bench.entrants:
            shown.task_type(entrants.task_type, len(entrants.prompts) * len(entrants.models))
            before = bench.examiner.spent
            one = await walk(bench, entrants, rules, lambda _ladder: None)
            made.append(told_of(one, bench.examiner.spent - before))
            propose(out, one.file, one.climbed.certificates)
            if one.stopped == "budget":
                break
    return made


def told_of(one: "Walk", spent: int) -> TypeLadder:
    header = one.climbed.header
    alone = "of each rung" if header.mode == "all" else "of the whole walk"
    rungs = [
        Rung(
            model=standing.rung, n=standing.n, quality=standing.quality, interval=standing.interval,
            e_pass=standing.e_pass, e_fail=standing.e_fail, verdict=WORDS[standing.verdict],
            needs_more=standing.needs_more, reference_quality=standing.reference_quality, bound=standing.bound,
            skipped=standing.skipped, e_last=standing.e_last,
        )
        for standing in one.climbed.standings
    ]  # fmt: skip
    wrong = "one rung called adequate among all" if header.mode == "all" else "an inadequate target"
    return TypeLadder(
        task_type=header.task_type, target=one.climbed.target, rungs=rungs, cost_usd=spent / 1e9,
        reference=header.reference, rho=header.rho, delta=header.delta, mode=header.mode,
        family_wise=f"{wrong} with probability at most {header.delta:g}; degrades {alone} likewise",
        certificates=[certificate.name for certificate in one.climbed.certificates],
        dropped=one.climbed.plan.dropped | one.unfit, grader=header.grader, sound=one.sanity.sound,
        faults=list(header.faults), stopped=one.stopped, told=one.told, simulated=header.simulated,
    )  # fmt: skip


def print_ladders(found: list[TypeLadder], console: "Console", out: Path) -> None:
    from rich.table import Table

    for one in found:
        table = Table(box=None, pad_edge=False, title_justify="left")
        table.title = f"{one.task_type}: {one.target}" + (" (simulated)" if one.simulated else "")
        for heading in ("rung", "pairs", "quality (95 %)", "reference", "proved share", "verdict"):
            table.add_column(heading)
        for rung in one.rungs:
            table.add_row(rung.model, str(rung.n), *_quality(rung), f"{rung.bound:.3f}", _verdict(rung))
        console.print(table)
        for model, why in one.dropped.items():
            console.print(f"{model} is no rung: {why}")
        if one.told:
            console.print(f"stopped by the {one.stopped}: {one.told}", style="yellow")
        if one.stopped == "" and any(rung.verdict == WORDS["untested"] for rung in one.rungs):
            console.print("the walk ended: --mode all looks for specialists among the rungs below")
        console.print(f"floor {one.rho:g} of {one.reference}; {one.family_wise}\n")
    if told := fleet_claim(found):
        console.print(told)
    total = sum(one.cost_usd for one in found)
    console.print(f"this run cost ${total:.4f}")
    if any(one.certificates for one in found):
        console.print(f"certificates are proposed in {out}: baton verify {out}; baton promote {out}", soft_wrap=True)


def fleet_claim(found: list[TypeLadder]) -> str:
    """Which targets hold together, by e-BH over the task types: the claim of each alone says nothing of all of them."""
    from baton.stats.multiplicity import e_bh

    sound = [one for one in found if one.sound]
    tried = [one for one in sound if one.target != one.reference]
    if len(tried) < 2 or len({one.delta for one in found}) > 1:
        return ""
    values = [math.log(max(_evidence(one), 1e-300)) for one in tried] + [0.0] * (len(sound) - len(tried))
    held = e_bh(values, found[0].delta)[: len(tried)]
    names = ", ".join(f"{one.task_type}: {one.target}" for one, holds in zip(tried, held, strict=True) if holds)
    return f"together, on average at most {100 * found[0].delta:g} % of these are inadequate: {names or 'none'}"


def _evidence(one: TypeLadder) -> float:
    """An e-value against "the target is inadequate", whichever rung that is.

    Walk: the first inadequate rung is one of those that passed, so the least of their e-values will do. All: the target
    was chosen among m rungs, so its e-value over m.
    """
    values = {rung.model: rung.e_last for rung in one.rungs if rung.verdict == WORDS["adequate"]}
    return values[one.target] / len(one.rungs) if one.mode == "all" else min(values.values())


def _quality(rung: Rung) -> tuple[str, str]:
    if rung.quality is None:
        return "-", "-"
    told = f"{rung.quality:.3f} ({rung.interval.low:.3f} - {rung.interval.high:.3f})"
    return told, f"{rung.reference_quality:.3f}"


def _verdict(rung: Rung) -> str:
    if rung.verdict != WORDS["undecided"]:
        return rung.verdict
    more = "more than a million" if rung.needs_more is None else f"about {rung.needs_more:,}"
    return f"{rung.verdict}: needs {more} more"
