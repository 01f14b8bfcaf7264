"""`baton content delete`: prompts and answers that the ledger keeps."""

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from baton.cli.configured import ConfigOption
from baton.cli.keys import JsonOption, actor, book_of

if TYPE_CHECKING:
    from baton.server.admin.erasing import Amount

content_app = typer.Typer(name="content", help="Prompts and answers that are kept: delete.", no_args_is_help=True)


@content_app.callback()
def content() -> None:
    """Prompts and answers that are kept."""


@content_app.command()
def delete(
    config: ConfigOption = None,
    request_id: Annotated[str | None, typer.Option("--request", help="Of the request with this id.")] = None,
    key: Annotated[str | None, typer.Option(help="Of requests with the key of this name.")] = None,
    task_id: Annotated[str | None, typer.Option("--task", help="Of the requests of this task.")] = None,
    user: Annotated[str | None, typer.Option(help="Of requests for this end user.")] = None,
    before: Annotated[
        str | None, typer.Option(help="That came before 2026-01-31, a moment of UTC, or longer ago than 12h or 30d.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count what would be deleted, and delete nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Delete contents to which all of this applies; their figures stay. Other replicas follow within a minute."""
    import msgspec

    from baton.server.admin.erasing import which_of
    from baton.types.errors import RequestError

    given = {"request_id": request_id, "key": key, "task_id": task_id, "user": user, "before": before}
    try:
        which = which_of({name: text for name, text in given.items() if text is not None}, time.time())
    except RequestError as error:
        raise typer.BadParameter(error.message) from error
    done = book_of(config).erase(which, actor(), dry_run=dry_run)
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(done), indent=2).decode() + "\n")
        return
    verb = "would be deleted" if dry_run else "deleted"
    for where, amount in (("the file", done.file), ("PostgreSQL", done.database)):
        if amount is not None:
            sys.stdout.write(f"{_told(amount)} {verb} in {where}\n")


def _told(amount: "Amount") -> str:
    return f"{amount.contents:,} content{'' if amount.contents == 1 else 's'} ({amount.size_bytes:,} bytes)"
