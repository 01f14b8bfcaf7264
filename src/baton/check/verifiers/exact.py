"""The answer is one of the texts that are right."""

from baton.check.text_form import last_line, normalised
from baton.types.verdict import Answer, Exact, Verdict


def exact(answer: Answer, check: Exact) -> Verdict:
    text = last_line(answer.text) if check.last_line else answer.text
    if check.verbatim:
        passed = text in check.gold
    else:
        passed = normalised(text) in {normalised(gold) for gold in check.gold}
    reason = (
        "equals the right text"
        if passed
        else f"{text.strip()[:80]!r} is not {' or '.join(map(repr, check.gold))[:120]}"
    )
    return Verdict("exact", passed=passed, score=float(passed), reason=reason)
