"""What the router answers: a model, and everything needed to check why."""

from typing import Literal

from msgspec import Struct, field

from baton.types.card import ModelCard, Provider
from baton.types.cascade import CascadePlan
from baton.types.certificate import Certificate, ProofMode
from baton.types.classifier import ClassifierWeights
from baton.types.demotion import Demotion
from baton.types.handoff import HandoffReport
from baton.types.learned import Learned
from baton.types.session import Session
from baton.types.task import Route, TaskType

Evidence = Literal["certified", "measured", "configured", "assumed"]
"""Where a quality figure comes from: a certificate, graded answers, the operator's config, or nothing but the tier."""

TaskTypeSource = Literal["declared", "key", "rule", "classifier", "default"]


class Candidate(Struct, frozen=True, gc=False):
    """One eligible model. `cost` is the expected cost of this request in nano-dollars."""

    model: str
    quality: float
    evidence: Evidence
    cost: int
    utility: float
    """100 * quality - lambda * USD per 1,000 such tasks."""
    meets_floor: bool
    effort: str = ""
    """The step of reasoning effort that it would be asked with."""
    bound: float | None = None
    """Lower bound (95 %, one-sided) of the quality, where answers were graded."""
    n: int = 0
    """Graded answers behind it."""


class Exclusion(Struct, frozen=True, gc=False):
    model: str
    reason: Literal[
        "context_window", "capability", "allow_list", "ladder", "rule", "floor", "output_limit", "key",
        "handoff", "safety_floor", "uncertified", "demoted",
    ]  # fmt: skip
    detail: str


class Counterfactual(Struct, frozen=True, gc=False):
    """The road not taken: the reference's expected cost, and the runner-up with what would have flipped the choice."""

    reference: str
    reference_cost: int
    runner_up: str | None = None
    flips_when: str | None = None


class CheckResult(Struct, frozen=True):
    """What one check of a cascade found. `skipped`: it had nothing to go by, or could not run; `reason` says which."""

    check: str
    outcome: Literal["passed", "failed", "skipped"]
    reason: str


class CascadeAnswer(Struct, frozen=True):
    """One answer of a cascade: who gave it, what was found of it, and what both have cost in nano-dollars."""

    model: str
    checks: tuple[CheckResult, ...]
    cost: int
    given: bool = False
    """It is the one that the caller got."""


Upgrade = Literal["", "prompt", "gate", "session", "cascade"]
"""Why a request went to a dearer model than rules and table alone would have given it.

`prompt`: by what was learned of its words; told where an escalation limit watches.
"""

GoingUp = Literal["allowed", "none", "reference"]
"""`going_up` of `Policy.decide`: gate and session may do as they see fit, or nothing, or only send to the reference.

The last two are for keys that have used up their `EscalationLimit`; `Decision.upgraded` says what was to be done.
"""


class Decision(Struct, frozen=True, gc=False, rename={"lambda_": "lambda"}):
    """One routing decision. Costs in nano-dollars; `reason` is one readable sentence."""

    id: str
    model: str
    provider: str
    route: str
    task_type: str
    task_type_source: TaskTypeSource
    rule: str
    asked: str
    floor: float
    min_quality: float | None
    lambda_: float
    expected_cost: int
    reason: str
    candidates: tuple[Candidate, ...] = ()
    excluded: tuple[Exclusion, ...] = ()
    counterfactual: Counterfactual | None = None
    difficulty: float | None = None
    proof: str = "none"
    """The certificate that carried the decision, or `none`: the rules alone are not a proof."""
    handoff: HandoffReport | None = None
    """What became of every element of the conversation, where it was not forwarded as the caller's own bytes."""
    effort: str = ""
    """The step of reasoning effort that the model is asked with; empty: none is set for the caller."""
    plan: CascadePlan | None = None
    """The cascade that is to be run, where one is: `model` and `effort` are the arm of its first step."""
    cascade: tuple[CascadeAnswer, ...] = ()
    """What became of it, in the order of its answers."""
    upgraded: Upgrade = ""
    session: Session | None = None
    """The conversation that the request goes on with, as it stood before."""
    side: str = ""
    """The sort of call that a client makes on the side, where it is one: `title call of opencode`."""
    propensity: float = 1.0
    """The chance that this request had of being served so: 1 where nothing is tried out."""
    shadow: str = ""
    """The model that is asked the same, off the caller's path, to be compared; empty: none was drawn."""
    shadow_rate: float = 0.0
    """The chance that the request had of such a comparison, whatever it says."""


class PolicySnapshot(Struct, frozen=True):
    """Everything `decide` reads, as one immutable value; a new config or a demotion swaps in another one."""

    cards: dict[str, ModelCard]
    providers: dict[str, Provider]
    task_types: dict[str, TaskType]
    routes: tuple[Route, ...]
    aliases: dict[str, str] = field(default_factory=dict)
    """Other names for a model or for `auto`; resolved once, never chained."""
    default_model: str = "auto"
    mode: ProofMode = "rules"
    certificates: tuple[Certificate, ...] = ()
    """Those that hold for these cards and task types: void ones are left out when they are read."""
    classifier: ClassifierWeights | None = None
    """What guesses the task type where no rule tells it; None: nothing does."""
    learned: Learned | None = None
    """What was learned from graded answers, the version in force."""
    demoted: tuple[Demotion, ...] = ()
    """Who may not serve which task type for the time being: what a monitor found, or an operator said."""
