"""CPU of reading a prompt, in microseconds: the least of many runs, since a busy machine only ever adds to it."""

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from routing_data import GPT_4, pairs

from baton.decide.features import read
from baton.decide.prior import hardness
from baton.decide.residual import ResidualReader
from baton.decide.text import normalised

RUNS = 400
CHARACTERS = {"tokens_500": 2_000, "tokens_4000": 16_000, "tokens_100000": 400_000}
LABELS = 1_500
TEXT = (
    "the of a hotel charges pesos quantum superposition relates to entanglement measure curve income different "
    "countries ratio working poor group subgroup order finite divides lemma return value where not which"
)


def decision_cpu(data: Path) -> dict[str, Any]:
    """`residual_us` is of one model beside the reference; each further one adds its own sum."""
    from routing_learned import graded_of

    from baton.measure.learn.lesson import learn

    train = pairs(data / "routing", "routellm_mmlu", "train")
    rows = np.random.default_rng(0).permutation(len(train))[:LABELS]
    lesson = learn(graded_of(train.at(rows)), np.random.default_rng(0), reference=GPT_4)
    reader = ResidualReader(lesson.residual)
    text = prose(max(CHARACTERS.values()))
    told = {}
    for name, size in CHARACTERS.items():
        features = read(normalised(text[:size]))
        told[name] = {
            "normalised_us": least_us(normalised, text[:size]),
            "features_us": least_us(read, normalised(text[:size])),
            "residual_us": least_us(lambda _text, seen=features: reader.scores(seen), text),
            "prior_us": least_us(hardness, normalised(text[:size])),
        }
        told[name]["features_and_residual_us"] = round(told[name]["features_us"] + told[name]["residual_us"], 1)
    return told


def prose(size: int) -> str:
    rng = random.Random(1)
    known = TEXT.split()
    words: list[str] = []
    for _ in range(size // 4):
        number = str(rng.randrange(10_000)) if rng.random() < 0.08 else ""
        words.append(rng.choice(known) + number + rng.choice(["", "", "", "s", ",", ". And", "?\n"]))
    return " ".join(words)


def least_us(measured: Callable[[str], object], text: str) -> float:
    least = float("inf")
    for _ in range(RUNS):
        begun = time.process_time_ns()
        measured(text)
        least = min(least, time.process_time_ns() - begun)
    return round(least / 1_000, 1)
