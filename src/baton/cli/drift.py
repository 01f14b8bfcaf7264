"""`baton drift`: how every watched model stands, what was changed and why, and what an operator decides by hand."""

import getpass
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from baton.cli.configured import ConfigOption, LedgerOption, ledger_of
from baton.cli.measuring import JsonOption, print_json
from baton.types.errors import NotFound

if TYPE_CHECKING:
    from baton.measure.drift.state import LoopState, Subject
    from baton.record.watching import WatchStore

drift_app = typer.Typer(
    help="Whether what was proven is still true: monitors, demotions, re-tests.", no_args_is_help=True
)
TypeArgument = Annotated[str, typer.Argument(help="Task type.")]
ModelArgument = Annotated[str, typer.Argument(help="Model id.")]


@drift_app.command()
def status(
    config: ConfigOption = None,
    ledger: LedgerOption = None,
    log: Annotated[int, typer.Option(min=0, help="Show so many of the last changes too.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Every watched model with its state, and each of its monitors: e-value, threshold, graded tasks seen."""
    store = _store(ledger, config)
    state = _state(store)
    rows = [row for _, one in sorted(state.subjects.items()) for row in rows_of(one)]
    changes = store.transitions(log) if log else []
    if as_json:
        print_json({"monitors": rows, "log": changes} if log else rows)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("task type", "model", "state", "monitor", "e-value", "threshold", "n", "since", box=None)
    for row in rows:
        figures = (f"{row['e_value']:.3g}", f"{row['threshold']:,.0f}", f"{row['n']:,}", _moment(row["since"]))
        table.add_row(row["task_type"], row["model"], row["state"], row["monitor"], *figures)
    console = Console()
    console.print(table)
    for one in changes:
        told = f"{_moment(one.at)} {one.task_type} {one.model}: {one.before or 'new'} -> {one.after}: {one.reason}"
        console.print(told, soft_wrap=True, markup=False)


@drift_app.command()
def ack(
    task_type: TypeArgument,
    model: Annotated[str, typer.Argument(help="Model id; default: every alarm of the task type.")] = "",
    config: ConfigOption = None,
    ledger: LedgerOption = None,
) -> None:
    """Say that an alarm was seen. A reference that was alarmed is watched again, by what it is worth now."""
    _order("ack", task_type, model, ledger, config)


@drift_app.command()
def retest(
    task_type: TypeArgument, model: ModelArgument, config: ConfigOption = None, ledger: LedgerOption = None
) -> None:
    """Test a demoted model now, whatever is left of its hold."""
    _order("retest", task_type, model, ledger, config)


@drift_app.command()
def demote(
    task_type: TypeArgument, model: ModelArgument, config: ConfigOption = None, ledger: LedgerOption = None
) -> None:
    """Take a model off a task type, until you test or promote it."""
    _order("demote", task_type, model, ledger, config)


@drift_app.command()
def promote(
    task_type: TypeArgument, model: ModelArgument, config: ConfigOption = None, ledger: LedgerOption = None
) -> None:
    """Let a demoted model serve again without a test: on your word, and the log says so."""
    _order("promote", task_type, model, ledger, config)


@drift_app.command()
def run(config: ConfigOption = None) -> None:
    """Watch in a process of its own, beside the gateways that share its ledger: one of them all leads."""
    import asyncio

    from baton.cli.configured import configured

    found = configured(config)
    if found.proof.watching is None:
        raise NotFound("nothing is to be watched: add `proof: {watch: {}}` to the config", "proof.watch")
    asyncio.run(_run(found))


async def _run(config: Any) -> None:
    from baton.flow.house import open_house
    from baton.server.watching import watcher_of

    house = open_house(config)
    try:
        await watcher_of(lambda: house).run()
    finally:
        await house.close()


def rows_of(one: "Subject") -> list[dict[str, Any]]:
    """One for each monitor, most alarming first; a model that is tested has its test."""
    head = {"task_type": one.task_type, "model": one.model, "state": one.state if one.present else "gone"}
    rows = [
        {**head, "monitor": kind, "e_value": monitor.e_value, "threshold": monitor.threshold, "n": monitor.n}
        for kind, monitor in sorted(one.monitors.items(), key=lambda pair: -pair[1].e_value)
        if monitor.n
    ]
    if one.test is not None:
        import math

        test = one.test
        figures = {"e_value": math.exp(test.log_e_pass), "threshold": 1 / test.guarantee.alpha, "n": test.n}
        rows.insert(0, {**head, "monitor": "test", **figures})
    if not rows:
        threshold = next((monitor.threshold for monitor in one.monitors.values()), 0.0)
        rows = [{**head, "monitor": "", "e_value": 0.0, "threshold": threshold, "n": 0}]
    told = {"since": one.since, "reason": one.reason, "hold_s": one.hold_s, "attempts": one.attempts}
    return [row | told for row in rows]


def _store(ledger: str | None, config: Any) -> "WatchStore":
    from baton.record.watching import WatchStore

    return WatchStore(ledger_of(ledger, config))


def _state(store: "WatchStore") -> "LoopState":
    import msgspec

    from baton.measure.drift.state import LoopState

    kept = store.load()
    if not kept.body:
        raise NotFound("nothing was watched yet: add `proof: {watch: {}}` to the config and start the gateway")
    return msgspec.json.decode(kept.body, type=LoopState)


def _order(action: str, task_type: str, model: str, ledger: str | None, config: Any) -> None:
    import time

    from baton.measure.drift.state import key_of

    store = _store(ledger, config)
    known = _state(store).subjects
    if (model and key_of(task_type, model) not in known) or all(one.task_type != task_type for one in known.values()):
        raise NotFound(f"{model or 'nothing'!r} is not watched on {task_type!r}: `baton drift status` shows who is")
    store.order(time.time(), getpass.getuser(), action, task_type, model)
    sys.stdout.write(f"{action} {task_type} {model}: whoever watches carries it out at its next look\n")


def _moment(at: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")
