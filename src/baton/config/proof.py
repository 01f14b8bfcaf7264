"""The section `proof`: whether cheaper models need a certificate, and the lock that holds them."""

from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from baton.config.lock import grades_changed, read_lock, why_void
from baton.decide.policy import Policy
from baton.types.certificate import ProofMode
from baton.types.decision import PolicySnapshot

Dollars = Annotated[float, Meta(ge=0, le=1_000_000)]
Span = Annotated[float, Meta(ge=0, le=366 * 86_400)]
Rate = Annotated[float, Meta(ge=0, le=1)]


class WatchConfig(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Whether what was proven is still true: comparisons beside the traffic, monitors, demotions, re-tests."""

    daily_usd: Annotated[
        Dollars, Meta(description="What comparisons, judges and canaries may cost in a day of UTC")
    ] = 1.0
    rate: Annotated[
        Rate | None,
        Meta(description="Share of requests compared with a second model; default: what the wanted delay needs"),
    ] = None
    detect_days: Annotated[
        Annotated[float, Meta(gt=0, le=366)], Meta(description="A drop of 10 points is to be noticed within this")
    ] = 3.0
    false_demotions_per_year: Annotated[
        Annotated[float, Meta(gt=0, le=1_000)], Meta(description="Over all task types and models together")
    ] = 1.0
    graded_per_year: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(description="Graded tasks of all models in a year; default: by the traffic of the last 7 days"),
    ] = None
    graders: Annotated[
        tuple[str, ...],
        Meta(description="Graders whose grades are those of the certificates; empty: all, by a floor of their own"),
    ] = ()
    judge: Annotated[str | None, Meta(description="Model that compares answers which no program can grade")] = None
    hold_s: Annotated[Span, Meta(description="From a demotion, or a failed test, to the next test")] = 86_400.0
    alpha: Annotated[
        Annotated[float, Meta(gt=0, le=0.5)], Meta(description="Chance that a model is ever promoted wrongly")
    ] = 0.05
    test_pairs: Annotated[
        Annotated[int, Meta(ge=10)] | None, Meta(description="Pairs after which a test ends without a verdict")
    ] = None
    baseline: Annotated[
        Annotated[int, Meta(ge=20)],
        Meta(description="Grades that a floor is learnt from where no certificate tells it"),
    ] = 1_000
    poll_s: Annotated[Annotated[float, Meta(gt=0, le=3_600)], Meta(description="How often it is looked")] = 1.0
    prompts: Annotated[
        str | None, Meta(description="File of pinned prompts with checks, asked again and again as a canary")
    ] = None
    canary_every_s: Annotated[Annotated[float, Meta(gt=0)], Meta(description="How often they are asked")] = 86_400.0


class ProofConfig(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a decision for a cheaper model needs."""

    mode: Annotated[
        ProofMode,
        Meta(description="rules: rules decide; certified: cheaper rungs need a certificate; safe: and earn it"),
    ] = "rules"
    lock: Annotated[str, Meta(min_length=1, description="Certificates in force, relative to the working directory")] = (
        "policy.lock"
    )
    watch: Annotated[WatchConfig | None, Meta(description="null: nothing is watched, but in the mode `safe`")] = None

    @property
    def watching(self) -> WatchConfig | None:
        return WatchConfig() if self.watch is None and self.mode == "safe" else self.watch


def with_certificates(snapshot: PolicySnapshot, proof: ProofConfig) -> tuple[PolicySnapshot, list[str]]:
    """The snapshot with the certificates that hold, and a sentence for each that does not.

    Raises ProofError for a lock that cannot be believed: a gateway does not serve by it.
    """
    if proof.mode == "rules":
        return snapshot, []
    path = Path(proof.lock)
    marked = replace(snapshot, mode=proof.mode)
    if not path.exists():
        return marked, [f"there is no {path} yet: every task goes to its reference until something is promoted"]
    references = references_of(snapshot)
    notes: list[str] = []
    for one in read_lock(path):
        if problem := why_void(one, marked, references) or grades_changed(one, path):
            notes.append(f"certificate {one.name} is void: {problem}")
        else:
            marked = replace(marked, certificates=(*marked.certificates, one))
    return marked, notes


def references_of(snapshot: PolicySnapshot) -> dict[str, str]:
    """By task type."""
    policy = Policy(snapshot)
    return {name: policy.reference_of(name).id for name in snapshot.task_types}
