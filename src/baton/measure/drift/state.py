"""Everything that the loop remembers, as plain values: written into the ledger after every batch of events."""

from msgspec import Struct, field

from baton.stats.drift import Monitor
from baton.stats.guarantee import PairTest
from baton.types.demotion import Demotion
from baton.types.watch import SubjectState

SEPARATOR = "\n"


class Rules(Struct, frozen=True):
    """`alpha` is for the whole life of a model: re-test k has 6 alpha / (pi^2 k^2) of it."""

    hold_s: float = 86_400.0
    """After a demotion, and after a test that was not passed, until the next test."""
    alpha: float = 0.05
    test_pairs: int | None = None
    """Pairs after which a test ends without a verdict; None: twice what an equal model needs."""
    baseline: int = 1_000
    """Grades that a monitor learns a floor from where nothing else tells one."""
    most_step_s: float = 3_600.0
    """A clock that jumps further than this counts as this: a hold is not over because somebody set the clock."""


class Subject(Struct, frozen=True):
    """One model on one task type."""

    task_type: str
    model: str
    state: SubjectState
    since: float
    reason: str
    reference: bool = False
    rho: float = 0.95
    identity: str = ""
    floor: float | None = None
    learns: bool = False
    """Its floor is what its grades say, whatever certificates say: somebody has acknowledged that it fell."""
    learnt: tuple[float, ...] = ()
    """Grades of which a floor is to be made."""
    monitors: dict[str, Monitor] = field(default_factory=dict)
    test: PairTest | None = None
    attempts: int = 0
    """Tests begun, over its whole life."""
    hold_s: float = 0.0
    """What is left of it."""
    present: bool = True
    """It is in the config."""
    by_hand: bool = False
    """An operator keeps it down: only he lets it up again."""
    acked: bool = False
    """Somebody has seen it."""

    @property
    def demoted(self) -> bool:
        return self.state in {"suspended", "testing"} and not self.reference


class LoopState(Struct, frozen=True):
    """`cursors`: up to which number each replica's grades and contents have been read."""

    subjects: dict[str, Subject] = field(default_factory=dict)
    last_at: float = 0.0
    """What the clock said last, jumps and all."""
    threshold: float = 10_000.0
    cursors: dict[str, int] = field(default_factory=dict)
    spent_day: int = 0
    """Days since 1970 (UTC) that `spent` is of: nano-dollars for shadows, judges and canaries."""
    spent: int = 0
    orders: int = 0
    """Number of the last order by hand that was carried out."""

    def demotions(self) -> tuple[Demotion, ...]:
        found = (one for _, one in sorted(self.subjects.items()) if one.demoted and one.present)
        return tuple(Demotion(one.task_type, one.model, one.reason) for one in found)

    def frozen(self, task_type: str) -> bool:
        """Nothing is promoted: the reference itself fell."""
        return any(one.task_type == task_type and one.state == "alarmed" for one in self.subjects.values())


def key_of(task_type: str, model: str) -> str:
    return f"{task_type}{SEPARATOR}{model}"
