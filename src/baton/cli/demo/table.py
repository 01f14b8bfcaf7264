"""The demo's figures for people."""

from rich.console import Console
from rich.table import Table

from baton.cli.demo.summary import Summary


def print_summary(summary: Summary, console: Console) -> None:
    table = Table(box=None, pad_edge=False, title="Where every task went (simulated)", title_justify="left")
    for column in ("task type", "tasks", "went to", "quality (95 %)", "cost $", "reference $*"):
        table.add_column(column)
    for name, count in summary.task_types.items():
        quality = summary.quality_by_task_type[name]
        cost = summary.cost_by_task_type[name]
        went = ", ".join(f"{model} {n}" for model, n in sorted(summary.model_by_task_type[name].items()))
        graded = (
            "no grades"
            if quality.interval is None
            else _quality(quality.quality or 0.0, quality.interval.low, quality.interval.high)
        )
        table.add_row(name, str(count), went, graded, f"{cost.cost_usd:.4f}", f"{cost.baseline_cost_usd:.4f}")
    console.print()
    console.print(table)
    console.print()
    for name, part in (("all on the reference", summary.baseline), ("routed", summary.routed)):
        ends = (part.quality_interval.low, part.quality_interval.high)
        console.print(f"{name:22} quality {_quality(part.quality, *ends)}   cost ${part.cost_usd:.4f}")
    console.print(f"{'saved':22} {summary.saved_pct:.1f} % of the cost of sending everything to the reference")
    console.print("* estimate: the same tokens at the reference's price. Proof: none - here rules decide.")


def _quality(value: float, low: float, high: float) -> str:
    return f"{value:.3f} ({low:.3f} - {high:.3f})"
