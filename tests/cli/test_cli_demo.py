"""The demo as a user runs it: a process of its own, the real SDKs, figures computed live."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "routing-wide"


def demo(*options: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "baton", "demo", "--once", "--json", *options]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=200, check=False, env=os.environ | {"NO_COLOR": "1"}
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.timeout(220)
def test_the_demo_routes_grades_and_saves() -> None:
    found = demo("--tasks", "120", "--seed", "11")
    assert found["simulated"] is True
    assert found["tasks"] == sum(found["task_types"].values()) == 120
    assert len(found["task_types"]) >= 7
    assert found["baseline"]["model"] == "sim/frontier"
    low, high = found["routed"]["quality_interval"]
    assert low <= found["routed"]["quality"] <= high
    assert sum(found["share_by_model"].values()) == pytest.approx(1.0)
    assert len(found["share_by_model"]) >= 4
    assert 0 < found["routed"]["cost_usd"] < found["baseline"]["cost_usd"]
    saved = 100 * (1 - found["routed"]["cost_usd"] / found["baseline"]["cost_usd"])
    assert found["saved_pct"] == pytest.approx(saved)
    assert sum(line["cost_usd"] for line in found["cost_by_task_type"].values()) == pytest.approx(
        found["routed"]["cost_usd"]
    )
    assert found["quality_by_route"]["auto"]["graded"] == 120
    assert found["dropped"] == 0
    proof = found["proof"]
    assert {one["task_type"] for one in proof["ladder"]} == set(found["task_types"])
    for one in proof["ladder"]:
        low, high = one["rungs"][0]["interval"]
        assert low <= one["rungs"][0]["quality"] <= high
        assert {rung["verdict"] for rung in one["rungs"]} <= {"adequate", "degrades", "not enough data", "not tested"}
        proven = {name.split("@")[0].removeprefix(f"{one['task_type']}/") for name in one["certificates"]}
        assert proven == {rung["model"] for rung in one["rungs"] if rung["verdict"] == "adequate"}
    certified = proof["certified"]
    assert all(
        set(models) <= {one["reference"], *(rung["model"] for rung in one["rungs"] if rung["verdict"] == "adequate")}
        for one in proof["ladder"]
        for models in [certified["model_by_task_type"][one["task_type"]]]
    )
    assert proof["verified"] is (len(proof["certificates"]) > 0)
    assert (proof["time_to_first_certificate_s"] is None) is (proof["certificates"] == [])
    run = found["orchestration"]
    assert (run["simulated"], run["status"], run["steps"]) == (True, "complete", 8)
    assert run["wrong_caught"] > 0
    assert run["hostile_caught"] > 0
    assert "666" not in run["text"]
    hops = found["handoff"]["hops"]
    assert (found["handoff"]["simulated"], found["handoff"]["refused"]) == (True, 0)
    assert [hop["model"].split("/")[1] for hop in hops] == ["sim-claude", "sim-gpt", "sim-gpt", "sim-claude"]
    assert hops[1]["signed"]["withheld"] == hops[2]["signed"]["withheld"] > 0
    assert hops[3]["signed"]["returned"] > hops[1]["signed"]["withheld"]
    assert all(hop["handoff"].get("degraded", 0) == hop["handoff"].get("rejected", 0) == 0 for hop in hops)


@pytest.mark.timeout(220)
@pytest.mark.parametrize(("name", "tasks"), [("zoonk_evals.test.parquet", 95), ("bfcl_2024_08.test.parquet", 199)])
def test_the_demo_replays_recorded_answers(name: str, tasks: int) -> None:
    if not (SHARED / name).exists():
        pytest.skip(f"{name} is not beside this checkout")
    found = demo("--data", str(SHARED / name))
    assert (found["tasks"], found["simulated"]) == (tasks, True)
    assert isinstance(found["baseline"]["model"], dict)
    assert found["routed"]["cost_usd"] < found["baseline"]["cost_usd"]


@pytest.mark.parametrize(
    ("content", "says"), [(None, "No such file|no such file|cannot|not"), ("prompt,model\n", "arquet")]
)
def test_what_cannot_be_replayed_is_told_in_one_line(tmp_path: Path, content: str | None, says: str) -> None:
    path = tmp_path / "file.parquet"
    if content is not None:
        path.write_text(content)
    command = [sys.executable, "-m", "baton", "demo", "--once", "--data", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert any(word in done.stderr for word in says.split("|"))
