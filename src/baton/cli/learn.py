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

DEFAULT_FOLDER = "learned"


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
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Learn from graded answers of several models to the same prompts which prompts need the better model."""
    import numpy as np

    from baton.measure.learn.refit import lesson_kept

    graded = _graded(data or [], ledger, config)
    folder = out or Path(_folder_of(config))
    outcome = lesson_kept(
        graded, folder, np.random.default_rng(seed), now=time.time(), reference=reference, licence=licence, force=force
    )
    told = _told(graded, outcome, folder)
    if as_json:
        import msgspec

        sys.stdout.write(msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n")
    else:
        _print(told)
    if not outcome.kept:
        raise typer.Exit(1)


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
    if told["path"] is None:
        console.print("not kept; --force keeps it all the same")
    else:
        console.print(f"kept as {told['path']}" + ("" if told["weights"] else ", a table without weights"))


def _figure(value: float, interval: Any) -> str:
    return f"{value:.3f}" + ("" if interval is None else f" [{interval.low:.3f}, {interval.high:.3f}]")
