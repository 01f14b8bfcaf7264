"""The bench of the statistics runs without data, and its name hides no module of the standard library."""

import json
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).parents[2] / "bench"


def test_bars_without_data_are_skipped_and_the_others_measured(tmp_path: Path) -> None:
    keys = [part for key in ("judge", "ladder_ten_points", "gate") for part in ("--only", key)]
    command = [sys.executable, str(BENCH / "statistics.py"), "--data", str(tmp_path), "--reps", "60", "--json", *keys]
    said = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert list(said) == ["judge", "ladder_ten_points", "gate"]
    assert "skipped" in said["gate"]
    assert said["judge"]["met"]
    assert all(bar["met"] for bar in said["ladder_ten_points"]["bars"])


def test_its_neighbours_still_find_the_standard_librarys_statistics() -> None:
    asked = "import statistics; from statistics import NormalDist; print(statistics.median([1, 2, 9]))"
    found = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(BENCH)!r}); {asked}"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert found.stdout.strip() == "2"
