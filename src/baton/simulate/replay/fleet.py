"""A fleet that answers as recorded: keyed by system text (where there is one), prompt and model."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from baton.simulate.answer import UNKNOWN, Answerer, Ask, Latency, Refused, SimAnswer, SimModel, Truth, finished
from baton.simulate.conversation import Conversation, Turn
from baton.simulate.draw import label
from baton.simulate.replay.price import Spent, derived_price
from baton.simulate.replay.table import ReplayError, Row, read_rows
from baton.simulate.tokens import count, count_input
from baton.types.card import Tier
from baton.types.money import Price, Usage

ASSUMED_LATENCY = Latency(first_s=0.4, per_token_s=0.01)
"""The files record no times."""

LEAST_WINDOW, LEAST_OUTPUT = 128_000, 8_192
TIERS_BY_PRICE: tuple[Tier, ...] = ("small", "mid", "frontier")
"""By thirds of the models in order of their price: a coarse rank until something is measured."""

Key = tuple[str, str]


class Recorded(Struct, frozen=True):
    """What one model did with one prompt. `correct` is 0..1; `cost` in nano-dollars, None where none was recorded."""

    correct: float
    usage: Usage
    cost: int | None
    response: str | None


class ReplayItem(Struct, frozen=True):
    """One prompt of the file. A model without an entry in `recorded` is not eligible for it."""

    name: str
    system: str
    prompt: str
    task: str
    task_type: str
    recorded: dict[str, Recorded]

    @property
    def conversation(self) -> Conversation:
        return Conversation((Turn("user", self.prompt),), self.system)

    @property
    def eligible(self) -> tuple[str, ...]:
        return tuple(self.recorded)


class Notes(NamedTuple):
    """What a reader of the figures has to know about the file."""

    rows: int
    repeats: int
    """Rows whose (system, prompt, model) came before: the first one is replayed."""
    disagreeing: int
    """Repeats whose grade differs from that of the first."""
    graded: bool
    """Some grades are neither 0 nor 1: quality is then a mean, its interval a bootstrap."""
    without_text: int
    without_tokens: int
    without_cost: int


class ReplayFleet(Answerer):
    """Built by `load_replay`."""

    def __init__(self, rows: list[Row], prices: Mapping[str, Price], *, seed: int = 0) -> None:
        """Raises ReplayError for a model whose price can neither be derived nor is given."""
        self._seed = seed
        self._recorded = _first_of_each(rows)
        self._models = _models(self._recorded, prices)
        self._variants = _variants(rows, self._recorded)
        repeats = len(rows) - sum(map(len, self._recorded.values()))
        self.notes = Notes(
            rows=len(rows),
            repeats=repeats,
            disagreeing=sum(row.correct != self._recorded[_key(row)][row.model].correct for row in rows),
            graded=any(row.correct not in (0.0, 1.0) for row in rows),
            without_text=sum(not row.response for row in rows),
            without_tokens=sum(row.input_tokens is None or row.output_tokens is None for row in rows),
            without_cost=sum(row.cost is None for row in rows),
        )

    @property
    def seed(self) -> int:
        return self._seed

    @property
    def models(self) -> tuple[SimModel, ...]:
        return self._models

    def items(self) -> tuple[ReplayItem, ...]:
        """One for each distinct prompt id (each distinct (system, prompt) where the file has no ids), in file order.

        A case that was recorded with several system texts or prompts is asked in the one that most models answered.
        """
        chosen: dict[str, ReplayItem] = {}
        for variant in self._variants:
            known = chosen.get(variant.name)
            if known is None or len(variant.recorded) > len(known.recorded):
                chosen[variant.name] = variant
        return tuple(chosen.values())

    def variants(self) -> tuple[ReplayItem, ...]:
        """Every distinct (prompt id, task, system, prompt), in file order."""
        return self._variants

    def name_of(self, conversation: Conversation) -> str | None:
        key = self._find(conversation)
        return None if key is None else label(16, *key)

    def answer(self, ask: Ask, model: SimModel) -> SimAnswer:
        key = self._find(ask.conversation)
        if key is None:
            text = (
                f"This is a simulated answer in the name of {model.id}: the model was not asked. The replayed file "
                "holds no answer to this prompt."
            )
            return finished(ask, text, (), UNKNOWN, Usage(input=count_input(ask.conversation)))
        answers = self._recorded[key]
        if model.id not in answers:
            told = f"No answer of {model.id!r} to this prompt was recorded. Ask one of: {', '.join(answers)}."
            raise Refused("invalid", told, param="model", code="not_recorded")
        found = answers[model.id]
        outcome = {1.0: "right", 0.0: "wrong"}.get(found.correct, "graded")
        truth = Truth(outcome, found.correct, cost=found.cost)  # type: ignore[arg-type]
        return finished(ask, _text(model.id, found), (), truth, found.usage)

    def _find(self, conversation: Conversation) -> Key | None:
        """By system and prompt; a prompt that was recorded without a system text is found whatever the caller added."""
        for key in ((conversation.system, conversation.prompt), ("", conversation.prompt)):
            if key in self._recorded:
                return key
        return None


def load_replay(path: Path, *, prices: Mapping[str, Price] | None = None, seed: int = 0) -> ReplayFleet:
    """Raises ReplayError. `prices` (by model) go before derived ones, and are needed where no cost is recorded."""
    return ReplayFleet(read_rows(path), prices or {}, seed=seed)


def _key(row: Row) -> Key:
    return row.system, row.prompt


def _text(model: str, found: Recorded) -> str:
    return found.response or (
        f"Only a grade was recorded for this answer of {model}: {found.correct:g} of 1. Its text is not in the file."
    )


def _first_of_each(rows: Iterable[Row]) -> dict[Key, dict[str, Recorded]]:
    found: dict[Key, dict[str, Recorded]] = {}
    for row in rows:
        answers = found.setdefault(_key(row), {})
        if row.model not in answers:
            unmeasured = Recorded(row.correct, Usage(), row.cost, row.response)
            answers[row.model] = Recorded(row.correct, _usage(row, unmeasured), row.cost, row.response)
    return found


def _usage(row: Row, found: Recorded) -> Usage:
    """As recorded; what is not recorded is counted by the simulation's token rule on what goes over the wire."""
    read, written = row.input_tokens, row.output_tokens
    if read is None:
        read = count_input(Conversation((Turn("user", row.prompt),), row.system))
    return Usage(input=read, output=count(_text(row.model, found)) if written is None else written)


def _variants(rows: Iterable[Row], recorded: dict[Key, dict[str, Recorded]]) -> tuple[ReplayItem, ...]:
    """Keyed with the models that this very case was recorded for, and the answers that the wire will give."""
    found: dict[tuple[str, str, Key], ReplayItem] = {}
    for row in rows:
        key = _key(row)
        name = row.prompt_id or label(16, *key)
        place = (name, row.task, key)
        if place not in found:
            found[place] = ReplayItem(name, row.system, row.prompt, row.task, row.task_type, {})
        found[place].recorded.setdefault(row.model, recorded[key][row.model])
    return tuple(found.values())


# --- models ----------------------------------------------------------------------------------------


def _models(recorded: dict[Key, dict[str, Recorded]], prices: Mapping[str, Price]) -> tuple[SimModel, ...]:
    by_model: dict[str, list[Recorded]] = defaultdict(list)
    for answers in recorded.values():
        for name, found in answers.items():
            by_model[name].append(found)
    known = {name: prices[name] for name in by_model if name in prices}
    for name, answers_of in by_model.items():
        costs = [Spent(each.usage.input, each.usage.output, each.cost) for each in answers_of if each.cost is not None]
        if name not in known and costs:
            known[name] = derived_price(costs)
    unpriced = [name for name in by_model if name not in known]
    if unpriced:
        raise ReplayError(
            f"the file records no cost_usd for {', '.join(map(repr, unpriced))}: a price is not made up, so state it "
            f"with --price {unpriced[0]}=1.25/10 (dollars per million tokens of input and output)"
        )
    ranked = sorted(by_model, key=lambda name: (known[name].input + known[name].output, name))
    return tuple(
        SimModel(
            id=name,
            tier=TIERS_BY_PRICE[ranked.index(name) * len(TIERS_BY_PRICE) // len(ranked)],
            price=known[name],
            context_window=max(LEAST_WINDOW, 2 * max(found.usage.input for found in answers_of)),
            max_output=max(LEAST_OUTPUT, 2 * max(found.usage.output for found in answers_of)),
            latency=ASSUMED_LATENCY,
        )
        for name, answers_of in by_model.items()
    )
