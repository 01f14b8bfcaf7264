"""The table of `bench/faults.py` through a gateway process: every fault in every framing, every cut of a stream."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

FAULTS = Path(__file__).resolve().parents[2] / "bench" / "faults.py"


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_no_fault_corrupts_an_answer_in_silence() -> None:
    command = [sys.executable, str(FAULTS), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    totals = found["totals"]["baton"]
    assert totals["rows"] > 600
    for never in ("silent_corruption", "untyped_error", "fallback_missed", "not_exercised"):
        assert totals[never] == 0, found
    assert totals["recovered"] + totals["typed_error"] == totals["rows"]
    assert totals["calls"] == totals["rows"] + totals["fallback_used"], "no deployment is asked twice"
