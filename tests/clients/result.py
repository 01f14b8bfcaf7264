"""What came of one client in front of one upstream."""

from typing import Literal

from msgspec import Struct

from tests.clients.recorder import Visit

Outcome = Literal["passed", "failed"]


class Result(Struct, frozen=True):
    client: str
    version: str
    mode: str
    """What it did: a tool loop, as a stream or whole."""
    speaks: str
    """The client's dialect."""
    upstream: str
    """The upstream's dialect."""
    outcome: Outcome
    requests: int
    handoff: str
    """The short report of the last answer, or that the client's own bytes went on."""
    detail: str = ""
    """Why it failed."""


def judged(
    client: str,
    version: str,
    mode: str,
    speaks: str,
    upstream: str,
    *,
    problem: str,
    visits: list[Visit],
    refusals: list[str],
) -> Result:
    answers = [visit for visit in visits if visit.method == "POST" and visit.status == 200]
    told = [f"{visit.path} answered {visit.status}: {visit.error[:300]}" for visit in visits if visit.status >= 400]
    handoff = "no answer" if not answers else answers[-1].handoff or "own bytes"
    problems = [*([problem] if problem else []), *dict.fromkeys(refusals)]
    outcome: Outcome = "failed" if problems else "passed"
    detail = "; ".join([*problems, *dict.fromkeys(told)]) if problems else ""
    return Result(client, version, mode, speaks, upstream, outcome, len(answers), handoff, detail)
