"""Certificates: that a cheaper way of serving a task type is good enough, on what evidence, and for what it holds.

`measure/` makes them, `policy.lock` holds them, `decide/` lets a cheaper model serve by them.
"""

import hashlib
from typing import Literal

import msgspec
from msgspec import Struct, field

from baton.types.card import ModelCard

ProofMode = Literal["rules", "certified", "safe"]
"""`rules`: rules decide, and nothing is proven. `certified`: cheaper rungs serve only with a certificate. `safe`: the
same, and those without one are compared with the reference on a share of the traffic until they have it."""

Serves = Literal["rung", "gate", "cascade", "policy"]
"""What was proven: the rung alone on everything; the rung on what a gate lets through, the reference on the rest; the
rung first and the reference where the answer did not hold; a whole policy."""


VERIFIED = "verified"
"""The kind of a grader that needs no model; its id ends with the version of the verifiers."""


class Certificate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`Quality >= rho * quality of the reference` holds with confidence 1 - delta; void when anything it names changes.

    Hashes are `sha256:` and 64 hex digits.
    """

    task_type: str
    serves: Serves = "rung"
    rung: str
    """Model id of the cheaper model."""
    reference: str
    rho: float
    min_quality: float | None = None
    """An absolute grade that is proven as well."""
    delta: float
    n: int
    """Graded pairs on the same prompts."""
    estimate: float
    """Quality as a share of the reference's, on those pairs; not bounded by 1."""
    bound: float
    """Its lower bound with confidence 1 - delta: never below rho."""
    share: float = 1.0
    """Share of the pairs that the cheaper model served."""
    thresholds: dict[str, float] = field(default_factory=dict)
    """`difficulty`: the rung serves up to it (gate). `score`: of its own answer, from which on it is kept (cascade)."""
    cost_per_task: float
    """Nano-dollars, mean over the pairs; beside it what the reference cost on them."""
    reference_cost_per_task: float
    grader: str
    models: dict[str, str]
    """Every model that took part, and what its id stood for: see `identity`."""
    prompt_set: str
    """Hash of the pinned prompts."""
    grades: str
    """Hash of the recorded grades that it is computed from."""
    features: str = ""
    """Version of the features that a gate reads; empty where nothing reads any."""
    order_seed: int
    date: str
    """ISO day."""
    simulated: bool = False
    """The answers came from a simulation."""

    @property
    def name(self) -> str:
        """`classification/sim/nano@` and the first digits of the hash of all it says."""
        return f"{self.task_type}/{self.rung}@{digest(self)[:12]}"


def digest(certificate: Certificate) -> str:
    """64 hex digits of SHA-256 over its canonical JSON."""
    return hashlib.sha256(msgspec.json.encode(certificate, order="deterministic")).hexdigest()


def identity(card: ModelCard) -> str:
    """What is asked when the model is: `provider upstream` of every place where it can be, sorted."""
    places = [(one.provider, one.upstream) for one in card.deployments] or [(card.provider, card.upstream)]
    return ", ".join(sorted({f"{provider} {upstream}" for provider, upstream in places}))
