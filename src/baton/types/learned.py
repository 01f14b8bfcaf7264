"""What was learned from graded answers: a table per task type and model, and a residual that reads the prompt.

Plain values: `measure/learn/` makes them, `config/` reads them from files, `decide/` uses them.
"""

from msgspec import Struct, field

from baton.types.cascade import CascadePlan
from baton.types.task import TaskType


class Cell(Struct, frozen=True):
    """Graded answers of one model on one task type. Quality is the mean grade, 0..1."""

    n: int
    quality: float
    cost: int | None = None
    """Mean cost of a task in nano-dollars, where the grades came with costs."""
    output_tokens: float | None = None
    """Mean length of an answer."""


class QualityTable(Struct, frozen=True):
    """`cells[task_type][model]`. `parents`: the type that a thin type is shrunk towards, besides the mean of all."""

    cells: dict[str, dict[str, Cell]]
    parents: dict[str, str] = field(default_factory=dict)
    prior_weight: float | None = None
    """Graded answers that the prior of a cell weighs, where the table was large enough to tell."""


class Line(Struct, frozen=True, array_like=True):
    """From a score to what it means: `slope * score + offset`."""

    slope: float
    offset: float


class Residual(Struct, frozen=True):
    """Linear in the hashed n-grams and surface numbers of a prompt: what a model loses to the reference on it.

    One row of everything per model of `models` (gain = quality of the reference - quality of the model). The score of a
    model is `scale * sum of its int8 weights over the buckets / sqrt(buckets) + surface * numbers + intercept`, where a
    share `trim` of the buckets with the highest and of those with the lowest weight is left out: few words decide
    nothing.
    """

    features: str
    """READING of `decide/features.py` that it was trained with; another one does not fit."""
    reference: str
    models: tuple[str, ...]
    cheap: str
    """The model of `models` whose losing to the reference is the difficulty of a prompt."""
    bits: int
    """2**bits buckets per model."""
    weights: bytes
    """int8, model by model, bucket by bucket."""
    scales: tuple[float, ...]
    """Per model: what one step of its int8 weights is worth."""
    surface: tuple[tuple[float, ...], ...]
    """Per model: the weights of the surface numbers."""
    intercepts: tuple[float, ...]
    trim: float
    deviation: tuple[Line, ...]
    """From score to what the model loses beyond its mean loss, where the task type was not seen in training."""
    deviation_in: dict[str, tuple[Line, ...]]
    """The same within a task type: beyond its mean loss there, which the table knows."""
    worse: tuple[tuple[float, float], ...]
    """Points of a rising line: score of `cheap`, chance that it does worse than the reference; flat beyond its ends."""
    lengths: tuple[float, float]
    """In characters: from two thirds of the 1 % quantile of training prompts to half more than their 99 % quantile."""
    unseen: float
    """The 99 % quantile, over training prompts, of the share of buckets that the other folds did not so show."""
    foreign: float
    """The 99 % quantile of the share of bytes beyond ASCII in training prompts: the scripts that it has seen."""
    seen: bytes
    """One bit per bucket, the lowest first: whether training showed it more often than most."""


class Learned(Struct, frozen=True):
    """One version of what was learned, with what it takes to judge it."""

    version: int
    labels: int
    """Graded pairs that it was trained on."""
    table: QualityTable
    residual: Residual | None = None
    length_prior: bool = True
    """False where local data speaks against `longer is harder`."""
    cascades: dict[str, CascadePlan] = field(default_factory=dict)
    """Per task type the road that graded answers found best: for rule `policy`, where its `low` meets the floor."""
    apgr: float | None = None
    apgr_interval: tuple[float, float] | None = None
    data_hash: str = ""
    made_at: float = 0.0
    """Unix time."""


def lineage(task_types: dict[str, TaskType], name: str) -> tuple[str, ...]:
    """A task type and the types above it, nearest first."""
    found = [name]
    while (parent := task_types[found[-1]].parent if found[-1] in task_types else None) is not None:
        if parent in found:
            break
        found.append(parent)
    return tuple(found)
