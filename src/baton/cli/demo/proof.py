"""The act of proof: prompts of their own, the commands as a user types them, and the tasks by certificate alone."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from baton.cli.demo.drive import Outcome
from baton.record.queries import report
from baton.simulate.drive import prompt_row
from baton.simulate.workload.item import MIX, item
from baton.stats.intervals import Interval
from baton.types.errors import BatonError

if TYPE_CHECKING:
    from rich.console import Console

    from baton.cli.demo.stage import Stage

RHO = 0.9
BUDGET_USD = 25
PER_TYPE = 230
PROMPTS = {"classification": 430, "extraction": 630, "format_check": 430, "code": 170}
"""More where cheap models are nearly as good, fewer where a grade is a program that runs."""
PILOT = 30
OTHER_PROMPTS = 1_000
"""Added to the seed: what is measured on is not what is served."""
COMMAND_TIMEOUT_S = 170.0
POLL_S = 0.05


class Certified(Struct, frozen=True):
    """The same tasks, where a cheaper model serves only with a certificate."""

    quality: float
    quality_interval: Interval
    cost_usd: float
    saved_pct: float
    share_by_model: dict[str, float]
    model_by_task_type: dict[str, dict[str, int]]


class Proof(Struct, frozen=True):
    """`baseline`, `ladder` as the commands print them. Times in seconds, from the start of the measurement."""

    simulated: bool
    rho: float
    prompts: int
    baseline: list[dict[str, Any]]
    ladder: list[dict[str, Any]]
    certificates: list[str]
    verified: bool
    time_to_first_certificate_s: float | None
    measured_s: float
    measured_cost_usd: float
    certified: Certified


class Measured(Struct, frozen=True):
    """What the commands came to; `lock` holds the certificates that were promoted, if there are any."""

    lock: Path
    prompts: int
    baseline: list[dict[str, Any]]
    ladder: list[dict[str, Any]]
    certificates: list[str]
    verified: bool
    first_s: float | None
    whole_s: float


def write_prompts(path: Path, seed: int, most: int) -> int:
    """So many of each task type, none of which is among the tasks of the demo."""
    left = {name: min(most, PROMPTS.get(name, PER_TYPE)) for name in MIX}
    index = written = 0
    with path.open("xb") as file:
        while any(left.values()):
            one = item(seed + OTHER_PROMPTS, index)
            index += 1
            if left[one.task_type] > 0:
                left[one.task_type] -= 1
                written += 1
                file.write(msgspec.json.encode(prompt_row(one)) + b"\n")
    return written


def measure(folder: Path, config: Path, console: "Console", seed: int, most: int) -> Measured:
    """Baseline, ladder, verification, promotion: each the real command in a process of its own.

    `most`: prompts of a task type; a small demo measures little.
    """
    prompts = folder / "prompts.jsonl"
    count = write_prompts(prompts, seed, most)
    proposed, lock = folder / "policy.proposed.lock", folder / "policy.lock"
    asked = ["--config", str(config), "--prompts", str(prompts), "--budget", str(BUDGET_USD), "--json"]
    begun = time.monotonic()
    console.print(f"Measuring on {count} other prompts: baton baseline, baton ladder, baton verify, baton promote")
    baseline = baton(["baseline", *asked, "--per-type", str(PILOT)])
    walked = ["ladder", *asked, "--rho", str(RHO), "--mode", "all", "--out", str(proposed), "--concurrency", "32"]
    ladder, first = _watched(walked, proposed, begun)
    whole = time.monotonic() - begun
    promoted: list[str] = []
    verified = False
    if proposed.exists():
        verified = bool(baton(["verify", str(proposed), "--json"])["valid"])
        promoted = baton(["promote", str(proposed), "--to", str(lock), "--config", str(config), "--json"])["promoted"]
    return Measured(lock, count, baseline, ladder, promoted, verified, first, whole)


def certified_config(config: Mapping[str, Any], lock: Path) -> dict[str, Any]:
    """The cheapest model that has a certificate, on every task type."""
    types = {name: {"rule": "cheapest", "floor": RHO} for name in MIX}
    return {**config, "task_types": types, "proof": {"mode": "certified", "lock": str(lock)}}


def prove(stage: "Stage", seed: int, concurrency: int, reference_cost_usd: float) -> Proof:
    """`reference_cost_usd`: what the tasks cost where all of them go to the reference."""
    most = stage.tasks // 2 + PILOT
    measured = stage.measure(lambda folder, config, console: measure(folder, config, console, seed, most))
    act = stage.run_with("certified", lambda config: certified_config(config, measured.lock), concurrency=concurrency)
    found = report(act.gateway.ledger)
    (line,) = found.quality_by_route.values()
    if line.quality is None or line.interval is None:
        raise BatonError("no answer of the certified policy was graded")
    cost = found.savings.cost_usd
    return Proof(
        simulated=True,
        rho=RHO,
        prompts=measured.prompts,
        baseline=measured.baseline,
        ladder=measured.ladder,
        certificates=measured.certificates,
        verified=measured.verified,
        time_to_first_certificate_s=measured.first_s,
        measured_s=measured.whole_s,
        measured_cost_usd=_measured_cost(measured),
        certified=Certified(
            quality=line.quality,
            quality_interval=line.interval,
            cost_usd=cost,
            saved_pct=100.0 * (1.0 - cost / reference_cost_usd) if reference_cost_usd else 0.0,
            share_by_model=found.share_by_model,
            model_by_task_type=_models(act.outcomes),
        ),
    )


def _measured_cost(measured: Measured) -> float:
    return float(sum(one["cost_usd"] for one in (*measured.baseline, *measured.ladder)))


def _models(outcomes: list[Outcome]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for outcome in outcomes:
        counts = found.setdefault(outcome.job.task_type, {})
        counts[outcome.model] = counts.get(outcome.model, 0) + 1
    return dict(sorted(found.items()))


def _watched(words: list[str], proposed: Path, begun: float) -> tuple[list[dict[str, Any]], float | None]:
    """What the command prints, and when its first certificate was there."""
    first: float | None = None
    command = [sys.executable, "-m", "baton", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # noqa: S603
        while True:
            if first is None and proposed.exists():
                first = time.monotonic() - begun
            with contextlib.suppress(subprocess.TimeoutExpired):
                out, told = process.communicate(timeout=POLL_S)
                break
            if time.monotonic() - begun > COMMAND_TIMEOUT_S:
                process.kill()
    if process.returncode:
        raise BatonError(f"baton {words[0]} of the demo failed:\n{told.decode(errors='replace').strip()}")
    found: list[dict[str, Any]] = msgspec.json.decode(out)
    return found, first


def baton(words: list[str]) -> Any:
    """What the command prints, in a process of its own. Raises BatonError where it fails."""
    command = [sys.executable, "-m", "baton", *words]
    done = subprocess.run(command, capture_output=True, check=False, timeout=COMMAND_TIMEOUT_S)  # noqa: S603
    if done.returncode:
        raise BatonError(f"baton {words[0]} of the demo failed:\n{done.stderr.decode(errors='replace').strip()}")
    return msgspec.json.decode(done.stdout)


def print_proof(proof: Proof, console: "Console") -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, title_justify="left")
    table.title = f"What is proven: at least {100 * proof.rho:g} % of the reference, 19 times of 20 (simulated)"
    for column in ("task type", "rung", "pairs", "quality (95 %)", "proved share", "verdict"):
        table.add_column(column)
    for one in proof.ladder:
        for place, rung in enumerate(one["rungs"]):
            quality = "-"
            if rung["quality"] is not None:
                low, high = rung["interval"]
                quality = f"{rung['quality']:.3f} ({low:.3f} - {high:.3f})"
            name = f"{one['task_type']}: {one['target']}" if place == 0 else ""
            more = f", about {rung['needs_more']:,} more" if rung["needs_more"] else ""
            table.add_row(name, rung["model"], str(rung["n"]), quality, f"{rung['bound']:.3f}", rung["verdict"] + more)
    console.print()
    console.print(table)
    console.print()
    first, served = proof.time_to_first_certificate_s, proof.certified
    told = "no certificate was made" if first is None else f"the first certificate after {first:.1f} s"
    console.print(
        f"{told}; {len(proof.certificates)} certificates, recomputed from their grades: "
        f"{'they hold' if proof.verified else 'nothing to verify'}; measuring cost ${proof.measured_cost_usd:.2f}"
    )
    low, high = served.quality_interval.low, served.quality_interval.high
    console.print(
        f"{'by certificate alone':22} quality {served.quality:.3f} ({low:.3f} - {high:.3f})   cost "
        f"${served.cost_usd:.4f}, saved {served.saved_pct:.1f} %"
    )
