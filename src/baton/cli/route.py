"""`baton route`: what would be decided for a prompt, with no model called."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from baton.cli.configured import ConfigOption, configured
from baton.cli.tables import model_column

if TYPE_CHECKING:
    from rich.console import Console

    from baton.types.decision import Decision
    from baton.types.handoff import HandoffReport


def route(
    prompt: Annotated[str, typer.Argument(help="The prompt, or - to read it from standard input.")],
    config: ConfigOption = None,
    model: Annotated[str, typer.Option(help="What the caller would ask for.")] = "auto",
    task_type: Annotated[str | None, typer.Option(help="Declare the task type.")] = None,
    audience: Annotated[str | None, typer.Option(help="internal or customer.")] = None,
    floor: Annotated[float | None, typer.Option(help="Share of the reference's quality that must be met.")] = None,
    lambda_: Annotated[float | None, typer.Option("--lambda", help="Points per USD saved on 1,000 tasks.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole decision as JSON.")] = False,
) -> None:
    """Show which model would get this prompt, and why; no model is called."""
    import msgspec

    from baton.flow.dry_run import decide_only, shown

    wish = {"task_type": task_type, "audience": audience, "floor": floor, "lambda": lambda_}
    body = {
        "model": model,
        "messages": [{"role": "user", "content": sys.stdin.read() if prompt == "-" else prompt}],
        "baton": {name: value for name, value in wish.items() if value is not None},
    }
    decision = decide_only(configured(config).snapshot, "openai-chat", msgspec.json.encode(body), {})
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(shown(decision)), indent=2).decode() + "\n")
    else:
        print_decision(decision)


def print_decision(decision: "Decision") -> None:
    """The sentence first, then the table of candidates, then who was left out and what would have flipped it."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from baton.types.card import arm_name
    from baton.types.money import usd_text

    console = Console()
    console.print(f"[bold]{escape(arm_name(decision.model, decision.effort))}[/bold]  {escape(decision.reason)}")
    if decision.candidates:
        table = Table(
            model_column("candidate", [arm_name(one.model, one.effort) for one in decision.candidates]),
            "quality",
            "evidence",
            "expected $",
            "value",
            "meets floor",
            box=None,
            pad_edge=False,
        )
        for one in sorted(decision.candidates, key=lambda candidate: -candidate.utility):
            met = "yes" if one.meets_floor else "no"
            cost = usd_text(one.cost)
            evidence = one.evidence if one.bound is None else f"{one.evidence}, n {one.n}, at least {one.bound:.2f}"
            name = arm_name(one.model, one.effort)
            table.add_row(name, f"{one.quality:.2f}", evidence, cost, f"{one.utility:.2f}", met)
        console.print(table)
    for excluded in decision.excluded:
        console.print(f"left out: {escape(excluded.model)} ({excluded.reason}): {escape(excluded.detail)}")
    if decision.counterfactual is not None:
        road = decision.counterfactual
        console.print(f"the reference {escape(road.reference)} would cost ${usd_text(road.reference_cost)}")
        if road.flips_when is not None:
            console.print(f"{escape(road.runner_up or '')} instead: {escape(road.flips_when)}")
    if decision.handoff is not None:
        _print_handoff(console, decision.handoff)
    console.print(f"proof: {decision.proof}")


def _print_handoff(console: "Console", report: "HandoffReport") -> None:
    """The counts, and every element that the model did not get as it was meant."""
    from rich.markup import escape

    console.print("handoff: " + ", ".join(f"{count} {action}" for action, count in report.counts().items() if count))
    for entry in report.entries:
        if entry.action in {"degraded", "rejected"}:
            console.print(f"  {entry.action}: {escape(entry.path)} ({escape(entry.reason)})")
