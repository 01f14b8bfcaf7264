"""`baton explain ID`: why a request of the past went where it went."""

import sys
from typing import Annotated

import typer

from baton.cli.configured import ConfigOption, LedgerOption, ledger_of
from baton.types.errors import NotFound


def explain(
    request_id: Annotated[str, typer.Argument(help="The value of x-baton-request-id.")],
    ledger: LedgerOption = None,
    config: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole decision as JSON.")] = False,
) -> None:
    """Show the decision of a request that is in the ledger."""
    import msgspec

    from baton.cli.route import print_decision
    from baton.flow.dry_run import shown
    from baton.record.queries import decision_of

    place = ledger_of(ledger, config)
    decision = decision_of(place, request_id)
    if decision is None:
        raise NotFound(f"no decision with id {request_id!r} is in {place}: give another --ledger?")
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(shown(decision)), indent=2).decode() + "\n")
    else:
        print_decision(decision)
