"""Certificates on their way to the lock that is in force: proposed beside it, for somebody to look at."""

from collections.abc import Sequence
from pathlib import Path

from baton.config.lock import read_lock
from baton.measure.files import hash_of
from baton.measure.lock import evidence_beside, write_lock
from baton.types.certificate import Certificate


def refuse_edited(path: Path) -> None:
    """Before anything is paid. Raises ProofError for proposals that new ones could not be added to."""
    if path.exists():
        evidence_beside(path, read_lock(path))


def propose(path: Path, file: bytes, certificates: Sequence[Certificate]) -> None:
    """New ones take the place of those for the same; nothing is written where there is none.

    `file`: the grades that they follow from. Raises ProofError for a lock that cannot be believed.
    """
    if not certificates:
        return
    fresh = {(one.task_type, one.serves) for one in certificates}
    kept = [one for one in read_lock(path) if (one.task_type, one.serves) not in fresh] if path.exists() else []
    write_lock(path, [*kept, *certificates], evidence_beside(path, kept) | {hash_of(file): file})
