"""Choosing among many models by what a prompt says: RouterBench's 0-shot slice, and nine open models of LLMRouter.

*With tag*: the caller declares the task, so the measured table of (task, model) counts, moved by what the residual says
of the prompt beyond its task. *Without*: the task is guessed by a classifier that was trained on the tasks of the train
prompts; where it does not dare, what each model is worth overall counts, moved by the residual.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from routing_outcomes import SEED, Graded, graded, lesson_of

from baton.decide.classifier import Classifier
from baton.decide.features import read
from baton.decide.residual import ResidualReader
from baton.decide.table import MeasuredTable, adjusted
from baton.decide.text import normalised, visible_length
from baton.measure.learn.own_types import learn_types
from baton.measure.learn.table import table_of
from baton.stats.frontier import aiq, bootstrap

UNTAGGED = ""
LAMBDAS = np.concatenate([[0.0], np.geomspace(1e-2, 1e7, 200)])
"""Quality points 0..1 per US dollar of one task."""


def routerbench(data: Path) -> dict[str, Any]:
    train, test = (graded(data / "routing", "routerbench_0shot", (split,)) for split in ("train", "test"))
    cheapest = test.outcomes.cost.mean(axis=0)
    singles = zip(cheapest.tolist(), test.outcomes.quality.mean(axis=0).tolist(), strict=True)
    estimates = Estimates(train)

    def frontier(*, tagged: bool, residual: bool = True) -> dict[str, Any]:
        types = estimates.types(test, tagged=tagged)
        return _frontier(test, estimates.of(test, types, residual=residual), estimates.costs(test, types))

    return {
        "labels_seen": _labels(train),
        "test_prompts": len(test.ids),
        "prior_weight": round(estimates.prior_weight, 1),
        "aiq_of_single_models": round(aiq(singles, float(cheapest.min()), float(cheapest.max())), 4),
        "without_tag": frontier(tagged=False),
        "with_tag": frontier(tagged=True),
        "task_table_alone": frontier(tagged=True, residual=False),
    }


def llmrouter(data: Path) -> dict[str, Any]:
    train, test = (graded(data / "routing", "llmrouter_9open", (split,), whole=False) for split in ("train", "test"))
    estimates = Estimates(train)
    best = int(train.outcomes.quality.mean(axis=0).argmax())

    def accuracy(*, tagged: bool, residual: bool = True) -> dict[str, Any]:
        return _accuracy(test, estimates.of(test, estimates.types(test, tagged=tagged), residual=residual))

    return {
        "labels_seen": _labels(train),
        "test_prompts": len(test.ids),
        "prior_weight": round(estimates.prior_weight, 1),
        "best_single_model": _accuracy(test, np.eye(len(test.models))[[best] * len(test.ids)]),
        "without_tag": accuracy(tagged=False),
        "without_tag_table_alone": accuracy(tagged=False, residual=False),
        "with_tag": accuracy(tagged=True),
        "task_table_alone": accuracy(tagged=True, residual=False),
    }


def _labels(train: Graded) -> str:
    return f"{train.outcomes.quality.size} grades of {len(train.models)} models, and the task of each train prompt"


class Estimates:
    """Learned on the train prompts by what `baton learn` runs; asked as the gateway asks it."""

    def __init__(self, train: Graded) -> None:
        self.models = train.models
        self._train = train
        lesson = lesson_of(train)
        table = table_of(lesson.graded)
        self._reader = ResidualReader(lesson.residual)
        self.prior_weight = table.prior_weight or 0.0
        self._table = MeasuredTable(table, task_types=(UNTAGGED,))
        names = [train.tasks[number] for number in train.outcomes.types]
        self._classifier = Classifier(learn_types(train.prompts, names, np.random.default_rng(SEED)))

    def types(self, test: Graded, *, tagged: bool) -> list[str]:
        """Declared, or guessed from the text; empty where the classifier does not dare."""
        if tagged:
            return [test.tasks[number] for number in test.outcomes.types]
        return [self._classifier.guess(normalised(prompt)).name for prompt in test.prompts]

    def of(self, test: Graded, types: Sequence[str], *, residual: bool = True) -> np.ndarray:
        """(prompts, models): expected quality."""
        return np.array([
            self._one(prompt, name, residual=residual) for prompt, name in zip(test.prompts, types, strict=True)
        ])  # fmt: skip

    def costs(self, test: Graded, types: Sequence[str]) -> np.ndarray:
        """(prompts, models): US dollars expected: a line in the bytes of the prompt, as prices and answers of the task
        made it in training."""
        seen = np.array([self._train.tasks[number] for number in self._train.outcomes.types])
        size, asked = _sizes(self._train), _sizes(test)
        found = np.zeros((len(types), len(self.models)))
        for name in dict.fromkeys(types):
            rows, fresh = (seen == name) | (name == UNTAGGED), np.array(types) == name
            lines = np.linalg.lstsq(size[rows], self._train.outcomes.cost[rows], rcond=None)[0]
            found[fresh] = np.maximum(asked[fresh] @ lines, self._train.outcomes.cost.min())
        return found

    def _one(self, prompt: str, task_type: str, *, residual: bool) -> list[float]:
        said = read(normalised(prompt), visible_length(prompt))
        gains = (self._reader.read(said, task_type).gains if residual else None) or {}
        estimates = [self._table.of(task_type, model) for model in self.models]
        return [
            0.0 if one is None else adjusted(one, gains.get(model, 0.0), 0.0).quality
            for model, one in zip(self.models, estimates, strict=True)
        ]


def _sizes(found: Graded) -> np.ndarray:
    return np.array([[1.0, len(prompt.encode())] for prompt in found.prompts])


def _accuracy(test: Graded, estimates: np.ndarray) -> dict[str, Any]:
    given = test.outcomes.quality[np.arange(len(test.ids)), estimates.argmax(axis=1)]
    between = bootstrap(lambda rows: float(given[rows].mean()), len(given), np.random.default_rng(SEED))
    return {"accuracy": round(float(given.mean()), 4), "interval": [round(between.low, 4), round(between.high, 4)]}


def _frontier(test: Graded, estimates: np.ndarray, costs: np.ndarray) -> dict[str, Any]:
    chosen = np.array([(estimates - lambda_ * costs).argmax(axis=1) for lambda_ in LAMBDAS])
    rows = np.arange(len(test.ids))
    quality, cost = test.outcomes.quality[rows, chosen], test.outcomes.cost[rows, chosen]
    single = test.outcomes.cost

    def area(drawn: np.ndarray) -> float:
        weights = np.bincount(drawn, minlength=len(rows)) / len(drawn)
        ends = weights @ single
        cheapest = (float(ends.min()), float(weights @ test.outcomes.quality[:, int(ends.argmin())]))
        points = [*zip((cost @ weights).tolist(), (quality @ weights).tolist(), strict=True), cheapest]
        return aiq(points, float(ends.min()), float(ends.max()))

    between = bootstrap(area, len(rows), np.random.default_rng(SEED), resamples=500)
    return {
        "aiq": round(area(rows), 4),
        "interval": [round(between.low, 4), round(between.high, 4)],
        "best_quality": round(float(quality.mean(axis=1).max()), 4),
    }
