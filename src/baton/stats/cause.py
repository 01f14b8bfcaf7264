"""What probably changed, from which monitors alarmed: the model, the traffic, or the judge.

A rule over alarms, no statistics of its own: it names the cause in a notice. What is demoted does not depend on it: an
alarm of the guarantee or of a residual demotes whatever the cause.
"""

from typing import Literal

from msgspec import Struct

Cause = Literal["judge", "model", "traffic", "unclear"]


class Alarms(Struct, frozen=True):
    """Which monitors of one task type and model have alarmed; None: not watched."""

    judge: bool | None = None
    """A canary on the judge: recorded answers, graded again, got other grades, better or worse."""
    canary: bool | None = None
    """Pinned prompts with known answers, asked again, were answered worse."""
    residual: bool | None = None
    guarantee: bool | None = None
    absolute: bool | None = None


def cause(alarms: Alarms) -> Cause | None:
    """None where nothing alarmed.

    A judge that changed explains whatever it graded, so it comes first. The canary sees neither traffic nor judge: what
    it sees is the model. Grades that fell while each task type is what it was, and the canary is quiet, are a new mix.
    A residual or a guarantee that broke beside a quiet or a missing canary may be the model where the canary does not
    look, or harder traffic inside a task type: that is not told apart.
    """
    if alarms.judge:
        return "judge"
    if alarms.canary:
        return "model"
    if alarms.residual:
        return "unclear"
    if alarms.guarantee:
        quiet = alarms.residual is False and alarms.canary is False
        return "traffic" if quiet else "unclear"
    if alarms.absolute:
        return "traffic" if alarms.residual is False else "unclear"
    return None
