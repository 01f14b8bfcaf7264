"""The soak of `bench/soak.py`, shorter: what a gateway process keeps of its requests."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SOAK = Path(__file__).resolve().parents[2] / "bench" / "soak.py"
REQUESTS = 10_000
GROWTH = 0.2
"""So few requests weigh less than a ledger's queue that was once full: this sees 2 KiB that each one leaves behind."""


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_nothing_is_kept_of_ten_thousand_requests() -> None:
    command = [sys.executable, str(SOAK), "--requests", str(REQUESTS), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=170, check=False)
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    assert found["rss_growth"] <= GROWTH
    for what in ("tasks", "sockets", "files", "upstream_streams"):
        assert found[f"leaked_{what}"] == 0, found
    answers = found["answers"]
    assert not {"wrong", "broken"} & answers.keys(), answers
    assert answers["whole"] > REQUESTS * 0.9
    assert answers["typed error"] + answers["typed error in stream"] > 0, "the faults came"
