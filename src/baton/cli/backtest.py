"""`baton backtest`: recorded traffic against another policy, with no model called."""

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from baton.cli.report import seconds_of
from baton.cli.tables import model_column

if TYPE_CHECKING:
    from rich.console import Console

    from baton.measure.backtest import Backtest, Figure
    from baton.measure.traffic import Logged

FILES = {".jsonl", ".parquet"}


def backtest(
    policy: Annotated[Path, typer.Argument(help="The config to try: a baton.yaml with the other policy.")],
    log: Annotated[
        str, typer.Option(help="A ledger (file or postgresql:// URL), or graded answers: .jsonl, .parquet.")
    ],
    since: Annotated[str | None, typer.Option(help="Of a ledger, only requests of the last 30m, 24h, 7d, 2w.")] = None,
    task_type: Annotated[str | None, typer.Option(help="Of a file, for rows that name none.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Replay recorded traffic against another policy: shares, cost and quality, before and after."""
    import msgspec

    from baton.config.load import load_config
    from baton.measure.backtest import backtest as replay

    snapshot = load_config(policy, os.environ).snapshot
    traffic, simulated = _traffic(log, since, task_type)
    found = replay(traffic, snapshot, simulated=simulated)
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n")
    else:
        from rich.console import Console

        print_backtest(found, Console())


def _traffic(log: str, since: str | None, task_type: str | None) -> "tuple[list[Logged], bool]":
    from baton.cli.configured import ledger_of
    from baton.measure.traffic import from_file, from_ledger

    if Path(log).suffix in FILES:
        if since is not None:
            raise typer.BadParameter("a file of graded answers has no times", param_hint="--since")
        return from_file(Path(log), task_type), False
    found = from_ledger(ledger_of(log, None), time.time() - seconds_of(since) if since else 0.0)
    return found, any(one.simulated for one in found)


def print_backtest(found: "Backtest", console: "Console") -> None:
    from rich.markup import escape
    from rich.table import Table

    if found.simulated:
        console.print("[yellow]Some of this traffic is simulated.[/yellow]")
    shares = Table(model_column("model", found.share_by_model), "before", "after", box=None, pad_edge=False)
    shares.title, shares.title_justify = f"Where {found.requests} requests go", "left"
    for model, share in found.share_by_model.items():
        shares.add_row(model, "not logged" if share.before is None else f"{share.before:6.1%}", f"{share.after:6.1%}")
    console.print(shares)
    if found.cost is not None:
        cost = found.cost
        change = "" if cost.change_pct is None else f" ({cost.change_pct:+.1f} %)"
        console.print(f"cost ${cost.before_usd:.4f} -> ${cost.after_usd:.4f}{change}; {escape(cost.basis)}")
    figures = (
        ("quality before", found.quality_before),
        ("quality after", found.quality_after),
        ("difference", found.difference),
    )
    for name, figure in figures:
        console.print(f"{name}: {_figure(figure)}")
    if found.doubly_robust is not None:
        worth = found.doubly_robust
        interval = f"{worth.interval.low:.3f} - {worth.interval.high:.3f}"
        console.print(
            f"quality after, doubly robust: {worth.mean:.3f} ({interval}), {worth.n} requests with propensities, "
            f"worth {worth.effective_n:.0f}"
        )
    for why, count in found.refused.items():
        console.print(f"[red]{count} requests refused[/red]: {escape(why)}")
    for sentence in found.unknown:
        console.print(f"unknown: {escape(sentence)}")


def _figure(figure: "Figure | None") -> str:
    if figure is None:
        return "nothing graded"
    low, high = figure.interval.low, figure.interval.high
    return f"{figure.mean:.3f} ({low:.3f} - {high:.3f}) of {figure.n}: {figure.method}"
