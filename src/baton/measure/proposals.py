"""Certificates on their way to the lock that is in force: proposed beside it, for somebody to look at."""

from collections.abc import Iterable
from pathlib import Path

from baton.config.lock import read_lock
from baton.measure.evidence import hash_of
from baton.measure.ladder import Walk
from baton.measure.lock import evidence_beside, write_lock


def propose(path: Path, walks: Iterable[Walk]) -> None:
    """New ones take the place of those of the same task type; others stay. Raises ProofError for a lock of no worth."""
    made = [one for one in walks if one.climbed.certificates]
    fresh = {one.climbed.header.task_type for one in made}
    kept = [one for one in read_lock(path) if one.task_type not in fresh] if path.exists() else []
    evidence = evidence_beside(path, kept) | {hash_of(one.file): one.file for one in made}
    write_lock(path, [*kept, *(certificate for one in made for certificate in one.climbed.certificates)], evidence)
