"""Labels at the terminal: what a person says goes into the run record, and nothing is asked twice."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from baton.measure.datasets.load import write_prompts
from baton.measure.journal import Journal
from tests.measure.sim import prompts, stage
from tests.measure.test_measure_ladder import KIND, based, fleet


@pytest.mark.timeout(60)
def test_answers_are_labelled_without_saying_whose_they_are(tmp_path: Path) -> None:
    some = prompts(5, {KIND: 4})
    write_prompts(some, tmp_path / "p.jsonl")

    def label(said: str, *options: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "baton", "label", "--prompts", "p.jsonl", "--by", "ann", *options]
        env = os.environ | {"NO_COLOR": "1", "COLUMNS": "200"}
        return subprocess.run(
            command, cwd=tmp_path, input=said, capture_output=True, text=True, check=False, timeout=30, env=env
        )

    with stage(tmp_path, fleet(frontier=1.2, nano=1.1)) as at:
        (tmp_path / "baton.yaml").write_text(at.text)
        nothing = label("y\n")
        assert nothing.returncode == 1
        assert "measure first" in nothing.stderr
        based(at, at.order(some, record=tmp_path / "ledger-record.jsonl"), 4)
    first = label("y\nwhat?\nn\ns\n0.25\nq\n")
    assert first.returncode == 0, first.stderr
    assert "3 labels by ann; 5 recorded answers are not labelled" in first.stderr
    assert "sim/" not in first.stdout
    with Journal(tmp_path / "ledger-record.jsonl") as journal:
        assert sorted(one.score for one in journal.labels.values()) == [0.0, 0.25, 1.0]
    assert "5 labels by ann; 0 recorded answers are not" in label("y\n" * 9).stderr
    assert "0 labels by ann" in label("y\n").stderr
