"""What callers asked, with grades and kept texts, teaches as a file does."""

import json
from pathlib import Path

import numpy as np
import pytest

from baton.measure.learn.graded import GradedDataError, gather
from baton.measure.learn.refit import lesson_kept
from baton.measure.learn.traffic import answers_of
from tests.measure.lessons import graded_subjects
from tests.measure.test_measure_backtest import STRONG, WEAK, finished, ledger


def body(prompt: str) -> bytes:
    return json.dumps({"model": "auto", "messages": [{"role": "user", "content": prompt}]}).encode()


def test_a_ledger_teaches(tmp_path: Path) -> None:
    lessons = graded_subjects(120, models=(WEAK, STRONG))
    rows = [
        (finished(2 * row + column, model, body(prompt)), float(lessons.quality[row, column]))
        for row, prompt in enumerate(lessons.prompts)
        for column, model in enumerate(lessons.models)
    ]
    graded = gather(answers_of(ledger(tmp_path / "ledger.db", rows)))
    assert set(graded.prompts) == set(lessons.prompts)
    assert graded.labels == 240
    place = graded.prompts.index(lessons.prompts[7])
    assert graded.quality[place, graded.models.index(WEAK)] == lessons.quality[7, 0]
    assert graded.cost[place, graded.models.index(STRONG)] > graded.cost[place, graded.models.index(WEAK)] > 0
    assert graded.output_tokens[place, 0] == 100
    outcome = lesson_kept(graded, tmp_path / "kept", np.random.default_rng(0), now=1.0)
    assert outcome.kept
    assert outcome.learned.table.cells["analysis"][WEAK].n == 120


def test_what_is_not_graded_or_not_kept_is_left_out(tmp_path: Path) -> None:
    rows = [(finished(1, WEAK, body("hello")), None), (finished(2, WEAK), 1.0)]
    with pytest.raises(GradedDataError, match="of 2 answered requests 1 have a grade and none of these a kept text"):
        answers_of(ledger(tmp_path / "ledger.db", rows))
