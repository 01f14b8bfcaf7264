"""The bench of the ladder over HTTP, on five seeds: what is called adequate there is called so wrongly."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench"


@pytest.mark.timeout(120)
def test_no_rung_on_the_floor_is_called_adequate_on_five_seeds(tmp_path: Path) -> None:
    """More than one of five by chance has a probability below 3 % at the promised 5 %; these seeds are fixed."""
    command = [sys.executable, str(BENCH / "statistics.py"), "--data", str(tmp_path), "--reps", "25", "--json"]
    done = subprocess.run([*command, "--only", "end_to_end"], check=False, capture_output=True, text=True)
    bars = {bar["what"]: bar for bar in json.loads(done.stdout)["end_to_end"]["bars"]}
    assert bars["seeds"]["found"] == 5
    wrong = next(bar for what, bar in bars.items() if what.startswith("wrong `adequate`"))
    assert wrong["found"] == 0.0
    assert bars["certificates for what was not called adequate"]["found"] == 0.0
    assert bars["answers asked for"]["found"] > 5 * 200
