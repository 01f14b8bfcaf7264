"""What is learned from graded answers, and what the label-free prior says, on answers that neither has seen."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from routing_data import GPT_4, MIXTRAL, Pairs, joined, pairs

from baton.decide.features import Features
from baton.decide.residual import ResidualReader
from baton.measure.learn.graded import Graded
from baton.measure.learn.lesson import Lesson, learn
from baton.measure.learn.table import type_means
from baton.measure.learn.train import features_of, folds
from baton.stats.frontier import apgr, apgr_difference, apgr_interval, calls_needed

DRAWS = 5
FEW = 1_500
PUBLISHED_MMLU = {"sw_ranking": 0.603, "causal_llm": 0.600, "mf": 0.597, "bert": 0.572}
PUBLISHED_GSM8K = {"causal_llm": 0.622, "sw_ranking": 0.568, "mf": 0.565, "bert": 0.531}
"""RouteLLM's paper (arXiv 2406.18665v4), their best training sets: no labels of these benchmarks but a few of MMLU."""


def routellm_mmlu(data: Path) -> dict[str, Any]:
    train, test = (pairs(data / "routing", "routellm_mmlu", split) for split in ("train", "test"))
    features = features_of(test.prompts)
    few = []
    for draw in range(DRAWS):
        rows = np.random.default_rng(draw).permutation(len(train))[:FEW]
        few.append(_reported(_learned(train.at(rows), draw), test, features))
    everything = _reported(_learned(train, 0), test, features)
    return {
        "labels_few": f"{FEW} prompts of train, each graded on both models; {DRAWS} draws",
        "few": {
            "apgr_mean": _mean([one["text"]["apgr"] for one in few]),
            "apgr_with_tag_mean": _mean([one["tag"]["apgr"] for one in few]),
            "draws": few,
        },
        "labels_all": f"{len(train)} prompts of train, each graded on both models",
        "all": everything,
        "length_alone": figures(lengths(test), test),
        "published": PUBLISHED_MMLU,
    }


def routellm_gsm8k(data: Path) -> dict[str, Any]:
    whole = joined([pairs(data / "routing", "routellm_gsm8k", split) for split in ("train", "test")])
    seeds = []
    for seed in range(3):
        scores, rng = scores_over_folds(whole, seed), np.random.default_rng(seed)
        ahead, between = apgr_difference(scores, lengths(whole), whole.weak, whole.strong, rng)
        seeds.append(
            {
                **figures(scores, whole),
                "ahead_of_length": round(ahead, 4),
                "ahead_of_length_interval": rounded(between),
            }
        )
    return {
        "labels": f"5-fold over train + test: {len(whole) * 4 // 5} prompts, each graded on both models; 3 seeds",
        "apgr_mean": _mean([one["apgr"] for one in seeds]),
        "seeds": seeds,
        "length_alone": figures(lengths(whole), whole),
        "published": PUBLISHED_GSM8K,
    }


def scores_over_folds(whole: Pairs, seed: int) -> np.ndarray:
    """Each prompt by weights of the other four folds; standardised, since each fold's weights have their own scale."""
    features = features_of(whole.prompts)
    scores = np.zeros(len(whole))
    for training, held in folds(len(whole), 5, np.random.default_rng(seed)):
        reader = ResidualReader(_learned(whole.at(training), seed).residual)
        found = np.array([reader.scores(features[row])[MIXTRAL] for row in held])
        scores[held] = (found - found.mean()) / found.std()
    return scores


def graded_of(sample: Pairs) -> Graded:
    quality = np.stack([sample.weak, sample.strong], axis=1)
    unknown = np.full_like(quality, np.nan)
    return Graded(sample.prompts, sample.tasks, (MIXTRAL, GPT_4), quality, unknown, unknown)


def lengths(sample: Pairs) -> np.ndarray:
    return np.array([len(prompt) for prompt in sample.prompts], dtype=float)


def figures(scores: np.ndarray, sample: Pairs) -> dict[str, Any]:
    weak, strong = sample.weak, sample.strong
    return {
        "apgr": round(apgr(scores, weak, strong), 4),
        "interval": rounded(apgr_interval(scores, weak, strong, np.random.default_rng(0))),
        "cpt50": round(100 * calls_needed(scores, weak, strong, 0.5), 1),
        "cpt80": round(100 * calls_needed(scores, weak, strong, 0.8), 1),
        "n": len(sample),
    }


def rounded(interval: Any) -> list[float]:
    return [round(interval.low, 4), round(interval.high, 4)]


def _learned(sample: Pairs, seed: int) -> Lesson:
    return learn(graded_of(sample), np.random.default_rng(seed), reference=GPT_4)


def _reported(lesson: Lesson, test: Pairs, features: Sequence[Features]) -> dict[str, Any]:
    reader = ResidualReader(lesson.residual)
    bare = np.array([reader.scores(one)[MIXTRAL] for one in features])
    read = [reader.read(one, task) for one, task in zip(features, test.tasks, strict=True)]
    means, overall = type_means(lesson.losses.values[:, 0], lesson.graded.task_types)
    table = np.array([means.get(task, overall) for task in test.tasks])
    moved = np.array([0.0 if one.gains is None else one.gains[MIXTRAL] for one in read])
    ahead, between = apgr_difference(bare, lengths(test), test.weak, test.strong, np.random.default_rng(0))
    return {
        "text": figures(bare, test),
        "tag": figures(table + moved, test),
        "table_alone": figures(table, test),
        "abstained": round(sum(one.gains is None for one in read) / len(read), 4),
        "ahead_of_length": round(ahead, 4),
        "ahead_of_length_interval": rounded(between),
    }


def _mean(values: list[float]) -> float:
    return round(sum(values) / len(values), 4)
