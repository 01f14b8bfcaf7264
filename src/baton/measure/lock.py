"""Writing a lock with its grades, verifying it offline, and promoting certificates into the one that is in force."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec import Struct

from baton.config.lock import grades_changed, grades_path, lock_text, read_lock, why_void
from baton.measure.files import hash_of, proven, read_evidence
from baton.types.certificate import Certificate
from baton.types.decision import PolicySnapshot
from baton.types.errors import ProofError


class Finding(Struct, frozen=True):
    """One certificate, and what does not hold about it; empty where everything does."""

    certificate: str
    task_type: str
    rung: str
    problem: str


class Verified(Struct, frozen=True):
    valid: bool
    findings: tuple[Finding, ...]
    certificates: tuple[Certificate, ...]


def write_lock(path: Path, certificates: Iterable[Certificate], evidence: Mapping[str, bytes]) -> None:
    """`evidence`: files of grades by their hash. All of it, or nothing that is found by the old lock is changed."""
    for grades, file in evidence.items():
        if hash_of(file) != grades:
            raise ValueError(f"a file of grades has the hash {hash_of(file)}, not {grades}")
        _write(grades_path(path, grades), file)
    _write(path, lock_text(certificates).encode())


def evidence_beside(path: Path, certificates: Iterable[Certificate]) -> dict[str, bytes]:
    """Raises ProofError where grades are missing."""
    found = {}
    for certificate in certificates:
        place = grades_path(path, certificate.grades)
        try:
            found[certificate.grades] = place.read_bytes()
        except OSError as error:
            raise ProofError(f"the grades of {certificate.name} cannot be read: {place}: {error.strerror}") from error
    return found


def verify(path: Path, prompt_set: str | None = None) -> Verified:
    """Recomputes every certificate from the recorded grades. Raises ProofError where the lock itself cannot be read.

    `prompt_set`: the hash of the prompts that it is said to rest on.
    """
    certificates = read_lock(path)
    computed: dict[str, tuple[Certificate, ...] | str] = {}
    findings = []
    for one in certificates:
        if one.grades not in computed:
            computed[one.grades] = _recomputed(path, one)
        found = computed[one.grades]
        if isinstance(found, str):
            problem = found
        elif one not in found:
            problem = _difference(one, found)
        else:
            problem = ""
        if not problem and prompt_set not in {None, one.prompt_set}:
            problem = f"it rests on the prompts {one.prompt_set}, not on {prompt_set}"
        findings.append(Finding(one.name, one.task_type, one.rung, problem))
    return Verified(not any(one.problem for one in findings), tuple(findings), certificates)


def promote(
    source: Path, target: Path, snapshot: PolicySnapshot, references: Mapping[str, str], only: frozenset[str]
) -> tuple[Certificate, ...]:
    """Take certificates of `source`, of the task types in `only` (empty: all), into `target`; what they replace goes.

    Raises ProofError, and changes nothing, where there is no certificate, or one of them does not hold.
    """
    verified = verify(source)
    problems = [f"{one.certificate}: {one.problem}" for one in verified.findings if one.problem]
    taken = [one for one in verified.certificates if not only or one.task_type in only]
    problems += [f"{one.name}: {why}" for one in taken if (why := why_void(one, snapshot, dict(references)))]
    if problems:
        raise ProofError("nothing is promoted, these certificates do not hold:\n" + "\n".join(problems))
    missing = sorted(only - {one.task_type for one in taken})
    if missing or not taken:
        told = f"for {', '.join(missing)}" if missing else f"in {source}"
        raise ProofError(f"there is no certificate {told}: `baton ladder` makes them. Nothing is promoted")
    replaced = {(one.task_type, one.serves) for one in taken}
    before = read_lock(target) if target.exists() else ()
    kept = [one for one in before if (one.task_type, one.serves) not in replaced]
    evidence = evidence_beside(source, taken) | (evidence_beside(target, kept) if kept else {})
    write_lock(target, [*kept, *taken], evidence)
    return tuple(taken)


def _recomputed(path: Path, certificate: Certificate) -> tuple[Certificate, ...] | str:
    if problem := grades_changed(certificate, path):
        return problem
    place = grades_path(path, certificate.grades)
    try:
        header, rows = read_evidence(place.read_bytes(), str(place))
        return proven(header, rows, certificate.grades)
    except (ProofError, ValueError) as error:
        return f"its grades prove nothing: {error}"


def _difference(one: Certificate, found: tuple[Certificate, ...]) -> str:
    same = next((other for other in found if (other.rung, other.serves) == (one.rung, one.serves)), None)
    if same is None:
        return f"the grades do not prove {one.rung!r} adequate"
    fields = [name for name in one.__struct_fields__ if getattr(one, name) != getattr(same, name)]
    told = "; ".join(f"{name} is {getattr(one, name)!r}, the grades say {getattr(same, name)!r}" for name in fields)
    return f"differs from what the grades prove: {told}"


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
