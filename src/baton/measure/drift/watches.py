"""Who is watched, by what floor, and how much: from the config in force and the traffic so far."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from baton.config.lock import grades_path
from baton.config.proof import WatchConfig, references_of
from baton.config.schema import Config
from baton.flow.shadows import ShadowPlan
from baton.measure.drift.events import Configured, Watch
from baton.measure.drift.state import LoopState, Rules
from baton.measure.files import read_evidence
from baton.measure.shadow import Traffic, rates, samples_needed
from baton.record.watching import Volume
from baton.stats.drift import baseline_floor, fleet_threshold
from baton.types.card import ModelCard
from baton.types.certificate import Certificate, identity
from baton.types.errors import ProofError
from baton.types.money import nano_from_usd

DAY_S, YEAR_S = 86_400.0, 365 * 86_400.0
VOLUME_S = 7 * DAY_S
UNKNOWN_PER_YEAR = 10_000.0
"""Graded samples of a year, where nothing is known of the traffic."""
QUALITY = 0.8
"""Assumed where a rate is chosen: lower ones need somewhat more samples, higher ones fewer."""
TYPICAL_TOKENS = 1_000


def rules_of(watch: WatchConfig) -> Rules:
    return Rules(watch.hold_s, watch.alpha, watch.test_pairs, watch.baseline)


def configured(config: Config, watch: WatchConfig, volumes: Sequence[Volume], at: float) -> Configured:
    """Without certificates every model that may serve a task type is watched; with them, those that they are for."""
    references = references_of(config.snapshot)
    floors = Floors(Path(config.proof.lock), config.snapshot.certificates if watch.graders else ())
    found = []
    for name, task_type in sorted(config.snapshot.task_types.items()):
        certified = {one.rung: one for one in config.snapshot.certificates if _alone(one, name)}
        for model, card in sorted(config.snapshot.cards.items()):
            own = certified.get(model)
            reference = model == references[name]
            if not reference and not _serves(config, name, card, own, references[name]):
                continue
            found.append(
                Watch(
                    name, model, reference, task_type.floor if own is None else own.rho, _identity(card),
                    floors.of(name, model), own is not None or config.proof.mode == "rules",
                )
            )  # fmt: skip
    return Configured(at, tuple(found), threshold_of(watch, volumes, at))


def threshold_of(watch: WatchConfig, volumes: Sequence[Volume], at: float) -> float:
    """A of every monitor: graded samples of all monitors in a year over the wanted false demotions."""
    per_year = [watch.graded_per_year] if watch.graded_per_year is not None else [
        one.graded * YEAR_S / max(DAY_S, at - one.first_at) for one in volumes
    ]  # fmt: skip
    whole = max(sum(per_year), UNKNOWN_PER_YEAR if watch.graded_per_year is None else 0.0)
    return max(100.0, round(fleet_threshold([whole], watch.false_demotions_per_year), -2))


def plans_of(
    config: Config, watch: WatchConfig, state: LoopState, volumes: Sequence[Volume], at: float
) -> dict[str, ShadowPlan]:
    """By task type. A test is given all it can use of half a day's cap: the sooner is the dear reference relieved."""
    if config.content.mode == "off":
        return {}
    waiting: dict[str, list[str]] = {}
    for _, one in sorted(state.subjects.items()):
        if one.present:
            found = waiting.setdefault(one.task_type, [])
            if one.state == "testing":
                found.append(one.model)
    traffic = {name: _traffic(config, name, volumes, at) for name in waiting}
    daily = nano_from_usd(watch.daily_usd)
    needed = samples_needed(state.threshold, QUALITY)
    usual = rates(traffic, needed, watch.detect_days, daily)
    most = rates(traffic, float("inf"), 1.0, daily)
    plans = {}
    for name, models in waiting.items():
        if models:
            rate = 1.0 if 2 * state.spent < daily else most[name]
        else:
            rate = usual[name] if watch.rate is None else watch.rate
        plans[name] = ShadowPlan(rate, tuple(models))
    return plans


class Floors:
    """Lower bounds (90 %) of what was graded for the certificates in force, by task type and model."""

    def __init__(self, lock: Path, certificates: Sequence[Certificate]) -> None:
        self._grades: dict[tuple[str, str], list[float]] = {}
        for file in sorted({one.grades for one in certificates}):
            self._read(grades_path(lock, file))

    def of(self, task_type: str, model: str) -> float | None:
        grades = self._grades.get((task_type, model))
        return baseline_floor(grades) if grades and len(grades) > 1 else None

    def _read(self, path: Path) -> None:
        try:
            header, rows = read_evidence(path.read_bytes(), str(path))
        except (OSError, ProofError):
            return  # the config says so itself: such a certificate is void
        found: dict[str, list[float]] = {}
        for row in rows:
            for model, grade in row.grades.items():
                if grade is not None:
                    found.setdefault(model, []).append(grade)
        for model, grades in found.items():
            known = self._grades.get((header.task_type, model), ())
            if len(grades) > len(known):
                self._grades[header.task_type, model] = grades


def _alone(one: Certificate, task_type: str) -> bool:
    return one.task_type == task_type and one.serves in {"rung", "gate"}


def _serves(config: Config, task_type: str, card: ModelCard, own: Certificate | None, reference: str) -> bool:
    """Whether it can come to serve, by a certificate or, where none is needed or it may earn one, by its price."""
    if own is not None:
        return True
    ladder = config.snapshot.task_types[task_type].ladder
    if config.proof.mode == "certified" or (ladder and card.id not in ladder):
        return False
    return config.proof.mode == "rules" or _price(card) < _price(config.snapshot.cards[reference])


def _price(card: ModelCard) -> int:
    return card.price.input + card.price.output


def _identity(card: ModelCard) -> str:
    price = hashlib.sha256(msgspec.json.encode(card.price, order="deterministic")).hexdigest()[:12]
    return f"{identity(card)} price {price}"


def _traffic(config: Config, task_type: str, volumes: Sequence[Volume], at: float) -> Traffic:
    own = [one for one in volumes if one.task_type == task_type]
    tasks = sum(one.requests * DAY_S / max(3_600.0, at - one.first_at) for one in own)
    return Traffic(tasks, _cost(config, task_type))


def _cost(config: Config, task_type: str) -> float:
    """Nano-dollars of one answer of the reference, by its list price and the usual lengths."""
    known: Mapping[str, str] = references_of(config.snapshot)
    price = config.snapshot.cards[known[task_type]].price
    tokens = config.snapshot.task_types[task_type].output_tokens
    return (price.input * TYPICAL_TOKENS + price.output * tokens) / 1_000_000
