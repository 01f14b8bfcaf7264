"""What was learned from graded answers: a table per task type and model, and a residual that reads the prompt.

Plain values: `measure/learn/` makes them, `config/` reads them from files, `decide/` uses them.
"""

from msgspec import Struct, field

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


class Residual(Struct, frozen=True):
    """Linear in the hashed n-grams and surface features of a prompt: what a model loses to the reference on it.

    One row of `weights` per model of `models` (gain = quality of the reference - quality of the model).
    """

    features: str
    """Version of `decide/features.py` that it was trained with; another one does not fit."""
    reference: str
    models: tuple[str, ...]
    bits: int
    """2**bits buckets per model."""
    weights: bytes
    """int8, model by model, bucket by bucket."""
    scales: tuple[float, ...]
    """Per model: what one step of its int8 weights is worth."""
    surface: tuple[tuple[float, ...], ...]
    """Per model: the weights of the surface features."""
    intercepts: tuple[float, ...]
    calibration: tuple[tuple[float, float], ...]
    """Per model: slope and offset from score to gain."""
    lengths: tuple[float, float]
    """The 1 % and 99 % quantile of the lengths of prompts seen in training, in characters."""
    unseen: float
    """The 99 % quantile of the share of n-grams that training prompts of other folds had not shown."""
    seen: bytes
    """One bit per bucket: whether training showed it."""


class Learned(Struct, frozen=True):
    """One version of what was learned, with what it takes to judge it."""

    version: int
    labels: int
    """Graded pairs that it was trained on."""
    table: QualityTable
    residual: Residual | None = None
    length_prior: bool = True
    """False where local data speaks against `longer is harder`."""
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
