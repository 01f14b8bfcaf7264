"""`baton explain` as one reads it: the decision, and what became of the conversation on the way."""

import pytest

from baton.cli.route import print_decision
from baton.types.decision import Decision
from baton.types.handoff import Entry, HandoffReport

REPORT = HandoffReport(
    (Entry("messages[0]", "kept"), Entry("top_k", "degraded", "the target takes no top_k"), Entry("store", "withheld"))
)


def decision(report: HandoffReport | None) -> Decision:
    return Decision(
        id="r1",
        model="far/m",
        provider="far",
        route="direct",
        task_type="other",
        task_type_source="default",
        rule="pass",
        asked="far/m",
        floor=0.95,
        min_quality=None,
        lambda_=1.0,
        expected_cost=0,
        reason="far/m was asked for by name",
        handoff=report,
    )


def test_a_handoff_is_told_with_its_losses(capsys: pytest.CaptureFixture[str]) -> None:
    print_decision(decision(REPORT))
    told = capsys.readouterr().out
    assert "handoff: 1 kept, 1 degraded, 1 withheld" in told
    assert "degraded: top_k (the target takes no top_k)" in told


def test_bytes_that_went_on_as_they_were_have_no_handoff(capsys: pytest.CaptureFixture[str]) -> None:
    print_decision(decision(None))
    assert "handoff" not in capsys.readouterr().out
