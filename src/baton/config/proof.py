"""The section `proof`: whether cheaper models need a certificate, and the lock that holds them."""

from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from baton.config.lock import grades_changed, read_lock, why_void
from baton.decide.policy import Policy
from baton.types.certificate import ProofMode
from baton.types.decision import PolicySnapshot


class ProofConfig(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a decision for a cheaper model needs."""

    mode: Annotated[
        ProofMode, Meta(description="rules: rules decide; certified: cheaper rungs serve only with a certificate")
    ] = "rules"
    lock: Annotated[str, Meta(min_length=1, description="Certificates in force, relative to the working directory")] = (
        "policy.lock"
    )


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
