"""What baseline, ladder and certificates are made on: prompts, models, a grader, a budget, and the run record.

Life of a run: 1. the order is checked before anything is paid; 2. record and house are opened; 3. the command asks
through the examiner; 4. everything is closed, whatever happened. The same order goes on where it stopped before.
"""

import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec import Struct

from baton.config.lock import policy_of
from baton.config.proof import references_of
from baton.config.schema import Config
from baton.decide.terms import AUTO
from baton.flow.measurement import measurement
from baton.measure.datasets.prompt import Prompt, PromptSet, in_order
from baton.measure.examiner import CONCURRENCY, MAX_OUTPUT, Examiner, Outcome, Settings
from baton.measure.graders.grader import Grader
from baton.measure.graders.pairwise import PairwiseJudge
from baton.measure.graders.remembering import Remembering
from baton.measure.graders.rubric import DEFAULT_CRITERIA, RubricJudge
from baton.measure.graders.verified import VerifiedGrader, refuse_without_check
from baton.measure.journal import Journal
from baton.protocol.private import model_family
from baton.protocol.request import read_request
from baton.types.card import Capability, ModelCard
from baton.types.certificate import identity
from baton.types.errors import ProofError, RequestError

SEED = 7


class JudgeOrder(Struct, frozen=True):
    """`pairwise`: compares with the reference's answer, instead of asking criteria one by one."""

    model: str
    pairwise: bool = False
    criteria: tuple[str, ...] = DEFAULT_CRITERIA


class Order(Struct, frozen=True, kw_only=True):
    """`budget` in nano-dollars; `models` empty: every model that may serve the task type. `date`: ISO day."""

    command: str
    prompts: PromptSet
    budget: int
    record: Path
    date: str
    models: tuple[str, ...] = ()
    seed: int = SEED
    judge: JudgeOrder | None = None
    max_output: int = MAX_OUTPUT
    concurrency: int = CONCURRENCY
    chance: float | None = None
    """Score of an answer drawn at random, where the checks do not tell it."""


class Entrants(Struct, frozen=True):
    """Of one task type: prompts in the order in which they are drawn, and who is asked."""

    task_type: str
    prompts: tuple[Prompt, ...]
    reference: str
    models: tuple[str, ...]
    """The reference first."""
    unfit: dict[str, str]
    """Models that cannot serve such prompts, and why."""
    floor: float
    min_quality: float | None = None


class Asker(Protocol):
    """An examiner, or whoever else knows what models scored."""

    @property
    def spent(self) -> int: ...

    @property
    def concurrency(self) -> int: ...

    async def examine(self, model: str, prompt: Prompt) -> Outcome: ...


class Bench(Struct, frozen=True):
    """`grader` and `journal` None: the grades were recorded by somebody else, under the name `grader_id`."""

    order: Order
    examiner: Asker
    grader_id: str
    identities: Mapping[str, str]
    entrants: tuple[Entrants, ...]
    grader: Grader | None = None
    journal: Journal | None = None

    @property
    def judged(self) -> bool:
        return self.grader_id.startswith(("rubric:", "pairwise:"))


@asynccontextmanager
async def opened(config: Config, order: Order, tell: Callable[[], None] = lambda: None) -> AsyncIterator[Bench]:
    """Raises ProofError or DatasetError for an order that cannot be carried out."""
    entrants = entrants_of(config, order)
    cards = config.snapshot.cards
    identities = {model: identity(card) for model, card in cards.items()} | {AUTO: policy_of(config.snapshot)}
    with Journal(order.record, keep_answers=config.content.mode != "off") as journal:
        run = run_of(order, identities)
        left = order.budget - journal.spent(run)
        if left <= 0 and order.budget > 0:
            raise ProofError(
                f"the budget of this run is spent, ${order.budget / 1e9:g} in all: give it a larger one to go on"
            )
        settings = Settings(run, identities, references_of(config.snapshot), order.max_output, order.concurrency)
        async with measurement(config, run, left) as desk:
            examiner = Examiner(desk, journal, settings, tell)
            grader = grader_of(order, examiner)
            examiner.grader = grader
            kept = Remembering(grader, journal)
            yield Bench(order, examiner, grader.id, identities, entrants, kept, journal)


def run_of(order: Order, identities: Mapping[str, str]) -> str:
    """The name of a run: the same for the same order, whatever its budget, so that it goes on where it stopped."""
    said = (order.command, order.prompts.hash, order.models, order.seed, order.judge, order.max_output, identities)
    return hashlib.sha256(msgspec.json.encode(said, order="deterministic")).hexdigest()[:16]


def grader_of(order: Order, examiner: Examiner) -> Grader:
    judge = order.judge
    if judge is None:
        refuse_without_check(order.prompts.prompts)
        return VerifiedGrader()
    if judge.pairwise:
        return PairwiseJudge(examiner.ask_judge, judge.model)
    return RubricJudge(examiner.ask_judge, judge.model, judge.criteria)


def entrants_of(config: Config, order: Order) -> tuple[Entrants, ...]:
    """By task type, sorted by name. Raises ProofError for names that the config does not have."""
    snapshot = config.snapshot
    groups = order.prompts.by_type()
    if unknown := sorted(set(groups) - set(snapshot.task_types)):
        told = f"task types of the prompts that are not in the config: {', '.join(unknown)}: add them to `task_types`"
        raise ProofError(told)
    named = [*order.models, *([order.judge.model] if order.judge else [])]
    if missing := [model for model in named if model not in snapshot.cards and model != AUTO]:
        raise ProofError(f"models that are not in the config: {', '.join(missing)}")
    references = references_of(snapshot)
    found = []
    for name in sorted(groups):
        prompts = tuple(in_order(groups[name], order.seed))
        needs = _needs(prompts)
        candidates = order.models or snapshot.task_types[name].ladder or tuple(snapshot.cards)
        unfit = {}
        for model in (*candidates, references[name]):
            if model != AUTO and (lacking := needs - snapshot.cards[model].capabilities):
                unfit[model] = f"lacks {', '.join(sorted(lacking))}"
        others = sorted(model for model in set(candidates) - {references[name]} if model not in unfit)
        if order.judge is not None:
            unfit |= _kin(order.judge.model, (*candidates, references[name]), snapshot.cards)
        if references[name] in unfit:
            told = f"the reference {references[name]!r} of {name!r} {unfit[references[name]]}: name another one"
            raise ProofError(told)
        own = snapshot.task_types[name]
        models = (references[name], *others)
        found.append(Entrants(name, prompts, references[name], models, unfit, own.floor, own.min_quality))
    return tuple(found)


def _kin(judge: str, models: Iterable[str], cards: Mapping[str, ModelCard]) -> dict[str, str]:
    """Models that the judge must not judge: itself, and those of its family."""
    family = model_family(cards[judge].upstream)
    kin = [model for model in models if model in cards and model_family(cards[model].upstream) == family]
    return dict.fromkeys(kin, f"is of the family of its judge {judge!r}")


def _needs(prompts: tuple[Prompt, ...]) -> frozenset[Capability]:
    found: frozenset[Capability] = frozenset()
    for prompt in prompts:
        body = msgspec.json.encode({"model": "auto", **prompt.body})
        placed = (
            {"model": msgspec.Raw(b'"auto"'), "stream": msgspec.Raw(b"false")} if prompt.dialect == "gemini" else {}
        )
        try:
            found |= read_request(prompt.dialect, body, {}, placed).facts.needs
        except RequestError as error:
            raise ProofError(f"prompt {prompt.id!r} cannot be asked: {error.message}") from error
    return found
