"""`baton baseline`: what each model is worth on each task type, and whether the reference is the best of them."""

from typing import TYPE_CHECKING, Annotated

import typer

from baton.cli.configured import ConfigOption
from baton.cli.measuring import (
    BudgetOption,
    ChanceOption,
    ColumnOption,
    ConcurrencyOption,
    CriterionOption,
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

    from baton.measure.baseline import Line, TypeBaseline


def baseline(
    config: ConfigOption = None,
    prompts: PromptsOption = None,
    budget: BudgetOption = None,
    model: ModelOption = None,
    per_type: Annotated[int, typer.Option(min=1, help="Prompts of each task type.")] = 100,
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
    pin: FreshPin = None,
    as_json: JsonOption = False,
) -> None:
    """Quality, cost, latency and refusals of every model on every task type, each with its interval."""
    given = Given(
        command="baseline", config=config, prompts=prompts, budget=budget, models=tuple(model or ()),
        task_type=task_type, seed=seed, judge=judge, pairwise=pairwise, criteria=tuple(criterion or ()),
        concurrency=concurrency, record=record, reference=reference, chance=chance, max_output=max_output,
        column=type_column, first=first,
        date=None, pin=pin,
    )  # fmt: skip
    with Shown(shown_to(as_json)) as shown:
        found = run(lambda: _baseline(given, per_type, shown))
    if as_json:
        print_json(found)
    else:
        from rich.console import Console

        print_baselines(found, Console())


async def _baseline(given: Given, per_type: int, shown: Shown) -> "list[TypeBaseline]":
    from baton.measure.baseline import baseline as measure

    made = []
    async with bench_of(given, shown) as (bench, _config):
        for entrants in bench.entrants:
            shown.task_type(entrants.task_type, min(per_type, len(entrants.prompts)) * len(entrants.models))
            made.append(await measure(bench, entrants, per_type, lambda: None))
            if made[-1].stopped:
                break
    return made


def print_baselines(found: "list[TypeBaseline]", console: "Console") -> None:
    from rich.table import Table

    for one in found:
        table = Table(box=None, pad_edge=False, title_justify="left")
        mark = " (simulated)" if one.simulated else ""
        table.title = f"{one.task_type}{mark}: reference {one.reference} {one.reference_is}"
        for heading in ("model", "n", "quality (95 %)", "$ per 1,000", "$ per 1,000 right", "p50 s", "p95 s",
                        "refused", "no form", "faults"):  # fmt: skip
            table.add_column(heading, overflow="fold")
        for line in one.models:
            table.add_row(line.model, str(line.n), *_cells(line))
        console.print(table)
        for model, difference in one.better.items():
            low, high = difference.interval.low, difference.interval.high
            told = f"{difference.difference:.3f} ({low:.3f} - {high:.3f})"
            console.print(f"[yellow]{model} is better than the reference by {told}: make it the reference?[/yellow]")
        for fault in one.sanity.faults:
            console.print(f"[red]no conclusion, the grader is suspect[/red]: {fault.rule}: {fault.text}")
        for model, why in one.unfit.items():
            console.print(f"{model} is not asked: {why}")
        if one.stopped:
            console.print(f"stopped by the budget: {one.stopped}", style="yellow")
        console.print(f"grader {one.grader}; ${one.cost_usd:.4f} in all\n")


def _cells(line: "Line") -> tuple[str, ...]:
    quality = "not graded"
    if line.quality is not None and line.interval is not None:
        quality = f"{line.quality:.3f} ({line.interval.low:.3f} - {line.interval.high:.3f})"
    if line.judge is not None:
        quality += f", {line.judge.basis}"
    success = line.cost_per_success_usd
    return (
        quality, f"{1_000 * line.cost_per_task_usd:.3f}", "-" if success is None else f"{1_000 * success:.3f}",
        _seconds(line.latency_p50_s), _seconds(line.latency_p95_s),
        *(f"{100 * share:.1f} %" for share in (line.refusal_rate, line.format_failure_rate, line.fault_rate)),
    )  # fmt: skip


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
