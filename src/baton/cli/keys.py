"""`baton keys create | list | show | revoke`: keys for callers, kept in the ledger's database."""

import getpass
import re
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from baton.cli.configured import ConfigOption, configured

if TYPE_CHECKING:
    from baton.server.admin.book import Book, KeyView

keys_app = typer.Typer(name="keys", help="Keys for callers: make, list, show, revoke.", no_args_is_help=True)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
NameArgument = Annotated[str, typer.Argument(help="The name of the key.")]


@keys_app.command()
def create(
    name: NameArgument,
    config: ConfigOption = None,
    team: Annotated[str | None, typer.Option(help="Shares the budgets of this team.")] = None,
    model: Annotated[list[str] | None, typer.Option(help="A model it may use, * as wildcard; may be repeated.")] = None,
    route: Annotated[list[str] | None, typer.Option(help="A route it may use; may be repeated.")] = None,
    expires: Annotated[str | None, typer.Option(help="2027-01-31, a moment of UTC, or from now: 12h, 30d.")] = None,
    day_usd: Annotated[float | None, typer.Option(min=0, help="Budget of a day.")] = None,
    month_usd: Annotated[float | None, typer.Option(min=0, help="Budget of a month.")] = None,
    total_usd: Annotated[float | None, typer.Option(min=0, help="Budget of all time.")] = None,
    rpm: Annotated[int | None, typer.Option(min=1, help="Requests per minute.")] = None,
    tpm: Annotated[int | None, typer.Option(min=1, help="Tokens per minute.")] = None,
    parallel: Annotated[int | None, typer.Option(min=1, help="Requests at once.")] = None,
    task_type: Annotated[str | None, typer.Option(help="Task type of everything it asks.")] = None,
    content: Annotated[str | None, typer.Option(help="off: keep nothing of its prompts and answers.")] = None,
    floor: Annotated[float | None, typer.Option(min=0, max=1, help="Share of the reference's quality.")] = None,
    min_quality: Annotated[float | None, typer.Option(min=0, max=1, help="Absolute quality 0..1.")] = None,
    lambda_: Annotated[
        float | None, typer.Option("--lambda", min=0, help="Points per USD saved on 1,000 tasks.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key. It is printed once, on standard output, and kept nowhere."""
    import msgspec

    from baton.server.admin.book import NewKey

    given: dict[str, Any] = {
        "name": name, "team": team, "models": model, "routes": route, "expires": _moment(expires),
        "day_usd": day_usd, "month_usd": month_usd, "total_usd": total_usd, "rpm": rpm, "tpm": tpm,
        "parallel": parallel, "task_type": task_type, "floor": floor, "min_quality": min_quality, "lambda": lambda_,
        "content": content,
    }  # fmt: skip
    try:
        order = msgspec.convert({key: value for key, value in given.items() if value is not None}, type=NewKey)
    except msgspec.ValidationError as error:
        raise typer.BadParameter(str(error)) from error
    made = book_of(config).make(order, actor())
    if as_json:
        _print_json(made)
    else:
        sys.stdout.write(f"{made.key}\n")
        sys.stderr.write(f"This is the only time that the key of {name!r} is shown: keep it now\n")


@keys_app.command("list")
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """All keys, with what they have spent."""
    views = book_of(config).keys()
    if as_json:
        _print_json({"keys": views})
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("name", "key", "team", "status", "today $", "month $", "total $", "limits", box=None, pad_edge=False)
    for view in views:
        spent = view.spent
        figures = (f"{usd:.4f}" for usd in (spent.day_usd, spent.month_usd, spent.total_usd))
        hint = f"{view.hint}..." if view.hint else "(config)"
        table.add_row(view.name, hint, view.terms.team or "", view.status, *figures, escape(_limits(view)))
    Console().print(table)


@keys_app.command()
def show(name: NameArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """One key: what it may do, and what it has spent."""
    view = book_of(config).show(name)
    if as_json:
        _print_json(view)
        return
    spent = view.spent
    sys.stdout.write(f"{view.name}  {view.status}  ({view.source})\n")
    sys.stdout.write(f"spent: ${spent.day_usd:.4f} today, ${spent.month_usd:.4f} this month, ${spent.total_usd:.4f}\n")
    sys.stdout.write(f"{_limits(view) or 'no limits'}\n")


@keys_app.command()
def revoke(name: NameArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Refuse a key from now on; a running gateway does so within a second."""
    view = book_of(config).revoke(name, actor())
    if as_json:
        _print_json(view)
    else:
        sys.stdout.write(f"{view.name} is revoked since {view.revoked_at}\n")


def book_of(config: ConfigOption) -> "Book":
    """The keys of a config, where all its replicas read them; the ledger is made where there is none yet."""
    from pathlib import Path

    from baton.record.keys import KeyStore
    from baton.server.admin.book import Book

    found = configured(config)
    place = found.ledger.database_url or Path(found.ledger.path)
    store = KeyStore(place)
    store.prepare()
    return Book(found, store, place, time.time)


def actor() -> str:
    """As the audit log names who works at the command line."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # a container without a user of this number
        return "cli"


def _moment(text: str | None) -> str | None:
    span = re.fullmatch(r"(\d{1,6})([hd])", text or "")
    if span is None:
        return text
    at = time.time() + int(span[1]) * {"h": 3_600, "d": 86_400}[span[2]]
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _limits(view: "KeyView") -> str:
    import msgspec

    return ", ".join(f"{name} {value}" for name, value in msgspec.to_builtins(view.terms).items() if name != "team")


def _print_json(value: object) -> None:
    import msgspec

    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")
