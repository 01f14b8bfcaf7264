"""Certificates for settings on a path from safest to cheapest: gate thresholds, cascades, whole policies.

Learn then Test, by fixed sequence: setting j of the path serves item i with grade g_ij, the reference with f_i, and
W_ij = g_ij - rho f_i + margin. From the safe end on, each null hypothesis E[W_j] <= 0 is tested at level delta, and the
first that stands ends it; the last that fell is certified. The certified setting is inadequate with probability <=
delta, over all settings of the path together, because the order was fixed beforehand. Source: A. N. Angelopoulos,
S. Bates, E. J. Candes, M. I. Jordan, L. Lei, Learn then Test (arXiv 2110.01052); the test is a bet (`betting.py`).

Holds for traffic like the calibration items, and only there: certify per task type, send what is unlike it to the
reference, and keep a monitor on (`drift.py`). Nobody may have looked at the calibration items before: thresholds come
from unlabelled traffic, scores from training items, spreads from pilot items.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from baton.stats.betting import capital_path
from baton.stats.guarantee import Guarantee
from baton.stats.intervals import Interval, scores_of, wilson

if TYPE_CHECKING:
    import numpy as np

SETTINGS = 60
EVERY = 20
"""Items between two looks at the capital; any look may decide (running maximum)."""
NEAREST_TO_RUIN = 0.9
FEWEST_PILOT = 30


class PathCertificate(Struct, frozen=True):
    """The last setting of the path that is proved; `index` 0 is the safe end, which needs no proof.

    All settings up to `index` are proved together: where cost does not fall along the path, take the cheapest of them.
    """

    index: int
    n: int
    log_e: tuple[float, ...]
    """Highest log e-value of each setting tested, from setting 1 on; the last one stood unless the path ended."""
    ratio: float
    """Mean grade of the certified setting over that of the reference: an estimate. What is proved is rho."""


class GateCertificate(Struct, frozen=True):
    """Send a prompt to the cheap model when its score is at least `threshold`; None: never, nothing is proved."""

    threshold: float | None
    share: float
    """Of the calibration items that goes to the cheap model, with its Wilson interval."""
    share_interval: Interval
    proof: PathCertificate


def thresholds_of(unlabelled: "Sequence[float] | np.ndarray", settings: int = SETTINGS) -> "np.ndarray":
    """Thresholds from the safest down: inf, then the quantiles of scores of unlabelled traffic, equal ones once.

    Threshold j sends about j / settings of such traffic to the cheap model. Shape (at most settings + 1,).
    """
    import numpy as np

    scores = scores_of(unlabelled, "unlabelled")
    if scores.size == 0 or settings < 1:
        raise ValueError(f"{scores.size} scores for {settings!r} settings: need at least one of each")
    quantiles = np.quantile(scores, 1 - np.arange(1, settings + 1) / settings)
    return np.concatenate([[math.inf], np.unique(quantiles)[::-1]])


def gated(scores: "np.ndarray", reference: "np.ndarray", cheap: "np.ndarray", thresholds: "np.ndarray") -> "np.ndarray":
    """Grades of what each threshold serves, shape (thresholds, items), from scores and both models' grades (items,)."""
    import numpy as np

    served: np.ndarray = np.where(np.asarray(scores) >= np.asarray(thresholds)[:, None], cheap, reference)
    return served


def certify_path(
    served: "np.ndarray",
    reference: "Sequence[float] | np.ndarray",
    spreads: "Sequence[float] | np.ndarray",
    guarantee: Guarantee,
    every: int = EVERY,
) -> PathCertificate:
    """Certify one of the settings 0, 1, ... of a path indexed by one scalar, by the items' grades.

    `served`: grades 0..1 of what each setting serves, shape (settings, items), setting 0 being the reference itself.
    `reference`: shape (items,). `spreads`: standard deviation of W of each setting on pilot items (`spreads_of`); it
    sizes the bet min(sqrt(2 ln(1/delta) / (items spread^2)), .9 / -lowest W), delta = `guarantee.alpha`.
    """
    import numpy as np

    f = scores_of(reference, "reference")
    grades = np.asarray(served, dtype=np.float64)
    sigmas = np.asarray(spreads, dtype=np.float64)
    _refuse_bad_path(grades, f, sigmas)
    limit = NEAREST_TO_RUIN / -guarantee.lowest
    peaks: list[float] = []
    index = 0
    for setting in range(1, len(grades)):
        sigma = float(sigmas[setting])
        bet = min(math.sqrt(2 * guarantee.goal / f.size) / sigma, limit) if sigma > 0 else limit
        gains = grades[setting] - guarantee.rho * f + guarantee.margin
        peaks.append(float(capital_path(gains, (bet,), every).max()))
        if peaks[-1] < guarantee.goal:
            break
        index = setting
    whole = float(f.sum())
    ratio = float(grades[index].sum()) / whole if whole else 1.0
    return PathCertificate(index, int(f.size), tuple(peaks), ratio)


def spreads_of(served: "np.ndarray", reference: "Sequence[float] | np.ndarray", guarantee: Guarantee) -> "np.ndarray":
    """Standard deviation of W of each setting on pilot items, shape (settings,); at least 30 items, 300 are better."""
    import numpy as np

    f = scores_of(reference, "reference")
    grades = np.asarray(served, dtype=np.float64)
    _refuse_bad_path(grades, f, np.zeros(len(grades)))
    if f.size < FEWEST_PILOT:
        raise ValueError(f"{f.size} pilot items say too little about spread: need at least {FEWEST_PILOT}")
    spreads: np.ndarray = (grades - guarantee.rho * f).std(axis=1)
    return spreads


class GateItems(Struct, frozen=True):
    """Gate score and both grades of each item, 0..1, shape (items,), in an order that did not look at them."""

    scores: "np.ndarray"
    reference: "np.ndarray"
    cheap: "np.ndarray"


def certify_gate(
    calibration: GateItems, pilot: GateItems, unlabelled: "np.ndarray", guarantee: Guarantee, settings: int = SETTINGS
) -> GateCertificate:
    """The gate that sends most to the cheap model and still keeps `guarantee`, wrong with probability <= alpha.

    `pilot`, `unlabelled` (scores of any traffic) and `calibration` share no item with each other or with training.
    """
    for items in (calibration, pilot):
        if not len(items.scores) == len(items.reference) == len(items.cheap):
            raise ValueError("scores and grades differ in length: need one of each per item")
        scores_of(items.scores, "scores")
        scores_of(items.cheap, "cheap")
    thresholds = thresholds_of(unlabelled, settings)
    tried = gated(pilot.scores, pilot.reference, pilot.cheap, thresholds)
    served = gated(calibration.scores, calibration.reference, calibration.cheap, thresholds)
    spreads = spreads_of(tried, pilot.reference, guarantee)
    proof = certify_path(served, calibration.reference, spreads, guarantee)
    threshold = float(thresholds[proof.index])
    sent = int((calibration.scores >= threshold).sum())
    return GateCertificate(
        threshold=threshold if proof.index else None,
        share=sent / proof.n,
        share_interval=wilson(sent, proof.n),
        proof=proof,
    )


def _refuse_bad_path(grades: "np.ndarray", reference: "np.ndarray", spreads: "np.ndarray") -> None:
    if grades.ndim != 2 or grades.shape[1:] != reference.shape or spreads.shape != grades.shape[:1]:
        raise ValueError(
            f"grades of shape {grades.shape}, {reference.shape} of the reference, {spreads.shape} spreads: need"
            " (settings, items), (items,) and (settings,)",
        )  # fmt: skip
    if reference.size == 0:
        raise ValueError("there is no item to certify on")
    if not ((grades >= 0) & (grades <= 1)).all():  # also refuses NaN
        raise ValueError("a grade is NaN or outside 0..1: leave out what was not graded")
    if not (spreads >= 0).all():
        raise ValueError("a spread is NaN or negative")
