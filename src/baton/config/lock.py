"""`policy.lock`: the certificates that are in force, as a text that can be reviewed, and that is the same for the same.

JSON with sorted members, one a line, certificates ordered by task type and rung; the last line but one is a digest of
them, so that an edit by hand is seen before the grades are looked at (`baton verify` looks at them). The grades that a
certificate was computed from lie beside it, in `policy.grades/`.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from baton.check.verify import VERSION as VERIFIERS
from baton.decide.features import VERSION as FEATURES
from baton.decide.terms import AUTO
from baton.types.certificate import VERIFIED, Certificate, identity
from baton.types.decision import PolicySnapshot
from baton.types.errors import ProofError

VERSION = 1
MOST_BYTES = 64 * 1024 * 1024


class Lock(Struct, frozen=True, forbid_unknown_fields=True):
    certificates: tuple[Certificate, ...]
    digest: str
    version: int = VERSION


class Version(Struct):
    version: object = None


def lock_text(certificates: Iterable[Certificate]) -> str:
    """Ends with a line feed."""
    ordered = tuple(sorted(certificates, key=lambda one: (one.task_type, one.serves, one.rung, one.rho, one.name)))
    body = msgspec.json.encode(Lock(ordered, _digest(ordered)), order="sorted")
    return msgspec.json.format(body, indent=2).decode() + "\n"


def read_lock(path: Path) -> tuple[Certificate, ...]:
    """Raises ProofError for a file that is none, is of another version, or has been edited by hand."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ProofError(f"{path} cannot be read ({error.strerror}): `baton promote` writes it") from error
    if len(raw) > MOST_BYTES:
        raise ProofError(f"{path} is larger than {MOST_BYTES} bytes: this is no policy.lock")
    try:
        version = msgspec.json.decode(raw, type=Version).version
        if version != VERSION:
            told = f"{path} is of version {version!r}, this Baton reads {VERSION}: certify again, or use that Baton"
            raise ProofError(told)
        lock = msgspec.json.decode(raw, type=Lock)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProofError(f"{path} is no policy.lock: {error}") from error
    if lock.digest != _digest(lock.certificates) or raw != lock_text(lock.certificates).encode():
        raise ProofError(f"{path} has been changed by hand: its digest does not fit. Promote the certificates again")
    return lock.certificates


def grades_path(lock: Path, grades: str) -> Path:
    """Where the grades of a certificate lie, by their hash."""
    return lock.with_suffix(".grades") / f"{grades.removeprefix('sha256:')[:16]}.jsonl"


def features_of(snapshot: PolicySnapshot) -> str:
    """What the difficulty of a prompt is read with: the version of the features, and of what was learned."""
    learned = snapshot.learned
    return f"{FEATURES}:{'prior' if learned is None else learned.data_hash or learned.version}"


def policy_of(snapshot: PolicySnapshot) -> str:
    """Everything that decides what `auto` is where rules decide."""
    own = replace(snapshot, certificates=(), mode="rules")
    return "policy " + hashlib.sha256(msgspec.json.encode(own, order="deterministic", enc_hook=str)).hexdigest()


def why_void(certificate: Certificate, snapshot: PolicySnapshot, references: dict[str, str]) -> str:
    """What the certificate names and is not so any more; empty where it holds. `references` by task type."""
    if certificate.task_type not in snapshot.task_types:
        return f"there is no task type {certificate.task_type!r} any more"
    reference = references.get(certificate.task_type)
    if reference != certificate.reference:
        return f"the reference of {certificate.task_type!r} is {reference!r} now, not {certificate.reference!r}"
    if certificate.grader.startswith(f"{VERIFIED}:") and certificate.grader != f"{VERIFIED}:{VERIFIERS}":
        return f"the verifiers are of version {VERIFIERS} now, not of that of {certificate.grader!r}"
    if certificate.features and certificate.features != features_of(snapshot):
        return f"difficulty is read by {features_of(snapshot)!r} now, not by {certificate.features!r}"
    changes = (_changed(model, meant, snapshot) for model, meant in certificate.models.items())
    return next((change for change in changes if change), "")


def _changed(model: str, meant: str, snapshot: PolicySnapshot) -> str:
    if model == AUTO:
        return "" if meant == policy_of(snapshot) else "the policy has changed since"
    card = snapshot.cards.get(model)
    if card is None:
        return f"model {model!r} is not in the config any more"
    return "" if identity(card) == meant else f"model {model!r} is {identity(card)!r} now, not {meant!r}"


def grades_changed(certificate: Certificate, lock: Path) -> str:
    """Why the recorded grades are not those that the certificate was computed from; empty where they are."""
    path = grades_path(lock, certificate.grades)
    try:
        found = "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        return f"its grades cannot be read: {path}: {error.strerror}"
    return "" if found == certificate.grades else f"its grades have been changed: {path}"


def _digest(certificates: tuple[Certificate, ...]) -> str:
    return "sha256:" + hashlib.sha256(msgspec.json.encode(certificates, order="deterministic")).hexdigest()
