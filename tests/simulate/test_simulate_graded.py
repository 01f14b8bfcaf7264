"""The workload held against the real verifiers: every right answer passes, every wrong one fails."""

import pytest

from baton.check.verify import verify
from baton.simulate.workload.item import MIX, item
from baton.types.verdict import Executes

ITEMS = [item(21, index) for index in range(2_400)]
SANDBOXED = 16
"""Code items that are run in the sandbox here; the others are run without it in `test_simulate_workload.py`."""


@pytest.mark.parametrize("task_type", [name for name in MIX if name != "code"])
def test_right_answers_pass_and_wrong_ones_fail(task_type: str) -> None:
    graded = [one for one in ITEMS if one.task_type == task_type]
    assert len(graded) > 200
    for one in graded:
        verdict = verify(one.check, one.right)
        assert verdict.passed, (verdict, one)
        for wrong in one.wrong:
            verdict = verify(one.check, wrong.answer)
            assert verdict.ran, (verdict, one)
            assert not verdict.passed, (wrong.kind, verdict, one)


@pytest.mark.slow
def test_code_passes_and_its_bugs_fail_in_the_sandbox() -> None:
    graded = [one for one in ITEMS if isinstance(one.check, Executes)][:SANDBOXED]
    for place, one in enumerate(graded):
        assert verify(one.check, one.right).passed, one
        wrong = one.wrong[place % len(one.wrong)]
        verdict = verify(one.check, wrong.answer)
        assert verdict.ran, verdict
        assert not verdict.passed, (wrong.kind, one)
