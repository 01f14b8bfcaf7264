"""`baton certify`: gates in front of a rung that is not good enough alone, and whole policies, with certificates."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import Struct

from baton.cli.configured import ConfigOption
from baton.cli.ladder import TypeLadder, print_ladders, told_of
from baton.cli.measuring import (
    BudgetOption,
    ConcurrencyOption,
    DateOption,
    FreshPin,
    Given,
    JsonOption,
    MaxOutputOption,
    PromptsOption,
    RecordOption,
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

    from baton.config.schema import Config
    from baton.measure.bench import Bench, Entrants
    from baton.measure.gating import GateWalk
    from baton.measure.ladder import Rules


class TypeGate(Struct, frozen=True):
    """`threshold`: difficulty up to which the rung may serve; None: nothing is proven. `share` of prompts below it."""

    task_type: str
    rung: str
    reference: str
    rho: float
    delta: float
    n: int
    threshold: float | None
    share: float
    quality: float | None
    """Of rung and reference together under the gate; beside it what each has alone."""
    reference_quality: float | None
    rung_quality: float | None
    unread: int
    certificates: list[str]
    grader: str
    faults: list[str]
    stopped: str
    told: str
    simulated: bool


def certify(
    config: ConfigOption = None,
    prompts: PromptsOption = None,
    budget: BudgetOption = None,
    policy: Annotated[
        bool, typer.Option("--policy", help="Certify what the config serves as a whole: rules, gates, cascades.")
    ] = False,
    rung: Annotated[
        list[str] | None, typer.Option(help="Gate this model; may be repeated. Default: the cheapest that may serve.")
    ] = None,
    rho: Annotated[float | None, typer.Option(min=0.01, max=1, help="Share of the reference's quality.")] = None,
    delta: Annotated[float, typer.Option(min=1e-6, max=0.5, help="How often a certificate may be wrong.")] = 0.05,
    pilot: Annotated[
        int | None,
        typer.Option(min=30, help="Prompts that are not tested on. Default: 100 for a gate, 30 for a policy."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Where certificates are proposed.")] = Path("policy.proposed.lock"),
    task_type: TypeOption = None,
    seed: SeedOption = 7,
    concurrency: ConcurrencyOption = 16,
    record: RecordOption = None,
    max_output: MaxOutputOption = 4_096,
    date: DateOption = None,
    pin: FreshPin = None,
    as_json: JsonOption = False,
) -> None:
    """Find the gate that sends most to a cheap model and is proven, or prove what the config serves."""
    from rich.console import Console

    from baton.measure.ladder import Rules
    from baton.measure.proposals import refuse_edited

    given = Given(
        command="certify policy" if policy else "certify", config=config, prompts=prompts, budget=budget,
        models=("auto",) if policy else tuple(rung or ()), task_type=task_type, seed=seed, judge=None, pairwise=False,
        criteria=(), concurrency=concurrency, record=record, reference=None, chance=None, max_output=max_output,
        date=date, pin=pin, claim=f"{rho} {delta} {pilot}",
    )  # fmt: skip
    refuse_edited(out)
    rules = Rules(rho=rho, delta=delta, pilot=pilot or (30 if policy else 100), serves="policy" if policy else "rung")
    with Shown(shown_to(as_json)) as shown:
        ladders = run(lambda: _policies(given, rules, out, shown)) if policy else []
        gates = [] if policy else run(lambda: _gates(given, rules, out, shown))
    if as_json:
        print_json(ladders if policy else gates)
    elif policy:
        print_ladders(ladders, Console(), out)
    else:
        print_gates(gates, Console(), out)


async def _policies(given: Given, rules: "Rules", out: Path, shown: Shown) -> list[TypeLadder]:
    from baton.measure.ladder import walk
    from baton.measure.proposals import propose

    made = []
    async with bench_of(given, shown) as (bench, _config):
        for entrants in bench.entrants:
            shown.task_type(entrants.task_type, len(entrants.prompts) * 2)
            before = bench.examiner.spent
            one = await walk(bench, entrants, rules, lambda _ladder: None)
            made.append(told_of(one, bench.examiner.spent - before))
            propose(out, one.file, one.climbed.certificates)
            if one.stopped == "budget":
                break
    return made


async def _gates(given: Given, rules: "Rules", out: Path, shown: Shown) -> list[TypeGate]:
    from baton.measure.gating import Difficulty, walk_gate
    from baton.measure.proposals import propose

    made = []
    async with bench_of(given, shown) as (bench, config):
        if config is None:
            raise typer.BadParameter("a gate reads prompts: give prompts, not grades", param_hint="--prompts")
        difficulty = Difficulty(config.snapshot)
        for entrants in bench.entrants:
            for rung in _rungs(given, entrants, config):
                shown.task_type(f"{entrants.task_type} {rung}", len(entrants.prompts) * 2)
                one = await walk_gate(bench, entrants, rung, rules, difficulty, lambda: None)
                made.append(_told(one, bench))
                propose(out, one.file, one.gated.certificates)
                if one.stopped == "budget":
                    return made
    return made


def _rungs(given: Given, entrants: "Entrants", config: "Config") -> list[str]:
    """Those that were named; else the cheapest of the rest by list price, output over input as usual."""
    others = [model for model in entrants.models if model != entrants.reference]
    if given.models or not others:
        return others
    cards = config.snapshot.cards
    return [min(others, key=lambda model: (cards[model].price.input + cards[model].price.output, model))]


def _told(one: "GateWalk", bench: "Bench") -> TypeGate:
    header, found = one.gated.header, one.gated
    return TypeGate(
        task_type=header.task_type, rung=header.rung, reference=header.reference, rho=header.rho, delta=header.delta,
        n=found.n, threshold=found.threshold, share=found.share, quality=found.quality,
        reference_quality=found.reference_quality, rung_quality=found.rung_quality, unread=found.unread,
        certificates=[certificate.name for certificate in found.certificates], grader=bench.grader_id,
        faults=list(header.faults), stopped=one.stopped, told=one.told, simulated=header.simulated,
    )  # fmt: skip


def print_gates(found: list[TypeGate], console: "Console", out: Path) -> None:
    for one in found:
        mark = " (simulated)" if one.simulated else ""
        if one.threshold is None:
            why = one.told or f"at {one.n} prompts: give more, or ask for less than {one.rho:g} of {one.reference}"
            console.print(f"{one.task_type}: no gate in front of {one.rung} is proven{mark}, {why}")
            continue
        console.print(
            f"{one.task_type}: {one.rung} up to difficulty {one.threshold:.3f}{mark}, {100 * one.share:.1f} % of "
            f"prompts, quality {one.quality:.3f} (alone {one.rung_quality:.3f}; {one.reference} "
            f"{one.reference_quality:.3f}), "
            f"at least {one.rho:g} of it, wrong with probability at most {one.delta:g}"
        )
    if any(one.certificates for one in found):
        console.print(f"certificates are proposed in {out}: baton verify {out}; baton promote {out}", soft_wrap=True)
