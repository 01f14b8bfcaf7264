"""Champion and challenger: what was learned anew replaces what serves only where it is not worse.

The challenger is always judged by scores of prompts that its weights had not seen, the champion on prompts that it was
not trained on; where there are too few of those, by the figure that it was given when it was kept.
"""

from pathlib import Path
from zlib import crc32

import msgspec
import numpy as np
from msgspec import Struct

from baton.config.learned import current
from baton.decide.residual import ResidualMisfit, ResidualReader
from baton.measure.learn.graded import Graded, NoPairs
from baton.measure.learn.lesson import Lesson, Standing, ahead_of, learn, learned_of, standing_of
from baton.measure.learn.store import keep, prompts_of
from baton.measure.learn.table import table_of
from baton.measure.learn.train import features_of
from baton.stats.frontier import apgr
from baton.stats.intervals import Interval, wilson
from baton.types.learned import Learned

FEWEST_FRESH = 200
"""Prompts new to the champion from which the two are compared on them."""
FEWEST_SEEN = 200
"""Requests from which a share of them can raise an alarm."""


class Verdict(Struct, frozen=True):
    accepted: bool
    why: str
    incumbent_apgr: float | None = None
    ahead: float | None = None
    """APGR of the challenger less that of the champion, on the same prompts."""
    ahead_interval: Interval | None = None


class Outcome(Struct, frozen=True):
    verdict: Verdict
    learned: Learned
    """What was kept, or what would have been."""
    standing: Standing
    kept: bool


def lesson_kept(
    graded: Graded,
    folder: Path,
    rng: np.random.Generator,
    *,
    now: float,
    reference: str | None = None,
    licence: str = "",
    force: bool = False,
) -> Outcome:
    """Learn, judge against the version in force, and keep where it is accepted or forced. `now`: Unix time.

    Raises GradedDataError where nothing can be learned, and LearnedError where what serves cannot be read.
    """
    champion = current(folder)
    known = np.zeros(0, dtype="<u4") if champion is None else prompts_of(folder, champion.version)
    try:
        lesson = learn(graded, rng, reference=reference)
    except NoPairs as error:
        return _table_kept(graded, folder, champion, error.message, now=now, licence=licence, force=force)
    standing = standing_of(lesson, rng)
    verdict = judged(lesson, standing, champion, known, rng)
    learned = learned_of(lesson, standing, now)
    if not (verdict.accepted or force):
        return Outcome(verdict, learned, standing, kept=False)
    card = _card(licence, verdict, standing) | {
        "reference": lesson.losses.reference,
        "cheap": lesson.cheap,
        "prompts": len(lesson.graded.prompts),
    }
    kept = keep(folder, learned, card, hashes(lesson.graded.prompts))
    return Outcome(verdict, kept, standing, kept=True)


def _table_kept(
    graded: Graded, folder: Path, champion: Learned | None, why: str, *, now: float, licence: str, force: bool
) -> Outcome:
    standing = Standing(None, None, {}, [], [])
    table = table_of(graded)
    learned = Learned(version=0, labels=graded.labels, table=table, data_hash=graded.data_hash(), made_at=now)
    bare = champion is None or champion.residual is None
    verdict = Verdict(bare, f"a table alone: {why}", None if champion is None else champion.apgr)
    if not (verdict.accepted or force):
        return Outcome(verdict, learned, standing, kept=False)
    kept = keep(folder, learned, _card(licence, verdict, standing), hashes(graded.prompts))
    return Outcome(verdict, kept, standing, kept=True)


def _card(licence: str, verdict: Verdict, standing: Standing) -> dict[str, object]:
    return {
        "licence of the data": licence or "unknown",
        "standing": msgspec.to_builtins(standing),
        "verdict": msgspec.to_builtins(verdict),
    }


def judged(
    lesson: Lesson, standing: Standing, champion: Learned | None, known: np.ndarray, rng: np.random.Generator
) -> Verdict:
    """`known`: hashes of the prompts that the champion was trained on."""
    reader = _comparable(lesson, standing, champion)
    if isinstance(reader, Verdict):
        return reader
    assert champion is not None and champion.apgr is not None and standing.apgr is not None  # noqa: PT018
    fresh = np.flatnonzero(
        ~np.isin(hashes(lesson.graded.prompts), known) & np.isfinite(lesson.losses.values[:, lesson.column])
    )
    lost = lesson.losses.values[fresh, lesson.column]
    nothing = np.zeros(lost.size)
    if fresh.size >= FEWEST_FRESH and lost.sum() > 0:
        features = features_of([lesson.graded.prompts[row] for row in fresh])
        theirs = np.array([reader.scores(one)[lesson.cheap] for one in features])
        ahead, between = ahead_of(lesson.held_out[fresh, lesson.column], theirs, lost, rng)
        return _verdict(champion, ahead, between, apgr(theirs, nothing, lost), f"on {fresh.size:,} prompts new to it")
    how = "by the held-out figure of each, since it was trained on these prompts"
    return _verdict(champion, standing.apgr - champion.apgr, None, champion.apgr, how)


def _comparable(lesson: Lesson, standing: Standing, champion: Learned | None) -> ResidualReader | Verdict:
    """The weights in force, or the verdict where there is nothing to compare."""
    if champion is None:
        return Verdict(True, "nothing serves yet")
    residual = champion.residual
    if residual is None or champion.apgr is None:
        return Verdict(True, f"version {champion.version} has no weights to compare with")
    if standing.apgr is None:
        return Verdict(False, "the models do not differ in these answers", champion.apgr)
    if lesson.cheap not in residual.models or lesson.losses.reference != residual.reference:
        return Verdict(True, f"version {champion.version} is of other models: there is nothing to compare")
    try:
        return ResidualReader(residual)
    except ResidualMisfit as error:
        return Verdict(True, f"version {champion.version} is of no use any more: {error.message}", champion.apgr)


def _verdict(champion: Learned, ahead: float, between: Interval | None, theirs: float, how: str) -> Verdict:
    word = "not worse" if ahead >= 0 else "worse"
    return Verdict(ahead >= 0, f"{word} than version {champion.version}, {how}", theirs, ahead, between)


def hashes(prompts: list[str]) -> np.ndarray:
    return np.array([crc32(prompt.encode("utf-8", "surrogatepass")) for prompt in prompts], dtype="<u4")


def new_grades(graded: Graded, folder: Path) -> int:
    """Grades of prompts that the version in force was not trained on. Raises LearnedError where it cannot be read."""
    champion = current(folder)
    known = np.zeros(0, dtype="<u4") if champion is None else prompts_of(folder, champion.version)
    return int(np.isfinite(graded.quality[~np.isin(hashes(graded.prompts), known)]).sum())


def unread_alarms(
    requests: int, other: int, abstained: int, *, most_other: float = 0.3, most_abstained: float = 0.3
) -> list[str]:
    """Sentences where so many requests are of no known type, or unlike what was learned from, that it is no chance.

    `other` and `abstained` are counts among `requests`; an alarm is raised when the lower end of the 95 % interval of
    their share lies above its limit.
    """
    told = []
    for count, most, what, do in (
        (other, most_other, "have no task type", "add match rules or task types"),
        (abstained, most_abstained, "are unlike the answers that were learned from", "label some, and learn again"),
    ):
        if requests >= FEWEST_SEEN and wilson(count, requests).low > most:
            told.append(f"{count / requests:.0%} of {requests:,} requests {what} (limit {most:.0%}): {do}")
    return told
