"""CPU of reading a prompt, in microseconds: the least of many runs, since a busy machine only ever adds to it."""

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from baton.decide.features import read

RUNS = 400
CHARACTERS = {"tokens_500": 2_000, "tokens_4000": 16_000, "tokens_100000": 400_000}
TEXT = (
    "the of a hotel charges pesos quantum superposition relates to entanglement measure curve income different "
    "countries ratio working poor group subgroup order finite divides lemma return value where not which"
)


def decision_cpu(_data: Path) -> dict[str, Any]:
    text = prose(max(CHARACTERS.values()))
    return {name: {"features_us": least_us(read, text[:size])} for name, size in CHARACTERS.items()}


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
