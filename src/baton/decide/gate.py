"""The gate: what is too hard for the rung that was chosen goes up, to the next one that meets the floor."""

from collections.abc import Sequence

from msgspec import Struct

from baton.decide.difficulty import Reading
from baton.decide.rule import Ranked
from baton.types.certificate import Certificate


class Raised(Struct, frozen=True):
    to: Ranked
    why: str
    flips_when: str


def lets_through(certificate: Certificate, reading: Reading) -> bool:
    """Whether what is certified covers the request: always without a gate, else up to its difficulty."""
    if certificate.serves != "gate":
        return True
    return reading.difficulty is not None and reading.difficulty <= _limit(certificate)


def sent_by_certificate(
    certificate: Certificate, best: Ranked, eligible: Sequence[Ranked], reading: Reading, reference: str
) -> Raised | None:
    """A gate that is proven: what it does not let through, and what nobody can tell of, is the reference's."""
    if lets_through(certificate, reading):
        return None
    threshold = _limit(certificate)
    top = next((one for one in eligible if one.arm.name == reference), None)
    if top is None or top is best:
        return None
    said = "difficulty cannot be told" if reading.difficulty is None else f"difficulty {reading.difficulty:.2f}"
    words = f"{said} ({reading.why}), and {certificate.name} holds up to {threshold:.2f}"
    return Raised(top, f"{words}, so {reference}", f"a certificate that holds beyond {threshold:.4g}")


def _limit(certificate: Certificate) -> float:
    return certificate.thresholds.get("difficulty", 0.0)


def raised(best: Ranked, eligible: Sequence[Ranked], reading: Reading, threshold: float | None) -> Raised | None:
    """`eligible` from the cheapest to the dearest. None where there is no gate, or nothing better above."""
    if threshold is None or reading.difficulty is None or reading.difficulty <= threshold:
        return None
    for one in eligible:
        dearer = one.candidate.cost > best.candidate.cost
        better = one.candidate.quality > best.candidate.quality
        if dearer and better and one.candidate.meets_floor and not one.named_only:
            words = f"difficulty {reading.difficulty:.2f} ({reading.why}) is above the gate {threshold:.2f}"
            flips = f"the gate at {reading.difficulty:.4g} or above (it is {threshold:.4g})"
            return Raised(one, f"{words}, so up from {best.arm.name} to {one.arm.name}", flips)
    return None
