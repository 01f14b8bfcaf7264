"""Graded answers from a ledger: requests whose content was kept and whose answer got a grade."""

from baton.measure.learn.graded import Answer, GradedDataError
from baton.measure.traffic import from_ledger
from baton.record.database import Place


def answers_of(place: Place, since: float = 0.0) -> list[Answer]:
    """Raises LedgerError, DatasetError for an empty ledger, and GradedDataError where nothing was graded or kept."""
    logged = from_ledger(place, since)
    graded = [one for one in logged if one.served is not None and one.served in one.grades]
    found = [
        Answer(
            one.request.facts.user_text,
            one.task_type,
            one.served,
            one.grades[one.served],
            float(one.costs[one.served]),
            float(one.usage.output) if one.usage is not None else float("nan"),
        )
        for one in graded
        if one.served is not None and one.whole and one.request.facts.user_text
    ]
    if not found:
        raise GradedDataError(
            f"of {len(logged):,} answered requests {len(graded):,} have a grade and none of these a kept text: "
            "grade answers (baton label, /v1/baton/feedback) with content: sampled or full, or name a file (--data)"
        )
    return found
