"""`baton cascade`: which cheap models to ask first, and what convinces, from graded answers."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from baton.types.cascade import CascadePlan


def cascade(
    data: Annotated[Path, typer.Argument(help="Graded answers with their texts and costs, .jsonl or .parquet.")],
    reference: Annotated[str, typer.Option(help="The model that the others are held against.")],
    target: Annotated[float, typer.Option(help="Share of its quality to keep over all tasks, 0..1.")] = 0.98,
    task_type: Annotated[str | None, typer.Option(help="For rows that name none.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Choose an answer-aware cascade per task type, and print it as a config has it."""
    import msgspec

    from baton.measure.answered import read_answered
    from baton.measure.cascade import choose_roads

    if not 0 < target <= 1:
        raise typer.BadParameter(f"{target} is no share: write 0.98", param_hint="--target")
    table = read_answered(data, reference, task_type)
    roads = choose_roads(table.answered, reference, target, table.folds)
    if as_json:
        told = {"plans": roads.plans, "confidence": roads.confidence, "left_out": table.left_out}
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n")
        return
    import yaml

    sys.stdout.write(
        yaml.safe_dump({"task_types": {one.task_type: _entry(one) for one in roads.plans}}, sort_keys=False)
    )
    for one in roads.plans:
        saved = 100 * (1 - one.expected_cost / one.reference_cost) if one.reference_cost else 0.0
        sys.stdout.write(
            f"# {one.task_type}: on tasks held out {saved:.1f} % saved, quality {one.quality:.3f} of {one.n} tasks, "
            f"at least {one.low:.3f} of the reference's\n"
        )
    for sentence in table.left_out:
        sys.stdout.write(f"# left out: {sentence}\n")


def _entry(plan: "CascadePlan") -> dict[str, Any]:
    if not plan.steps:
        return {"rule": plan.escalate_to}
    entry: dict[str, Any] = {
        "models": [step.arm for step in plan.steps],
        "agree": plan.steps[-1].quorum,
        "escalate_to": plan.escalate_to,
        "share_kept": round(plan.share_kept, 3),
    }
    return {"cascade": entry}
