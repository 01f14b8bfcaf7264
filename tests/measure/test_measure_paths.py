"""Differences between models are of the same prompts, or refused with the reason."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from baton.measure.journal import Graded, Journal
from baton.measure.paths import path_differences
from baton.record.ledger import Ledger
from baton.types.money import Usage
from baton.types.outcome import Attempt, Content, Finished, Grade
from tests.measure.sim import prompts, stage
from tests.measure.test_measure_datasets import chat, finished
from tests.measure.test_measure_ladder import KIND, based, fleet


def served(number: int, model: str, words: str, kind: str = KIND) -> Finished:
    from msgspec.structs import replace

    one = finished(number, kind, chat(words))
    attempt = Attempt(model, "p", 200, "", 0.1, 0.1, Usage(), usage_known=True, cost=1)
    content = Content(json.dumps(chat(words)).encode(), b"{}")
    return replace(one, attempts=(attempt,), content=content)


def ledger_of(path: Path, rows: list[tuple[Finished, float]]) -> Path:
    ledger = Ledger.open(path)
    for one, score in rows:
        ledger.put(one)
        ledger.grade(Grade(one.request_id, score, "g", "", one.at))
    ledger.close()
    return path


def test_hard_tasks_that_go_up_are_no_comparison(tmp_path: Path) -> None:
    rows = [(served(n, "weak", f"easy {n}"), 1.0) for n in range(50)]
    rows += [(served(100 + n, "strong", f"hard {n}"), 0.5) for n in range(50)]
    found = path_differences(ledger_of(tmp_path / "l.db", rows), tmp_path / "none.jsonl")
    (one,) = found[KIND]
    assert (one.a, one.b, one.comparable, one.difference, one.interval) == ("strong", "weak", False, None, None)
    assert "routing draws nothing at random, and 0 prompts were graded on both (need 30)" in one.reason


def test_the_same_question_to_both_is_a_pair(tmp_path: Path) -> None:
    rows = [(served(n, "weak", f"question {n}"), float(n % 2)) for n in range(60)]
    rows += [(served(100 + n, "strong", f"question {n}"), 1.0) for n in range(60)]
    (one,) = path_differences(ledger_of(tmp_path / "l.db", rows), tmp_path / "none.jsonl")[KIND]
    assert (one.comparable, one.difference, one.n, one.method) == (True, 0.5, 60, "paired, of callers")
    assert one.interval is not None
    assert 0 < one.interval.low < 0.5 < one.interval.high


def test_grades_of_two_graders_are_not_mixed(tmp_path: Path) -> None:
    rows = [(served(0, "weak", "a"), 1.0), (served(1, "strong", "b"), 1.0)]
    place = ledger_of(tmp_path / "l.db", rows)
    with Journal(tmp_path / "r.jsonl") as journal:
        for n in range(40):
            for model, grader in (("weak", "one"), ("strong", "two")):
                journal.graded(Graded(f"p{n}", model, grader, 1.0, task_type=KIND, model_id=model))
    (one,) = path_differences(place, tmp_path / "r.jsonl")[KIND]
    assert not one.comparable


@pytest.mark.timeout(60)
def test_the_report_shows_what_the_baseline_has_measured(tmp_path: Path) -> None:
    with stage(tmp_path, fleet(frontier=1.2, nano=0.5)) as at:
        (tmp_path / "baton.yaml").write_text(at.text)
        rows = [(served(0, "sim/frontier", "a"), 1.0), (served(1, "sim/nano", "b"), 1.0)]
        ledger_of(tmp_path / "ledger.db", rows)
        based(at, at.order(prompts(5, {KIND: 80}), record=tmp_path / "ledger-record.jsonl"), 80)
        command = [sys.executable, "-m", "baton", "report"]
        env = os.environ | {"NO_COLOR": "1", "COLUMNS": "200"}
        done = subprocess.run([*command, "--json"], cwd=tmp_path, capture_output=True, check=True, env=env)
        found = json.loads(done.stdout)
        (one,) = found["differences"][KIND]
        assert (one["a"], one["b"], one["n"], one["comparable"]) == ("sim/frontier", "sim/nano", 80, True)
        assert one["interval"][0] <= one["difference"] <= one["interval"][1]
        assert found["tasks"] == 2
        shown = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, text=True, env=env).stdout
        assert "How models differ on the same prompts" in shown
