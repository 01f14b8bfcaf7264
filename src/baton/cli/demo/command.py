"""The command: baseline on the reference, the same tasks through the router, one table."""

import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

TASKS = 1_200
SEED = 7
CONCURRENCY = 16


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Stop at the end instead of leaving the gateway running.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
    tasks: Annotated[int, typer.Option(min=10, help="Tasks of the generated workload.")] = TASKS,
    seed: Annotated[int, typer.Option(min=0, help="Another seed is another workload.")] = SEED,
    data: Annotated[Path | None, typer.Option(help="Replay recorded answers of a Parquet file instead.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=256, help="Requests under way at once.")] = CONCURRENCY,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the gateway; 0 takes a free one.")] = 4141,
) -> None:
    """See it work with no key: everything is simulated and labelled so, every figure is computed live."""
    import msgspec
    from rich.console import Console

    from baton.cli.demo.drift import drifting, print_drift
    from baton.cli.demo.drive import require_sdks
    from baton.cli.demo.handoff import print_handoff
    from baton.cli.demo.jobs import generated
    from baton.cli.demo.orchestration import print_orchestration
    from baton.cli.demo.proof import print_proof, prove
    from baton.cli.demo.replay import replayed
    from baton.cli.demo.stage import Stage
    from baton.cli.demo.table import print_summary
    from baton.record.queries import report

    require_sdks()
    console = Console(stderr=as_json, quiet=as_json and not sys.stderr.isatty())
    source = generated(seed, tasks) if data is None else replayed(data)
    with tempfile.TemporaryDirectory(prefix="baton-demo-") as folder, Stage(source, Path(folder), console) as stage:
        baseline = stage.run("baseline", on_reference=True, concurrency=concurrency)
        with stage.gateway("routed", 0 if once else port) as gateway:
            routed = stage.drive(gateway, on_reference=False, concurrency=concurrency)
            proof = drift = None
            if data is None:
                proof = prove(stage, seed, concurrency, report(baseline.gateway.ledger).savings.cost_usd)
                drift = drifting(stage, source.fleet, seed)
            summary = stage.summarise(baseline, routed, stage.hand_off(), proof, drift, stage.orchestrate())
            if as_json:
                sys.stdout.write(msgspec.json.format(msgspec.json.encode(summary), indent=2).decode() + "\n")
            else:
                print_summary(summary, console)
                if summary.proof is not None:
                    print_proof(summary.proof, console)
                print_drift(summary.drift, console)
                print_handoff(summary.handoff, console)
                if summary.orchestration is not None:
                    print_orchestration(summary.orchestration, console)
            if not once:
                stage.wait(gateway)
