"""`baton cascade`: what it prints is a config, and what it cannot read is told."""

import json
import random
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from baton.cli import app
from baton.measure.answered import read_answered
from baton.types.errors import DatasetError
from tests.config.texts import parsed

FLEET = """\
providers:
  sim: {base_url: http://127.0.0.1:9000/v1, auth: none, simulated: true}
models:
  - {id: sim/big, tier: frontier, context_window: 200000, price: {input_usd: 5, output_usd: 25}}
  - {id: sim/one, tier: small, context_window: 100000, price: {input_usd: 0.1, output_usd: 0.4}}
  - {id: sim/two, tier: small, context_window: 100000, price: {input_usd: 0.1, output_usd: 0.4}}
"""
COST = {"sim/big": 0.01, "sim/one": 0.0004, "sim/two": 0.0005}
RIGHT = {"sim/big": 0.97, "sim/one": 0.75, "sim/two": 0.75}


def answers(path: Path, n: int = 400) -> Path:
    """Four-way choices: two cheap models that err apart."""
    rng = random.Random(4)
    lines = []
    for number in range(n):
        for model, chance in RIGHT.items():
            right = rng.random() < chance
            lines.append(
                json.dumps(
                    {
                        "id": f"q{number}",
                        "task_type": "analysis",
                        "model": model,
                        "cost_usd": COST[model],
                        "grade": float(right),
                        "response": "A" if right else rng.choice("BCD"),
                    }
                )
            )
    path.write_text("\n".join(lines))
    return path


def test_what_is_printed_is_read_as_a_config_with_that_cascade(tmp_path: Path) -> None:
    path = answers(tmp_path / "graded.jsonl")
    done = CliRunner().invoke(app, ["cascade", str(path), "--reference", "sim/big", "--target", "0.95"])
    assert done.exit_code == 0, done.output
    assert "% saved" in done.output
    printed = yaml.safe_load(done.output)
    plan = parsed(FLEET + yaml.safe_dump(printed)).snapshot.task_types["analysis"].cascade
    assert plan is not None
    assert {step.arm for step in plan.steps} == {"sim/one", "sim/two"}
    assert [step.quorum for step in plan.steps] == [2, 2]
    assert plan.escalate_to == "sim/big"
    assert 0.5 < plan.share_kept < 0.8


def test_figures_in_json(tmp_path: Path) -> None:
    path = answers(tmp_path / "graded.jsonl")
    done = CliRunner().invoke(app, ["cascade", str(path), "--reference", "sim/big", "--target", "0.95", "--json"])
    (plan,) = json.loads(done.output)["plans"]
    assert plan["n"] == 400
    assert plan["expected_cost"] < 0.6 * plan["reference_cost"]
    assert 0.9 < plan["low"] < 1.0


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ({"model": "m"}, "needs a `model`, and one of"),
        ({"id": "a", "model": "m", "cost_usd": 1, "grade": 1}, "no `task_type`"),
        ({"id": "a", "model": "m", "task_type": "t", "grade": 1}, "`cost_usd`"),
        ({"id": "a", "model": "m", "task_type": "t", "grade": 3, "cost_usd": 1}, "from 0 to 1"),
        ({"id": "a", "model": "m", "task_type": "t", "grade": 1, "cost_usd": 1, "response": 5}, "must be a text"),
    ],
)
def test_bad_rows_are_told(tmp_path: Path, line: dict[str, object], words: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(json.dumps(line))
    with pytest.raises(DatasetError, match="line 1") as caught:
        read_answered(path, "m")
    assert words in str(caught.value)


def test_too_little_and_a_reference_that_is_not_there_are_told(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no answer of the reference 'sim/best'"):
        read_answered(answers(tmp_path / "a.jsonl"), "sim/best")
    with pytest.raises(DatasetError, match="need 50"):
        read_answered(answers(tmp_path / "b.jsonl", 20), "sim/big")


def test_a_quorum_that_nobody_can_reach_is_refused() -> None:
    text = "task_types: {analysis: {cascade: {models: [sim/one], agree: 3, escalate_to: sim/big}}}\n"
    with pytest.raises(Exception, match="can never agree"):
        parsed(FLEET + text)
