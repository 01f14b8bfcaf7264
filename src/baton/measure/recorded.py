"""Grades that somebody recorded before, in place of models that are asked: nothing is paid, all else is the same."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from baton.config.proof import references_of
from baton.config.schema import Config
from baton.measure.bench import SEED, Bench, Entrants, Order
from baton.measure.datasets.prompt import Prompt, in_order, pinned
from baton.measure.datasets.rows import Recorded
from baton.measure.examiner import CONCURRENCY, Outcome
from baton.types.certificate import identity
from baton.types.errors import DatasetError, ProofError
from baton.types.task import TaskType


class Recording:
    """An asker that looks up."""

    spent = 0
    concurrency = CONCURRENCY

    def __init__(self, rows: Sequence[Recorded]) -> None:
        self._rows = {(one.task_type, one.id, one.model): one for one in rows}

    async def examine(self, model: str, prompt: Prompt) -> Outcome:
        row = self._rows.get((prompt.task_type, prompt.id, model))
        if row is None:
            return Outcome(prompt.id, prompt.task_type, model, None, "no grade is recorded", 0, fault="not_recorded")
        return Outcome(
            prompt.id, prompt.task_type, model, row.grade, "as recorded", row.cost, row.duration_s,
            cluster=row.cluster, difficulty=row.difficulty,
        )  # fmt: skip


class RecordedOrder(Struct, frozen=True, kw_only=True):
    """`references` by task type, over those of the config; `config` None: identities are the names alone."""

    command: str
    source: str
    date: str
    references: Mapping[str, str]
    models: tuple[str, ...] = ()
    seed: int = SEED
    chance: float | None = None


def recorded_bench(config: Config | None, order: RecordedOrder, rows: Sequence[Recorded]) -> Bench:
    """Raises DatasetError for grades by several graders, ProofError where a reference is missing."""
    graders = sorted({one.grader for one in rows})
    if len(graders) > 1:
        raise DatasetError(order.source, [f"grades of several graders are no one measure: {', '.join(graders)}"])
    prompts = pinned({(one.task_type, one.id): _prompt(one) for one in rows}.values(), order.source)
    known = {} if config is None else {model: identity(card) for model, card in config.snapshot.cards.items()}
    models = sorted({one.model for one in rows})
    references = ({} if config is None else references_of(config.snapshot)) | dict(order.references)
    types = {} if config is None else config.snapshot.task_types
    entrants = tuple(
        _entrants(types.get(name, TaskType(name)), group, rows, references.get(name), order)
        for name, group in sorted(prompts.by_type().items())
    )
    whole = Order(
        command=order.command, prompts=prompts, budget=0, record=Path(), date=order.date, models=order.models,
        seed=order.seed, chance=order.chance,
    )  # fmt: skip
    return Bench(whole, Recording(rows), graders[0], {model: known.get(model, model) for model in models}, entrants)


def _entrants(
    own: TaskType, prompts: Sequence[Prompt], rows: Sequence[Recorded], reference: str | None, order: RecordedOrder
) -> Entrants:
    name = own.name
    models = {one.model for one in rows if one.task_type == name}
    if reference is None or reference not in models:
        told = f"{name!r}: no grades of its reference {reference!r} are recorded: say --reference MODEL"
        raise ProofError(f"{told}, one of {', '.join(sorted(models))}")
    others = sorted(model for model in models - {reference} if not order.models or model in order.models)
    drawn = tuple(in_order(prompts, order.seed))
    return Entrants(name, drawn, reference, (reference, *others), {}, own.floor, own.min_quality)


def _prompt(row: Recorded) -> Prompt:
    return Prompt(id=row.id, task_type=row.task_type, body={"recorded": row.id}, cluster=row.cluster)
