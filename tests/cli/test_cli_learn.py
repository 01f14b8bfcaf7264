"""`baton learn` as it is called: what it prints and keeps, what it refuses, and that a config serves it."""

import json
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from baton.config.load import load_config
from tests.cli.test_cli_commands import CONFIG, baton
from tests.measure.lessons import graded_subjects


def written(path: Path, prompts: int, seed: int, *, turned: bool = False) -> Path:
    graded = graded_subjects(prompts, seed, models=("local/tiny", "local/big"))
    if turned:  # grades that say nothing of the prompts
        graded = replace(graded, quality=np.random.default_rng(1).permutation(graded.quality))
    with path.open("w") as file:
        for row, prompt in enumerate(graded.prompts):
            for column, model in enumerate(graded.models):
                line = {"prompt": prompt, "model": model, "task_type": graded.task_types[row]}
                file.write(json.dumps(line | {"correct": graded.quality[row, column]}) + "\n")
    return path


def test_it_learns_keeps_and_is_served(tmp_path: Path) -> None:
    written(tmp_path / "graded.jsonl", 400, 1)
    code, out, err = baton(tmp_path, "learn", "--data", "graded.jsonl", "--out", "kept", "--licence", "MIT", "--json")
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert told["labels"] == 800
    assert told["accepted"]
    assert told["incumbent_apgr"] is None
    low, high = told["apgr_interval"]
    assert low < told["apgr"] < high
    assert set(told["versus"]) == {"prior", "table"}
    assert [point["pairs"] for point in told["learning_curve"]] == [100, 200]
    assert len(told["calibration"]) == 5
    assert told["path"] == "kept/v1"

    (tmp_path / "baton.yaml").write_text(f"{CONFIG}learned: {{path: {tmp_path / 'kept'}}}\n")
    config = load_config(tmp_path / "baton.yaml", {})
    assert config.snapshot.learned is not None
    assert config.snapshot.learned.labels == 800
    assert not [note for note in config.notes if "learned" in note]


def test_the_better_one_stays(tmp_path: Path) -> None:
    (tmp_path / "baton.yaml").write_text(f"{CONFIG}learned: {{path: kept}}\n")
    written(tmp_path / "good.jsonl", 500, 1)
    written(tmp_path / "bad.jsonl", 500, 2, turned=True)
    code, out, _ = baton(tmp_path, "learn", "--data", "good.jsonl")
    assert code == 0
    assert "kept as kept/v1" in out
    code, out, _ = baton(tmp_path, "learn", "--data", "bad.jsonl", "--json")
    told = json.loads(out)
    assert (code, told["accepted"], told["version"]) == (1, False, None)
    assert told["ahead_of_incumbent"] < 0
    code, out, _ = baton(tmp_path, "learn", "--data", "bad.jsonl", "--force")
    assert code == 0
    assert "refused" in out
    assert "kept as kept/v2" in out


def test_what_cannot_be_learned_from_is_said_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "wrong.jsonl").write_text('{"prompt": "a", "model": "m"}\n')
    code, out, err = baton(tmp_path, "learn", "--data", "wrong.jsonl")
    assert (code, out) == (1, "")
    assert "row 1: no grade" in err
    code, _, err = baton(tmp_path, "learn", "--ledger", "none.db")
    assert code == 1
    assert err.count("\n") == 1


def test_a_config_says_what_it_cannot_use(tmp_path: Path) -> None:
    path = tmp_path / "baton.yaml"
    path.write_text(f"{CONFIG}learned: {{path: {tmp_path / 'kept'}}}\n")
    assert any("nothing has been learned" in note for note in load_config(path, {}).notes)
    written(tmp_path / "graded.jsonl", 200, 1)
    assert baton(tmp_path, "learn", "--data", "graded.jsonl")[0] == 0
    card = tmp_path / "kept" / "v1" / "learned.json"
    card.write_text(card.read_text().replace('"features":"2"', '"features":"0"'))
    config = load_config(path, {})
    assert config.snapshot.learned is not None
    assert config.snapshot.learned.residual is None
    assert any("only the table is used" in note for note in config.notes)
