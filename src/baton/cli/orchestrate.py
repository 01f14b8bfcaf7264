"""`baton orchestrate`: a run in the terminal, with the tree of its sub-tasks; `baton trace`: what became of it."""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from baton.cli.configured import ConfigOption, configured, ledger_of

if TYPE_CHECKING:
    from rich.tree import Tree

    from baton.config.schema import Config
    from baton.types.orchestration import Outcome, Step

MARKS = {"verified": "[green]verified[/green]", "unresolved": "[red]unresolved[/red]"}


def orchestrate(
    request: Annotated[str, typer.Argument(help="What is to be done")],
    documents: Annotated[list[Path] | None, typer.Option("--documents", "-d", help="Texts to work on")] = None,
    budget: Annotated[float | None, typer.Option(help="USD that the run may cost")] = None,
    seconds: Annotated[float | None, typer.Option(help="Until it ends")] = None,
    plan: Annotated[Path | None, typer.Option(help="A plan of your own, as JSON")] = None,
    require: Annotated[str, typer.Option(help="Least assurance: judged, agreed, grounded, executed")] = "none",
    as_json: Annotated[bool, typer.Option("--json", help="The whole outcome as JSON, and nothing else")] = False,
    config: ConfigOption = None,
) -> None:
    """Plan, delegate to cheap models, verify every result, and answer with nothing that was not verified."""
    import msgspec

    from baton.flow.orchestrate.library import Asked, Budget
    from baton.flow.orchestrate.plan import read_plan
    from baton.types.errors import PlanRefused
    from baton.types.trust import Assurance

    if require.upper() not in Assurance.__members__:
        raise PlanRefused(f"--require is one of {', '.join(one.word for one in Assurance)}, not {require!r}")
    texts = {path.name: _text(path) for path in documents or []}
    if len(texts) < len(documents or []):
        raise PlanRefused("two documents have one name: give them different names")
    own = None if plan is None else read_plan(plan.read_bytes())
    asked = Asked(request, texts, own, Budget(budget, seconds), (), Assurance[require.upper()], "")
    outcome = asyncio.run(_run(configured(config), asked, show=not as_json))
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(outcome), indent=2).decode() + "\n")
    else:
        _told(outcome)
    if outcome.status != "complete":
        raise typer.Exit(3)


def trace(
    run: Annotated[str, typer.Argument(help="Id of a run")],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON")] = False,
    config: ConfigOption = None,
) -> None:
    """Every step of a run: who was asked, what was verified, what it cost. What models said is not shown."""
    import msgspec
    from rich.console import Console
    from rich.table import Table

    from baton.flow.orchestrate.runs import trace_of
    from baton.record.journal import Journal

    journal = Journal(ledger_of(None, config))
    shown = trace_of(journal.find(run), journal.steps(run))
    journal.close()
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(shown), indent=2).decode() + "\n")
        return
    table = Table("step", "what", "model", "seconds", "USD", box=None)
    for step in shown["steps"]:
        cost = f"{step['cost_usd']:.6f}" if step["cost_usd"] else ""
        table.add_row(step["key"].split("/")[0], step["kind"], step.get("model", ""), f"{step['seconds']:.3f}", cost)
    console = Console()
    console.print(f"run {run}: {shown['status']}")
    console.print(table)


async def _run(config: "Config", asked: Any, *, show: bool) -> "Outcome":
    from baton.flow.house import open_house
    from baton.flow.orchestrate.library import run_begun
    from baton.flow.spending import in_house

    house = open_house(config)
    try:
        live = await run_begun(house, in_house("library", config), asked)
        if show:
            await _follow(live)
        return await live.outcome()
    finally:
        await house.close()


async def _follow(live: Any) -> None:
    """The tree of the plan, every sub-task with who was asked and what became of it."""
    from rich.console import Console
    from rich.live import Live as Screen
    from rich.tree import Tree

    tree = Tree(f"run {live.run_id}")
    branches: dict[str, Tree] = {}
    with Screen(tree, console=Console(stderr=True), refresh_per_second=10):
        async for step in live.journal.follow():
            _grow(tree, branches, step)


def _grow(tree: "Tree", branches: "dict[str, Tree]", step: "Step") -> None:
    if step.kind == "plan":
        for task in step.body["plan"]["tasks"]:
            needs = f" [dim]after {', '.join(task['needs'])}[/dim]" if task["needs"] else ""
            branches[task["id"]] = tree.add(f"{task['id']}: {task['contract']}{needs}")
        return
    name = step.key.split("/")[0]
    branch = branches.get(name)
    if step.kind == "answer":
        return
    if branch is None:
        branch = branches[name] = tree.add(name)
    if step.kind in MARKS:
        branch.add(f"{MARKS[step.kind]} {step.body.get('assurance', step.body.get('reason', ''))}")
    else:
        branch.add(f"{step.kind} {_model(step.body)} [dim]{step.seconds:.2f} s, ${step.cost / 1e9:.6f}[/dim]")


def _model(body: Mapping[str, Any]) -> str:
    return str(body.get("model", ""))


def _told(outcome: "Outcome") -> None:
    from rich.console import Console

    console = Console()
    console.print(outcome.text, markup=False)
    saved = f", all by the orchestrator's model ${outcome.baseline_cost_usd:.6f}" if outcome.baseline_cost_usd else ""
    console.print(
        f"\n[dim]{outcome.status}, {outcome.assurance}: ${outcome.cost_usd:.6f}{saved}; "
        f"{outcome.calls} calls, run {outcome.run_id}{', simulated' if outcome.simulated else ''}[/dim]"
    )


def _text(path: Path) -> str:
    """Raises PlanRefused for what is no text."""
    from baton.types.errors import PlanRefused

    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise PlanRefused(f"{str(path)!r} is no UTF-8 text: a run reads texts") from error
