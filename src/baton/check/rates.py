"""How often checks let wrong values through, out of calibration records: values whose truth is known.

Per task type, subordinate and check; bounds are exact (Clopper-Pearson, one-sided 95 %). What has no records is 1.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from baton.check.chain import Rate
from baton.stats.intervals import clopper_pearson
from baton.types.errors import DatasetError
from baton.types.trust import FalseAccepts

LEVEL = 0.90
"""Two-sided, so that its upper end is a one-sided bound of 95 %."""

Key = tuple[str, str, str]


class Calibration(Struct, frozen=True, forbid_unknown_fields=True):
    """One value of known truth, and what one check said of it. `check` of several together: `a+b`, names sorted.

    A check that asks a model is named with it: `rederives:openai/gpt-5`, `judges:openai/gpt-5`.
    """

    task_type: str
    subordinate: str
    check: str
    right: bool
    accepted: bool


class Known(Struct, frozen=True):
    """`refused_right`: share of right values that the check refuses, as observed."""

    false_accepts: FalseAccepts = FalseAccepts()
    refused_right: float = 0.0
    n: int = 0


class Rates:
    """What was measured. `right` is the lower bound of how often the subordinate is right."""

    def __init__(self, records: Iterable[Calibration] = ()) -> None:
        counts: dict[Key, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        for one in records:
            counts[one.task_type, one.subordinate, one.check][2 * one.right + one.accepted] += 1
        self._known = {key: _known(*found) for key, found in counts.items()}

    def of(self, task_type: str, subordinate: str, check: str) -> Known:
        return self._known.get((task_type, subordinate, check), Known())

    def bounds(self, task_type: str, subordinate: str, names: Mapping[str, str]) -> dict[str, FalseAccepts]:
        """By the plain name of each check; `names` gives the one that it was measured under."""
        found = {plain: self.of(task_type, subordinate, measured) for plain, measured in names.items()}
        return {plain: known.false_accepts for plain, known in found.items() if known.n}

    def rate(self, task_type: str, subordinate: str, name: str, measured: str, cost: int) -> Rate:
        known = self.of(task_type, subordinate, measured)
        return Rate(name, cost, known.false_accepts.bound, known.refused_right)

    def best_first(self, task_type: str, subordinate: str, check: str, models: Iterable[str]) -> list[str]:
        """Models in the order of what they let through when they check; those of one bound keep their order."""
        return sorted(models, key=lambda model: self.of(task_type, subordinate, f"{check}:{model}").false_accepts.bound)


def read_rates(path: Path) -> Rates:
    """A file of calibration records, one JSON object a line. Raises DatasetError with the line."""
    records = []
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise DatasetError(str(path), [f"the calibration records cannot be read: {error.strerror}"]) from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                records.append(msgspec.json.decode(line, type=Calibration))
            except msgspec.DecodeError as error:
                raise DatasetError(str(path), [f"line {number} is no calibration record: {error}"]) from error
    return Rates(records)


def _known(wrong_refused: int, wrong_accepted: int, right_refused: int, right_accepted: int) -> Known:
    wrong, right = wrong_refused + wrong_accepted, right_refused + right_accepted
    bound = clopper_pearson(wrong_accepted, wrong, LEVEL).high if wrong else 1.0
    refused = right_refused / right if right else 0.0
    return Known(FalseAccepts(wrong_accepted, wrong, bound), refused, wrong + right)
