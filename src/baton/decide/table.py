"""The measured table: how good a model is on a task type, shrunk to what is known of both, with a lower bound.

Shrinkage is `(n m + k m0) / (n + k)`: n graded answers of mean m, against a prior m0 that weighs as much as k answers.
The prior is, in this order: what the operator configured; the estimate of the parent type; what the model is worth over
all types, moved to how hard this type is (mean grade of the type + how far the model lies above the others, type by
type, itself shrunk towards 0). Everything is worked out when a policy is compiled: a look-up is two dictionaries.
"""

import math
from collections.abc import Iterable, Mapping
from statistics import NormalDist
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from baton.types.learned import Cell, QualityTable

PRIOR_WEIGHT = 20.0
"""k, in graded answers, where nothing better was estimated."""

LEVEL = 0.95
"""One-sided confidence of `Estimate.low`."""

Source = Literal["measured", "configured", "parent", "overall"]
"""What weighs most in an estimate: its own grades, or one of the priors."""

Configured = Mapping[str, Mapping[str, float]]
"""Per model: quality 0..1 per task type, as the operator asserts it."""


class Estimate(Struct, frozen=True):
    """Quality 0..1 of a model on a task type; `low` is its one-sided 95 % lower bound."""

    quality: float
    low: float
    n: int
    """Graded answers of this model on this very type."""
    source: Source


class MeasuredTable:
    """`of` answers for every type of the table and of `task_types`, and for every model that was graded anywhere.

    `prior_weight` wins over the table's own.
    """

    def __init__(
        self,
        table: QualityTable,
        configured: Configured | None = None,
        *,
        task_types: Iterable[str] = (),
        prior_weight: float | None = None,
        level: float = LEVEL,
    ) -> None:
        own = PRIOR_WEIGHT if table.prior_weight is None else table.prior_weight
        self._k = own if prior_weight is None else prior_weight
        if not self._k > 0:
            raise ValueError(f"the prior weighs {self._k!r} answers: need a number above 0")
        self._cells = {name: {m: cell for m, cell in row.items() if cell.n > 0} for name, row in table.cells.items()}
        self._parents = table.parents
        self._configured = configured or {}
        self._z = NormalDist().inv_cdf(level)
        self._means = {name: _mean(row.values()) for name, row in self._cells.items() if row}
        self._overall = _mean(cell for row in self._cells.values() for cell in row.values())
        self._offsets = self._model_offsets()
        self._found: dict[str, dict[str, Estimate]] = {}
        for name in (*self._cells, *task_types):
            self._fill(name, frozenset())

    def of(self, task_type: str, model: str) -> Estimate | None:
        """None for a model without a single grade, and for a type that was not named at construction."""
        row = self._found.get(task_type)
        return None if row is None else row.get(model)

    def _model_offsets(self) -> dict[str, float]:
        """How far a model lies above the mean of its types, weighted by its grades and shrunk towards 0.

        Always by PRIOR_WEIGHT: what a table tells of its cells says nothing of how much models differ over all types.
        """
        above: dict[str, float] = {}
        counted: dict[str, int] = {}
        for name, row in self._cells.items():
            for model, cell in row.items():
                above[model] = above.get(model, 0.0) + cell.n * (cell.quality - self._means[name])
                counted[model] = counted.get(model, 0) + cell.n
        return {model: total / (counted[model] + PRIOR_WEIGHT) for model, total in above.items()}

    def _fill(self, name: str, above: frozenset[str]) -> dict[str, Estimate]:
        """`above`: types below this one on the way up; a circle of parents ends where it would close."""
        if name not in self._found:
            parent = self._parents.get(name)
            up = self._fill(parent, above | {name}) if parent is not None and parent not in above | {name} else {}
            self._found[name] = {model: self._estimate(name, model, up.get(model)) for model in self._offsets}
        return self._found[name]

    def _estimate(self, name: str, model: str, parent: Estimate | None) -> Estimate:
        cell = self._cells.get(name, {}).get(model, Cell(0, 0.0))
        prior, origin = self._prior(name, model, parent)
        weight = cell.n + self._k
        quality = (cell.n * cell.quality + self._k * prior) / weight
        return Estimate(
            quality, _wilson_low(quality, weight, self._z), cell.n, "measured" if cell.n >= self._k else origin
        )

    def _prior(self, name: str, model: str, parent: Estimate | None) -> tuple[float, Source]:
        configured = self._configured.get(model, {}).get(name)
        if configured is not None:
            return configured, "configured"
        if parent is not None:
            return parent.quality, "parent"
        return min(max(self._means.get(name, self._overall) + self._offsets[model], 0.0), 1.0), "overall"


def adjusted(estimate: Estimate, gain: float, mean_gain: float) -> Estimate:
    """The estimate for one prompt: `quality - (gain - mean_gain)`, cut to 0..1; its bound moves along.

    `gain` is what the model loses to the reference on this prompt by the residual (`Residual`: quality of the reference
    minus quality of the model), `mean_gain` what the residual says on average of the type's prompts; so the table says
    how good a model is on a type, and the residual only what this prompt has beyond its type. The reference has gain 0.
    """
    moved = gain - mean_gain
    return replace(
        estimate,
        quality=min(max(estimate.quality - moved, 0.0), 1.0),
        low=min(max(estimate.low - moved, 0.0), 1.0),
    )


def _mean(cells: Iterable[Cell]) -> float:
    listed = [(cell.n, cell.quality) for cell in cells]
    total = sum(n for n, _ in listed)
    return sum(n * quality for n, quality in listed) / total if total else 0.5


def _wilson_low(share: float, n: float, z: float) -> float:
    """Lower end of Wilson's score interval, one-sided; scores 0..1 spread at most as far as 0/1 grades."""
    spread = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, (share + z * z / (2 * n) - spread) / (1 + z * z / n))
