"""`baton verify policy.lock`: every certificate again from its recorded grades, without asking anybody."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from baton.cli.measuring import JsonOption, TypeOption, print_json


def verify(
    lock: Annotated[Path, typer.Argument(help="A policy.lock, with its grades beside it.")] = Path("policy.lock"),
    prompts: Annotated[Path | None, typer.Option(help="The prompt set that it is said to rest on.")] = None,
    task_type: TypeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Recompute every certificate from the recorded grades; exit 1 where a byte of either was changed."""
    from baton.measure.datasets.load import load_prompts
    from baton.measure.lock import verify as recompute

    found = recompute(lock, None if prompts is None else load_prompts(prompts, task_type).hash)
    if as_json:
        print_json({"valid": found.valid, "certificates": found.findings})
    for one in found.findings:
        if one.problem:
            sys.stderr.write(f"{one.certificate}: {one.problem}\n")
        elif not as_json:
            sys.stdout.write(f"{one.certificate}: holds\n")
    if not found.valid:
        raise typer.Exit(1)
    if not found.findings:
        sys.stderr.write(f"{lock} holds no certificate\n")
