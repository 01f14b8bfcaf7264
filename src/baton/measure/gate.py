"""A gate with a certificate: up to which difficulty a cheap model may serve, the reference taking the rest.

1. Pilot prompts tell thresholds (quantiles of their difficulty) and spreads; 2. the others, which nobody has looked at,
are the calibration: thresholds are tested from the safest on until the first that is not proven; 3. a prompt whose
difficulty cannot be read goes to the reference under every threshold.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from baton.measure.evidence import MOST_UNGRADED, VERSION, Row, mean_cost
from baton.stats.gate import FEWEST_PILOT, SETTINGS, PathCertificate, certify_path, spreads_of
from baton.stats.guarantee import Guarantee
from baton.types.certificate import Certificate

if TYPE_CHECKING:
    import numpy as np

PILOT = 100


class GateHeader(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="gate"):
    """See `LadderHeader`. `features`: what the difficulty is read with; another reading is another gate."""

    version: int = VERSION
    task_type: str
    reference: str
    rung: str
    models: dict[str, str]
    rho: float
    delta: float
    settings: int = SETTINGS
    pilot: int
    grader: str
    judged: bool
    prompt_set: str
    features: str
    order_seed: int
    date: str
    simulated: bool
    faults: tuple[str, ...] = ()


class Gated(Struct, frozen=True):
    """`threshold` None: no gate is proven. `share` of the calibration goes to the rung under it; `n` pairs of it."""

    header: GateHeader
    threshold: float | None
    share: float
    n: int
    quality: float | None
    reference_quality: float | None
    rung_quality: float | None
    unread: int
    """Prompts whose difficulty could not be read."""
    certificates: tuple[Certificate, ...]


def gated(header: GateHeader, rows: Sequence[Row], grades: str) -> Gated:
    """What the rows prove. `grades`: the hash of the file that they are in."""
    import numpy as np

    pilot = [row for row in rows[: header.pilot] if None not in _grades(row, header)]
    calibration = [row for row in rows[header.pilot :] if None not in _grades(row, header)]
    unread = sum(row.difficulty is None for row in calibration)
    none = Gated(header, None, 0.0, len(calibration), None, None, None, unread, ())
    known = [row.difficulty for row in pilot if row.difficulty is not None]
    left_out = sum(row.grades.get(header.rung) is None for row in rows[header.pilot :])
    if left_out > MOST_UNGRADED * (len(rows) - header.pilot):
        return none
    if header.faults or header.judged or len(pilot) < FEWEST_PILOT or not calibration or not known:
        return none
    limits = _limits(known, header.settings)
    tried, reference = _served(pilot, header, limits)
    guarantee = Guarantee(header.rho, alpha=header.delta)
    spreads = spreads_of(tried, reference, guarantee)
    served, reference = _served(calibration, header, limits)
    proof = certify_path(served, reference, spreads, guarantee)
    threshold = float(limits[proof.index]) if proof.index else None
    sent = [row for row in calibration if threshold is not None and _difficulty(row) <= threshold]
    found = Gated(
        header=header,
        threshold=threshold,
        share=len(sent) / len(calibration),
        n=len(calibration),
        quality=float(served[proof.index].mean()),
        reference_quality=float(reference.mean()),
        rung_quality=float(np.mean([row.grades[header.rung] for row in calibration])),
        unread=unread,
        certificates=(),
    )
    if threshold is None:
        return found
    return replace(found, certificates=(_certificate(found, proof, calibration, sent, grades),))


def _grades(row: Row, header: GateHeader) -> tuple[float | None, float | None]:
    return row.grades.get(header.reference), row.grades.get(header.rung)


def _difficulty(row: Row) -> float:
    """Beyond every threshold where it is not known."""
    return math.inf if row.difficulty is None else row.difficulty


def _limits(known: Sequence[float], settings: int) -> "np.ndarray":
    """From the safest on: nothing, then the quantiles of the difficulty, equal ones once."""
    import numpy as np

    quantiles = np.quantile(np.asarray(known), np.arange(1, settings + 1) / settings)
    return np.concatenate([[-math.inf], np.unique(np.round(quantiles, 6))])


def _served(rows: Sequence[Row], header: GateHeader, limits: "np.ndarray") -> "tuple[np.ndarray, np.ndarray]":
    """Grades of what each limit serves, (limits, rows), and of the reference, (rows,)."""
    import numpy as np

    reference = np.array([row.grades[header.reference] for row in rows], dtype=np.float64)
    cheap = np.array([row.grades[header.rung] for row in rows], dtype=np.float64)
    difficulty = np.array([_difficulty(row) for row in rows])
    return np.where(difficulty <= limits[:, None], cheap, reference), reference


def _certificate(
    found: Gated, proof: PathCertificate, calibration: Sequence[Row], sent: Sequence[Row], grades: str
) -> Certificate:
    header = found.header
    assert found.threshold is not None
    cheap = {row.prompt for row in sent}
    mixed = [row.costs.get(header.rung if row.prompt in cheap else header.reference, 0) for row in calibration]
    return Certificate(
        task_type=header.task_type,
        serves="gate",
        rung=header.rung,
        reference=header.reference,
        rho=header.rho,
        delta=header.delta,
        n=found.n,
        estimate=proof.ratio,
        bound=header.rho,
        share=found.share,
        thresholds={"difficulty": found.threshold},
        cost_per_task=sum(mixed) / len(mixed),
        reference_cost_per_task=mean_cost(calibration, header.reference),
        grader=header.grader,
        models=header.models,
        prompt_set=header.prompt_set,
        grades=grades,
        features=header.features,
        order_seed=header.order_seed,
        date=header.date,
        simulated=header.simulated,
    )
