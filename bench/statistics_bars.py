"""The bars of `bench/statistics.py`: runs what was asked for, and holds each figure against its bar."""

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from statistics_drift import (
    canary,
    estimated_baseline,
    fleet,
    guarantee_run,
    mix_shift,
    run_length_and_delay,
    slower_but_quieter,
)
from statistics_end_to_end import end_to_end
from statistics_gate import gate, sanity, shift
from statistics_judge import intervals, judge
from statistics_ladder import (
    ladder_boundary,
    ladder_equal,
    ladder_forecast,
    ladder_real,
    ladder_ten_points,
    ladder_walk,
)
from statistics_verdict import Bar, Run

KEYS: dict[str, Callable[[Run], list[Bar]]] = {
    "ladder_boundary": ladder_boundary,
    "ladder_equal": ladder_equal,
    "ladder_ten_points": ladder_ten_points,
    "ladder_walk": ladder_walk,
    "ladder_forecast": ladder_forecast,
    "ladder_real": ladder_real,
    "gate": gate,
    "shift": shift,
    "judge": judge,
    "intervals": intervals,
    "sanity": sanity,
    "drift": run_length_and_delay,
    "drift_estimated_baseline": estimated_baseline,
    "drift_mix_shift": mix_shift,
    "drift_guarantee": guarantee_run,
    "drift_fleet": fleet,
    "drift_canary": canary,
    "drift_cusum": slower_but_quieter,
    "end_to_end": end_to_end,
}
NEED_DATA = {"ladder_real", "gate", "shift", "sanity", "drift_mix_shift"}


def main() -> int:
    parser = argparse.ArgumentParser(description="One key per bar: found, bar, met. Exits 1 when a bar is missed.")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="the folder that holds routing/")
    parser.add_argument("--reps", type=int, default=1_000, help="repetitions; the bars are meant for 1000 and more")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", action="append", choices=KEYS, help="this key alone (may be repeated)")
    parser.add_argument("--json", action="store_true", help="one line")
    given = parser.parse_args()
    if given.reps < 20:
        parser.error("--reps: no share is known from fewer than 20 repetitions")
    run = Run(given.data / "routing", given.reps, given.seed)
    found: dict[str, object] = {}
    missed = False
    for key in given.only or KEYS:
        if key in NEED_DATA and not run.data.is_dir():
            found[key] = {"skipped": f"no recorded outcomes in {run.data}"}
            continue
        before = os.times()
        bars = KEYS[key](run)
        spent = os.times()
        missed = missed or any(bar.met is False for bar in bars)
        found[key] = {
            "bars": [bar.told() for bar in bars],
            "met": all(bar.met is not False for bar in bars),
            "cpu_s": round(spent.user + spent.system - before.user - before.system, 1),
        }
        sys.stderr.write(f"{key}: {'met' if all(bar.met is not False for bar in bars) else 'MISSED'}\n")
    sys.stdout.write(json.dumps(found, indent=None if given.json else 2) + "\n")
    return 1 if missed else 0
