"""The ladder: which rungs below the reference are good enough, found with as few graded pairs as honest.

`walk`: the rungs are tested from the dearest down, each only after all before it passed at level alpha (fixed-sequence
testing), so the target is inadequate with probability <= alpha over the whole walk, without a correction. The first
rung that degrades, or stays undecided, ends the walk; the target is the rung above it. Stopping at `degrades` saves
money and endangers nothing.
`all`: every rung is tested, in lockstep on the same prompts, with Holm's steps on the e-values of the m rungs, so that
one adequate verdict among them is wrong with probability <= alpha. It finds cheap specialists below a rung that fails.
`degrades` is wrong with probability <= alpha for each rung in both modes.

A state machine without I/O: ask `due` what to grade next, `add` what was graded in any order, read `standings`. Pairs
count in the order of the prompts and in whole batches, whatever order they arrive in, so the same grades give the same
verdicts. That matters: were pairs looked at as they arrive, slow (and so harder) prompts would come last.
"""

import math
from collections.abc import Iterable
from typing import Literal, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from baton.stats.guarantee import Design, Guarantee, Pair, Verdict, open_test
from baton.stats.intervals import Interval, wilson
from baton.stats.multiplicity import e_holm

BATCH = 10


class LadderPlan(Struct, frozen=True):
    """Fixed before the first pair is graded."""

    rungs: tuple[str, ...]
    """By measured cost of a task, the dearest first, without the reference."""
    prompts: int
    """How many there are; prompt i is the i-th of a shuffled order that did not look at answers."""
    guarantee: Guarantee = Guarantee()
    cap: int | None = None
    """Pairs per rung after which it stays undecided; None: twice the fixed sample size."""
    design: Design = Design()
    batch: int = BATCH
    mode: Literal["walk", "all"] = "walk"
    horizon: int | None = None
    """Pairs that the bets are sized for; the cap unless given. Who raises the cap of a ladder with grades keeps it."""
    min_quality: float | None = None
    """A grade, 0..1, that an adequate rung must also have on average, whatever the reference has."""

    def __post_init__(self) -> None:
        if not self.rungs or len(set(self.rungs)) < len(self.rungs):
            raise ValueError(f"rungs are {self.rungs!r}: need at least one, each once")
        if self.prompts < 1 or self.batch < 1:
            raise ValueError(f"{self.prompts!r} prompts in batches of {self.batch!r}: need at least one of each")

    @property
    def guarantees(self) -> tuple[Guarantee, ...]:
        """All must hold of an adequate rung, and each is tested at alpha; one that breaks is enough to degrade."""
        if self.min_quality is None:
            return (self.guarantee,)
        return (self.guarantee, Guarantee(rho=0.0, margin=-self.min_quality, alpha=self.guarantee.alpha))


class Due(NamedTuple):
    """One prompt to be answered by this rung, and by the reference unless its answer is kept."""

    rung: str
    prompt: int


class Standing(Struct, frozen=True):
    """What is known of one rung."""

    rung: str
    verdict: Verdict | Literal["untested"]
    n: int
    skipped: int
    """Prompts that could not be graded; they count for nothing."""
    e_pass: float
    """Highest e-value against "worse than the guarantee" so far; likewise `e_fail` against "at least as good". With
    `min_quality`, of the guarantee with less evidence, and of the one with more."""
    e_fail: float
    e_last: float
    """As `e_pass`, at the last look: for e-BH over task types."""
    quality: float | None
    reference_quality: float | None
    interval: Interval
    """Of `quality`, Wilson 95 %."""
    bound: float
    """The share of the reference's quality that is proved with confidence 1 - alpha for this rung alone."""
    needs_more: int | None
    """About how many pairs more would decide an undecided rung; None also where a million would not."""


class Ladder:
    """Grades in, verdicts out. The same plan and the same grades give the same state."""

    def __init__(self, plan: LadderPlan) -> None:
        family = len(plan.rungs) if plan.mode == "all" else 1
        strict = replace(plan.guarantee, alpha=plan.guarantee.alpha / family)
        opened = open_test(strict, cap=plan.horizon or plan.cap, design=plan.design)
        # Bets are sized for the strictest step of the family; verdicts on one rung speak at the plan's own alpha.
        sized = [
            open_test(replace(one, alpha=strict.alpha), cap=opened.cap, design=plan.design) for one in plan.guarantees
        ]
        tests = tuple(replace(one, guarantee=own) for one, own in zip(sized, plan.guarantees, strict=True))
        self.plan = plan
        self.cap = min(plan.cap or opened.cap, plan.prompts)
        self._tests = dict.fromkeys(plan.rungs, tests)
        self._reached = dict.fromkeys(plan.rungs, 0)
        self._skipped = dict.fromkeys(plan.rungs, 0)
        self._grades: dict[str, dict[int, Pair | None]] = {rung: {} for rung in plan.rungs}

    def add(self, rung: str, prompt: int, pair: Pair | None) -> None:
        """The grades of one prompt, None where it could not be graded. Twice the same is once; a change is an error."""
        grades = self._grades.get(rung)
        if grades is None or not 0 <= prompt < self.plan.prompts:
            raise ValueError(f"no prompt {prompt!r} of rung {rung!r} in this plan")
        if pair is not None and not all(0 <= grade <= 1 for grade in pair):
            raise ValueError(f"grades of prompt {prompt!r} of {rung!r} are {tuple(pair)!r}: need 0..1")
        if grades.setdefault(prompt, pair) != pair:
            raise ValueError(f"prompt {prompt!r} of {rung!r} was graded {grades[prompt]!r} before, now {pair!r}")
        self._settle()

    def due(self, limit: int = BATCH) -> list[Due]:
        """Up to `limit` prompts to grade next, the most urgent first; none when all is said.

        A limit above one batch looks ahead: prompts that an early verdict may make superfluous.
        """
        wanted: list[Due] = []
        open_rungs = self._open()
        for prompt in range(min((self._reached[rung] for rung in open_rungs), default=self.cap), self.cap):
            for rung in open_rungs:
                if prompt >= self._reached[rung] and prompt not in self._grades[rung]:
                    if len(wanted) >= limit:
                        return wanted
                    wanted.append(Due(rung, prompt))
        return wanted

    @property
    def done(self) -> bool:
        return not self._open()

    @property
    def target(self) -> str | None:
        """The cheapest rung found adequate (in a walk, with all above it adequate); None: stay with the reference."""
        adequate = [rung for rung in self.plan.rungs if self._verdict(rung) == "adequate"]
        return adequate[-1] if adequate else None

    @property
    def standings(self) -> tuple[Standing, ...]:
        return tuple(map(self._standing, self.plan.rungs))

    def _open(self) -> list[str]:
        """Rungs that take more pairs now."""
        if self.plan.mode == "all":
            return [rung for rung in self.plan.rungs if self._undecided(rung) and self._reached[rung] < self.cap]
        for rung in self.plan.rungs:
            if self._undecided(rung):
                return [rung] if self._reached[rung] < self.cap else []
            if self._verdict(rung) == "degrades":
                return []
        return []

    def _settle(self) -> None:
        """Feed whole batches, of all open rungs together, as long as they are there."""
        while open_rungs := self._open():
            start = self._reached[open_rungs[0]]
            prompts = range(start, min(start + self.plan.batch, self.cap))
            if not all(prompt in self._grades[rung] for rung in open_rungs for prompt in prompts):
                return
            for rung in open_rungs:
                pairs = [self._grades[rung][prompt] for prompt in prompts]
                graded = [pair for pair in pairs if pair is not None]
                self._tests[rung] = tuple(test.after(graded) for test in self._tests[rung])
                self._skipped[rung] += len(pairs) - len(graded)
                self._reached[rung] = prompts.stop

    def _undecided(self, rung: str) -> bool:
        return self._verdict(rung) == "undecided"

    def _verdict(self, rung: str) -> Verdict:
        if self.plan.mode == "walk":
            passed = self._peak_pass(rung) >= self.plan.guarantee.goal
        else:
            peaks = [self._peak_pass(one) for one in self.plan.rungs]
            passed = e_holm(peaks, self.plan.guarantee.alpha)[self.plan.rungs.index(rung)]
        if passed:
            return "adequate"
        goal = self.plan.guarantee.goal + math.log(len(self._tests[rung]))
        return "degrades" if self._peak_fail(rung) >= goal else "undecided"

    def _peak_pass(self, rung: str) -> float:
        return min(test.peak_pass for test in self._tests[rung])

    def _peak_fail(self, rung: str) -> float:
        return max(test.peak_fail for test in self._tests[rung])

    def _standing(self, rung: str) -> Standing:
        test, tests = self._tests[rung][0], self._tests[rung]
        means = test.means
        verdict = self._verdict(rung) if self._reached[rung] else "untested"
        return Standing(
            rung=rung,
            verdict=verdict,
            n=test.n,
            skipped=self._skipped[rung],
            e_pass=_e_value(self._peak_pass(rung)),
            e_fail=_e_value(self._peak_fail(rung)),
            e_last=_e_value(min(one.log_e_pass for one in tests)),
            quality=means.candidate if means else None,
            reference_quality=means.reference if means else None,
            interval=wilson(min(test.n, means.candidate * test.n), test.n) if means else Interval(0.0, 1.0),
            bound=max(test.ratio_bound(), self.plan.guarantee.rho if verdict == "adequate" else 0.0),
            needs_more=self._needs_more(rung) if verdict in {"undecided", "untested"} else None,
        )

    def _needs_more(self, rung: str) -> int | None:
        needs = [test.needs_more(self.plan.design.power) for test in self._tests[rung]]
        known = [one for one in needs if one is not None]
        return max(known) if len(known) == len(needs) else None


def replay(plan: LadderPlan, grades: Iterable[tuple[str, int, Pair | None]]) -> Ladder:
    """The ladder of recorded grades (rung, prompt, pair), in whatever order they were recorded."""
    ladder = Ladder(plan)
    for rung, prompt, pair in grades:
        ladder.add(rung, prompt, pair)
    return ladder


def _e_value(log_e: float) -> float:
    """Finite, so that JSON can carry it."""
    return math.exp(min(log_e, 700.0))
