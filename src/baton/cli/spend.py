"""`baton spend`: who spends what, from the ledger."""

import sys
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Annotated

import typer

from baton.cli.configured import ConfigOption
from baton.cli.keys import book_of


class By(StrEnum):
    KEY = "key"
    TEAM = "team"
    USER = "user"
    TAG = "tag"


def spend(
    config: ConfigOption = None,
    by: Annotated[By, typer.Option(help="Whose spending.")] = By.KEY,
    since: Annotated[str | None, typer.Option(help="First day, such as 2026-01-31, or the last 7d.")] = None,
    until: Annotated[str | None, typer.Option(help="Last day, such as 2026-02-28.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """What keys, teams, end users or tags have spent, dearest first."""
    import msgspec

    rows = book_of(config).spend(by.value, day_of_text(since, "--since"), day_of_text(until, "--until"))
    if as_json:
        table = msgspec.json.encode({"by": by.value, "rows": rows})
        sys.stdout.write(msgspec.json.format(table, indent=2).decode() + "\n")
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    shown = Table(by.value, "requests", "input tokens", "output tokens", "cost $", box=None, pad_edge=False)
    for row in rows:
        counts = (f"{count:,}" for count in (row.requests, row.input_tokens, row.output_tokens))
        shown.add_row(escape(row.account), *counts, f"{row.cost_usd:.4f}")
    Console().print(shown)


def day_of_text(text: str | None, option: str) -> date | None:
    """A day, or so many days back."""
    if text is None:
        return None
    if text.endswith("d") and text[:-1].isdigit() and len(text) <= 6:
        return datetime.now(UTC).date() - timedelta(days=int(text[:-1]) - 1)
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not a day: write 2026-01-31 or 7d", param_hint=option) from error
