"""`baton promote`: proposed certificates into the lock that the gateway serves by."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from baton.cli.configured import ConfigOption, configured
from baton.cli.measuring import JsonOption, print_json


def promote(
    proposed: Annotated[Path, typer.Argument(help="What `baton ladder` or `baton certify` proposed.")] = Path(
        "policy.proposed.lock"
    ),
    task_type: Annotated[list[str] | None, typer.Option(help="Only this one; may be repeated.")] = None,
    to: Annotated[Path | None, typer.Option(help="The lock in force. Default: what the config names.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put certificates in force. Refuses, and changes nothing, where one of them does not hold."""
    from baton.config.proof import references_of
    from baton.measure.lock import promote as put_in_force

    found = configured(config)
    target = to or Path(found.proof.lock)
    taken = put_in_force(proposed, target, found.snapshot, references_of(found.snapshot), frozenset(task_type or ()))
    if as_json:
        print_json({"lock": str(target), "promoted": [one.name for one in taken]})
        return
    for one in taken:
        sys.stdout.write(f"{one.name} is in force: {one.bound:.3f} of {one.reference} is proved\n")
        if (floor := found.snapshot.task_types[one.task_type].floor) > one.rho:
            sys.stderr.write(
                f"the floor of {one.task_type!r} is {floor:g}: this serves only who asks for {one.rho:g} or less\n"
            )
    if found.proof.mode == "rules":
        sys.stderr.write("the config says proof.mode: rules, so nothing serves by it yet: set it to certified\n")
