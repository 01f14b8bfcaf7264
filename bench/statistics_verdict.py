"""What a key of `bench/statistics.py` is given, and what it says."""

from pathlib import Path
from typing import NamedTuple

import numpy as np


class Run(NamedTuple):
    data: Path
    """The folder routing/."""
    reps: int
    seed: int

    def rng(self, key: str) -> np.random.Generator:
        """Its own for every key, so that `--only` changes no figure."""
        return np.random.default_rng([self.seed, *key.encode()])


class Bar(NamedTuple):
    """One figure; without a bar it is told only."""

    what: str
    found: float
    at_most: float | None = None
    at_least: float | None = None

    @property
    def met(self) -> bool | None:
        if self.at_most is not None:
            return bool(self.found <= self.at_most)
        return None if self.at_least is None else bool(self.found >= self.at_least)

    def told(self) -> dict[str, object]:
        said: dict[str, object] = {"what": self.what, "found": float(f"{self.found:.4g}")}
        if self.at_most is not None:
            said["at_most"] = self.at_most
        if self.at_least is not None:
            said["at_least"] = self.at_least
        return said if self.met is None else {**said, "met": self.met}
