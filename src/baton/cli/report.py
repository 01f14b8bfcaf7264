"""`baton report`: the three questions, answered from the ledger."""

import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from baton.cli.configured import ConfigOption, LedgerOption, ledger_of
from baton.cli.tables import model_column

if TYPE_CHECKING:
    from rich.console import Console

    from baton.measure.paths import PathDifference
    from baton.record.queries import QualityLine, Report

UNIT_S = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def report(
    ledger: LedgerOption = None,
    config: ConfigOption = None,
    since: Annotated[str | None, typer.Option(help="Only tasks of the last 30m, 24h, 7d, 2w.")] = None,
    record: Annotated[
        Path | None, typer.Option(help="Run record whose grades compare models. Default: beside the ledger.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Share of tasks per model, cost per task type, quality per route, saving against the reference, and how models
    differ on the same prompts.
    """
    import msgspec

    from baton.measure.paths import path_differences
    from baton.record.queries import report as ask

    place, begin = ledger_of(ledger, config), time.time() - seconds_of(since) if since else 0.0
    found = ask(place, since=begin)
    beside = place if isinstance(place, Path) else Path("baton.db")
    differences = path_differences(place, record or beside.with_name(f"{beside.stem}-record.jsonl"), begin)
    if as_json:
        whole = msgspec.to_builtins(found) | {"differences": differences}
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(whole), indent=2).decode() + "\n")
    else:
        from rich.console import Console

        console = Console()
        print_report(found, console)
        print_differences(differences, console)


def seconds_of(span: str) -> float:
    match = re.fullmatch(r"(\d+)([mhdw])", span)
    if match is None:
        raise typer.BadParameter(f"{span!r} is not a span of time: write 30m, 24h, 7d or 2w", param_hint="--since")
    return float(int(match[1]) * UNIT_S[match[2]])


def print_report(report: "Report", console: "Console") -> None:
    from rich.table import Table

    if report.simulated:
        console.print("[yellow]Figures are simulated.[/yellow]" if report.simulated is True else "Some are simulated.")
    shares = Table(
        model_column("model", report.share_by_model),
        "share of tasks",
        box=None,
        pad_edge=False,
        title="Where tasks go",
        title_justify="left",
    )
    for model, share in report.share_by_model.items():
        shares.add_row(model, f"{100 * share:5.1f} %")
    costs = Table("task type", "tasks", "cost $", "per 1,000 $", "reference $*", box=None, pad_edge=False)
    costs.title, costs.title_justify = "What they cost", "left"
    for task_type, line in report.cost_by_task_type.items():
        per_thousand = f"{1_000 * line.cost_per_task_usd:.3f}"
        costs.add_row(task_type, str(line.tasks), f"{line.cost_usd:.4f}", per_thousand, f"{line.baseline_cost_usd:.4f}")
    quality = Table("route", "graded", "quality", "95 % interval", box=None, pad_edge=False)
    quality.title, quality.title_justify = "How good the answers are", "left"
    for route, graded in report.quality_by_route.items():
        quality.add_row(route, f"{graded.graded} of {graded.tasks}", *quality_cells(graded))
    for table in (shares, costs, quality):
        console.print(table)
        console.print()
    saved = report.savings.saved_pct
    console.print(f"saved {saved:.1f} % against the reference" if saved is not None else "nothing to compare yet")
    console.print(f"* {report.savings.basis}. {report.note}")
    if report.dropped:
        console.print(f"[red]{report.dropped} records were dropped[/red]: raise ledger.capacity or check the disk")


def print_differences(differences: "dict[str, list[PathDifference]]", console: "Console") -> None:
    """Those that can be compared, and one line for all that cannot."""
    from rich.table import Table

    lines = [(task_type, one) for task_type, found in differences.items() for one in found]
    table = Table("task type", "model", "against", "difference (95 %)", "prompts", "how", box=None, pad_edge=False)
    table.title, table.title_justify = "How models differ on the same prompts", "left"
    for task_type, one in lines:
        if one.difference is not None and one.interval is not None:
            told = f"{one.difference:+.3f} ({one.interval.low:+.3f} to {one.interval.high:+.3f})"
            table.add_row(task_type, one.a, one.b, told, str(one.n), one.method)
    if table.row_count:
        console.print()
        console.print(table)
    refused = [f"{task_type}: {one.a} and {one.b}" for task_type, one in lines if not one.comparable]
    if refused:
        reason = next(one.reason for _, one in lines if not one.comparable)
        console.print(f"{len(refused)} pairs of models, such as {refused[0]}: {reason}")


def quality_cells(line: "QualityLine") -> tuple[str, str]:
    if line.quality is None or line.interval is None:
        return "no grades yet", ""
    return f"{line.quality:.3f}", f"{line.interval.low:.3f} - {line.interval.high:.3f}"
