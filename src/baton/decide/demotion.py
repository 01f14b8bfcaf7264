"""Demotions in force: the snapshot without what they void."""

from collections.abc import Sequence

from msgspec.structs import replace

from baton.types.certificate import Certificate
from baton.types.decision import PolicySnapshot
from baton.types.demotion import Demotion


def under(snapshot: PolicySnapshot, demotions: Sequence[Demotion]) -> PolicySnapshot:
    """Certificates whose cheaper model is demoted for their task type are void; a whole policy, where any model is."""
    if not demotions:
        return snapshot
    demoted = {(one.task_type, one.model) for one in demotions}
    kept = tuple(one for one in snapshot.certificates if not _void(one, demoted))
    return replace(snapshot, certificates=kept, demoted=tuple(demotions))


def _void(one: Certificate, demoted: set[tuple[str, str]]) -> bool:
    if one.serves == "policy":
        return any(task_type == one.task_type for task_type, _ in demoted)
    return any((one.task_type, model) in demoted for model in (one.rung, *one.models) if model != one.reference)
