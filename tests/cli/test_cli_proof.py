"""Measuring what callers asked: out of the ledger, as far as its content was kept, pinned to a file."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from baton.measure.datasets.load import load_prompts
from baton.record.ledger import Ledger
from baton.types.outcome import Content
from tests.measure.sim import prompts, stage
from tests.measure.test_measure_datasets import finished


def baton(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "baton", *words]
    env = os.environ | {"NO_COLOR": "1", "COLUMNS": "200"}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60, env=env)


@pytest.mark.timeout(90)
def test_traffic_is_measured_by_the_schema_that_callers_asked_for(tmp_path: Path) -> None:
    asked = [one for one in prompts(5, {"extraction": 40}).prompts if "response_format" in one.body]
    with stage(tmp_path) as at:
        (tmp_path / "baton.yaml").write_text(at.text)
        ledger = Ledger.open(tmp_path / "ledger.db")
        for number, one in enumerate(asked):
            body = json.dumps({"model": "auto", "stream": True, **one.body}).encode()
            ledger.put(replace(finished(number, "extraction", body), content=Content(body, b"{}")))
        ledger.close()
        done = baton(tmp_path, "baseline", "--budget", "3", "--per-type", "12", "--json", "--pin", "pinned.jsonl")
        assert done.returncode == 0, done.stderr
        (found,) = json.loads(done.stdout)
        pinned = load_prompts(tmp_path / "pinned.jsonl")
        assert pinned.hash in done.stderr
        assert len(pinned.prompts) == len(asked)
        assert {line["asked"] for line in found["models"]} == {12}
        assert all(line["interval"][0] <= line["quality"] <= line["interval"][1] for line in found["models"])
        before = len(at.asked())
        again = baton(tmp_path, "baseline", "--budget", "3", "--per-type", "12", "--json", "--prompts", "pinned.jsonl")
        assert json.loads(again.stdout)[0]["models"] == found["models"]
        assert len(at.asked()) == before


def test_what_cannot_be_measured_is_told_in_one_line(tmp_path: Path) -> None:
    with stage(tmp_path, content={"mode": "off"}) as at:
        (tmp_path / "baton.yaml").write_text(at.text)
        Ledger.open(tmp_path / "ledger.db").close()
        off = baton(tmp_path, "ladder", "--budget", "1")
        assert (off.returncode, "`content.mode` is off" in off.stderr) == (1, True)
        (tmp_path / "policy.proposed.lock").write_text("{}")
        (tmp_path / "p.jsonl").write_text('{"id": "a", "task_type": "code", "prompt": "x"}')
        edited = baton(tmp_path, "ladder", "--budget", "1", "--prompts", "p.jsonl")
        assert (edited.returncode, "is of version None" in edited.stderr) == (1, True)
        bare = baton(tmp_path, "baseline", "--budget", "1", "--prompts", "p.jsonl")
        assert (bare.returncode, "name a judge with --judge" in bare.stderr) == (1, True)
        free = baton(tmp_path, "baseline", "--prompts", "p.jsonl")
        assert (free.returncode, "say how much at most" in free.stderr) == (2, True)
        for answer in (off, edited, bare, free):
            assert "Traceback" not in answer.stderr
        assert at.asked() == []
