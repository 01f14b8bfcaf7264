"""Recorded answers as tasks: real prompts, the models that answered them, and their recorded grades.

The reference of a task is the model with the best recorded mean on it, among those that cover it best. It is chosen on
the very prompts that are sent: that favours the baseline, not the router.
What the router knows is a table of mean grades per (task type, model) of the file's training split (`X.train.parquet`
beside `X.test.parquet`), which holds other prompts; without that file the built-in rules decide alone.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from baton.cli.demo.jobs import Job, Source
from baton.simulate.fleet import card_id
from baton.simulate.replay.fleet import ReplayFleet, ReplayItem, load_replay
from baton.types.verdict import Answer, Verdict

LEAST_GRADES = 20
"""A mean of fewer grades is not put into the table."""

Means = dict[str, dict[str, float]]


def replayed(path: Path, learn_from: Path | None = None) -> Source:
    """Raises ReplayError when the file cannot be replayed. `learn_from` defaults to the training split beside it."""
    fleet = load_replay(path)
    items = fleet.items()
    references = _references(fleet, items)
    table_file = learn_from or training_split(path)
    table = _table(load_replay(table_file).items()) if table_file is not None else {}
    known = {model.id for model in fleet.models}
    quality: Means = defaultdict(dict)
    for task_type, means in table.items():
        for model, mean in means.items():
            if model in known:
                quality[card_id(model)][task_type] = mean
    names = {card_id(model.id): model.id for model in fleet.models}
    learned = f"table of {table_file.name}" if table_file is not None else "built-in rules, no table"
    return Source(
        fleet=fleet,
        jobs=tuple(_job(item, references[item.task], names) for item in items),
        what=f"{len(items)} recorded prompts of {path.name} on {len(fleet.models)} replayed models ({learned})",
        quality=quality,
        task_types={name: _task_type(means, known) for name, means in _with_all(table, items).items()},
    )


def training_split(path: Path) -> Path | None:
    beside = path.with_name(path.name.replace(".test.", ".train."))
    return beside if beside != path and beside.is_file() else None


def _job(item: ReplayItem, ranking: Sequence[str], names: Mapping[str, str]) -> Job:
    def grade(_answer: Answer, headers: Mapping[str, str]) -> Verdict:
        correct = item.recorded[names[headers["x-baton-model"]]].correct
        return Verdict("recorded", passed=correct == 1.0, score=correct, reason="the grade in the file")

    reference = next(model for model in ranking if model in item.recorded)
    allowed = tuple(card_id(model) for model in item.eligible)
    return Job(item.name, item.task_type, item.conversation, grade, card_id(reference), item.task, None, allowed)


def _references(fleet: ReplayFleet, items: Sequence[ReplayItem]) -> dict[str, list[str]]:
    """Per task every model, best first: by coverage of the task, then mean grade, then price."""
    price = {model.id: model.price.output for model in fleet.models}
    grades: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for item in items:
        for model, recorded in item.recorded.items():
            grades[item.task][model].append(recorded.correct)

    def rank(scores: Mapping[str, list[float]]) -> list[str]:
        return sorted(
            scores,
            key=lambda name: (len(scores[name]), sum(scores[name]) / len(scores[name]), price[name]),
            reverse=True,
        )

    return {task: rank(scores) for task, scores in grades.items()}


def _table(items: Sequence[ReplayItem]) -> Means:
    grades: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for item in items:
        for model, recorded in item.recorded.items():
            grades[item.task_type][model].append(recorded.correct)
    return {
        task_type: {model: sum(scores) / len(scores) for model, scores in models.items() if len(scores) >= LEAST_GRADES}
        for task_type, models in grades.items()
    }


def _with_all(table: Means, items: Sequence[ReplayItem]) -> Means:
    return {item.task_type: table.get(item.task_type, {}) for item in items}


def _task_type(means: Mapping[str, float], known: set[str]) -> dict[str, object]:
    """The objective decides where there is a table; its best model is the reference of the floor."""
    measured = {model: mean for model, mean in means.items() if model in known}
    if not measured:
        return {}
    return {"rule": "policy", "reference": card_id(max(measured, key=lambda name: (measured[name], name)))}
