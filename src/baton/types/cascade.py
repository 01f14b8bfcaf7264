"""An answer-aware road per task type: cheap models are asked first, and a stronger one only where they do not convince.

Plain values: `measure/cascade.py` chooses them on graded answers, `decide/cascade.py` says what comes next after some
answers, `flow` walks the road.
"""

from msgspec import Struct


class CascadeStep(Struct, frozen=True):
    """Ask `arm`; its answer counts when it passes `checks`; keep an answer that `quorum` counted answers agree on."""

    arm: str
    """A model, or `model@effort`."""
    checks: tuple[str, ...] = ()
    """Names of verifiers. An answer that fails one of them agrees with nothing."""
    quorum: int = 1
    """Counted answers so far, this one included, that must say the same (1: the checks alone decide)."""


class CascadePlan(Struct, frozen=True):
    """Steps in the order in which they are asked, and who answers when none of them convinces.

    Of the answers that agree the first one is given. Without steps the plan is the plain choice of `escalate_to`.
    The figures are those of the graded answers that it was chosen on, all calls counted, held out by folds.
    """

    task_type: str
    steps: tuple[CascadeStep, ...]
    escalate_to: str
    skip_above: float | None = None
    """Difficulty 0..1 above which the steps are left out and `escalate_to` is asked at once; None: never."""
    expected_cost: int = 0
    """Nano-dollars of one task."""
    reference_cost: int = 0
    """Nano-dollars of one task on the reference alone."""
    share_kept: float = 0.0
    """Tasks that `escalate_to` is not asked for."""
    quality: float = 0.0
    """Mean grade of the answers that the plan gives."""
    low: float = 0.0
    """Lower bound (95 %, one-sided) of that quality relative to the reference's on the same tasks."""
    hold: bool = False
    """A stream is held until it is checked; without, a request for a stream goes to `escalate_to` at once."""
    min_logprob: float | None = None
    """Mean log-probability of the tokens below which an answer fails, where the model gives them (check `logprob`)."""
    n: int = 0
    """Graded tasks that it was chosen on."""
