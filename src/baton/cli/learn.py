"""`baton learn`: train on graded answers, judge against what serves now, and keep the better one."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from baton.cli.configured import ConfigOption, LedgerOption, configured, file_of, ledger_of

if TYPE_CHECKING:
    from baton.measure.learn.graded import Graded
    from baton.measure.learn.refit import Outcome
    from baton.record.database import Place

DEFAULT_FOLDER = "learned"
BUSY = "another process is learning into this folder"
DAY_S = 86_400.0
ALARM_DAYS = 7
"""What of the traffic is looked at for alarms."""


def learn(
    data: Annotated[
        list[Path] | None, typer.Option(help="Graded answers, .jsonl or .parquet (may be repeated); default: ledger.")
    ] = None,
    config: ConfigOption = None,
    ledger: LedgerOption = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of versions; default: learned.path of the config, else ./learned.")
    ] = None,
    reference: Annotated[
        str | None, typer.Option(help="The model that the others are held against; default: the best one.")
    ] = None,
    licence: Annotated[str, typer.Option(help="Licence of the data, for the model card.")] = "",
    seed: Annotated[int, typer.Option(help="Of the folds.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Keep it even if what serves now is better.")] = False,
    if_new: Annotated[
        int | None, typer.Option("--if-new", min=1, help="Only where so many grades are new to what serves now.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Learn from graded answers of several models to the same prompts which prompts need the better model."""
    import numpy as np

    from baton.measure.learn.refit import lesson_kept
    from baton.measure.learn.store import alone

    folder = out or Path(_folder_of(config))
    alarms = [] if data else _alarms(ledger_of(ledger, config))
    with alone(folder) as ours:
        graded = _worth_it(data or [], ledger, config, folder, if_new) if ours else BUSY
        if isinstance(graded, str):
            _say_nothing_new(graded, alarms, as_json=as_json)
            raise typer.Exit(0 if if_new is not None else 1)
        rng, now = np.random.default_rng(seed), time.time()
        outcome = lesson_kept(graded, folder, rng, now=now, reference=reference, licence=licence, force=force)
    told = _told(graded, outcome, folder) | {"alarms": alarms}
    if as_json:
        import msgspec

        sys.stdout.write(msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n")
    else:
        _print(told)
    if not outcome.kept and if_new is None:
        raise typer.Exit(1)


def _worth_it(
    data: list[Path], ledger: str | None, config: Path | None, folder: Path, if_new: int | None
) -> "Graded | str":
    """The grades, or why there is nothing to learn from yet; without `--if-new` that is an error."""
    from baton.measure.learn.graded import GradedDataError
    from baton.measure.learn.refit import new_grades

    if if_new is None:
        return _graded(data, ledger, config)
    try:
        graded = _graded(data, ledger, config)
    except GradedDataError as error:
        return error.message
    new = new_grades(graded, folder)
    return graded if new >= if_new else f"{new:,} grades are new to what serves, and {if_new:,} are asked for"


def _alarms(place: "Place") -> list[str]:
    from baton.measure.learn.refit import unread_alarms
    from baton.record.unread import unread

    found = unread(place, time.time() - ALARM_DAYS * DAY_S)
    return unread_alarms(found.requests, found.other, found.abstained)


def _say_nothing_new(why: str, alarms: list[str], *, as_json: bool) -> None:
    import msgspec

    if as_json:
        told = {"accepted": False, "version": None, "why": why, "alarms": alarms}
        sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
        return
    for line in (f"nothing was learned: {why}", *alarms):
        sys.stdout.write(line + "\n")


def _graded(data: list[Path], ledger: str | None, config: Path | None) -> "Graded":
    from baton.measure.learn.graded import answers_in, gather
    from baton.measure.learn.traffic import answers_of

    if data:
        return gather([answer for path in data for answer in answers_in(path)])
    return gather(answers_of(ledger_of(ledger, config)))


def _folder_of(config: Path | None) -> str:
    if file_of(config) is None:
        return DEFAULT_FOLDER
    return configured(config).learned.path or DEFAULT_FOLDER


def _told(graded: "Graded", outcome: "Outcome", folder: Path) -> dict[str, Any]:
    standing, verdict, learned = outcome.standing, outcome.verdict, outcome.learned
    return {
        "labels": graded.labels,
        "prompts": len(graded.prompts),
        "apgr": standing.apgr,
        "apgr_interval": standing.apgr_interval,
        "incumbent_apgr": verdict.incumbent_apgr,
        "accepted": verdict.accepted,
        "why": verdict.why,
        "ahead_of_incumbent": verdict.ahead,
        "ahead_of_incumbent_interval": verdict.ahead_interval,
        "versus": standing.versus,
        "learning_curve": standing.learning_curve,
        "calibration": standing.calibration,
        "weights": learned.residual is not None,
        "length_prior": learned.length_prior,
        "version": learned.version if outcome.kept else None,
        "path": str(folder / f"v{learned.version}") if outcome.kept else None,
    }


def _print(told: dict[str, Any]) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    console.print(f"{told['labels']:,} grades of {told['prompts']:,} prompts")
    if told["apgr"] is not None:
        console.print(f"APGR on prompts not trained on: {_figure(told['apgr'], told['apgr_interval'])}")
        for name, other in told["versus"].items():
            console.print(f"  {name}: {other.apgr:.3f}, so it is ahead by {_figure(other.ahead, other.ahead_interval)}")
        for point in told["learning_curve"]:
            console.print(f"  with {point.pairs:,} pairs: {point.apgr:.3f}")
        for one in told["calibration"]:
            console.print(f"  difficulty {one.said:.2f}: {one.was:.2f} came true ({one.n:,} prompts)")
    console.print(f"{'accepted' if told['accepted'] else 'refused'}: {told['why']}")
    for alarm in told["alarms"]:
        console.print(f"alarm: {alarm}")
    if told["path"] is None:
        console.print("not kept; --force keeps it all the same")
    else:
        console.print(f"kept as {told['path']}" + ("" if told["weights"] else ", a table without weights"))


def _figure(value: float, interval: Any) -> str:
    return f"{value:.3f}" + ("" if interval is None else f" [{interval.low:.3f}, {interval.high:.3f}]")
