"""Asking for a gate: cheap model and reference on every prompt, each with its difficulty as the gate reads it."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from baton.config.lock import features_of
from baton.decide.readings import Readings
from baton.decide.said import Said
from baton.measure.bench import Bench, Entrants
from baton.measure.datasets.prompt import Prompt, one_of_each
from baton.measure.evidence import Row
from baton.measure.examiner import Outcome
from baton.measure.files import bytes_of, hash_of
from baton.measure.gate import Gated, GateHeader, gated
from baton.measure.graders.grader import OutOfBudget
from baton.measure.graders.soundness import soundness
from baton.measure.ladder import Rules
from baton.protocol.request import read_request
from baton.stats.sanity import SanityReport
from baton.types.decision import PolicySnapshot
from baton.types.errors import ProofError


class GateWalk(Struct, frozen=True):
    gated: Gated
    sanity: SanityReport
    stopped: Literal["", "budget", "grader"]
    told: str
    file: bytes


class Difficulty:
    """As the gateway reads it, of a prompt whose task type is declared."""

    def __init__(self, snapshot: PolicySnapshot) -> None:
        self._readings = Readings(snapshot.learned)
        self.version = features_of(snapshot)

    def of(self, prompt: Prompt) -> float | None:
        body = msgspec.json.encode({"model": "auto", **prompt.body})
        placed = (
            {"model": msgspec.Raw(b'"auto"'), "stream": msgspec.Raw(b"false")} if prompt.dialect == "gemini" else {}
        )
        facts = read_request(prompt.dialect, body, {}, placed).facts
        return self._readings.of(Said(facts), prompt.task_type).difficulty


async def walk_gate(
    bench: Bench, entrants: Entrants, rung: str, rules: Rules, difficulty: Difficulty, stepped: Callable[[], None]
) -> GateWalk:  # fmt: skip
    """`rung` and the reference on all prompts. Raises ProofError where there are too few of them.

    A budget that ends before is no look at the grades: what was graded until then is the calibration.
    """
    entrants = replace(entrants, prompts=one_of_each(entrants.prompts))
    if len(entrants.prompts) <= rules.pilot:
        have = len(entrants.prompts)
        raise ProofError(
            f"{entrants.task_type!r} has {have} prompts, and {rules.pilot} of them are the pilot: give more"
        )
    outcomes: dict[str, list[Outcome]] = {entrants.reference: [], rung: []}
    told = ""
    step = max(1, bench.examiner.concurrency // 2)
    for start in range(0, len(entrants.prompts), step):
        told = await _ask(bench, entrants.prompts[start : start + step], outcomes)
        stepped()
        if told:
            break
    sanity = await soundness(bench.grader, entrants.prompts, outcomes, entrants.reference, bench.order.chance)
    faults = tuple(f"{fault.rule}: {fault.text}" for fault in sanity.faults)
    rows = _rows(entrants.prompts, outcomes, difficulty)
    header = GateHeader(
        task_type=entrants.task_type,
        reference=entrants.reference,
        rung=rung,
        models={model: bench.identities[model] for model in outcomes},
        rho=entrants.floor if rules.rho is None else rules.rho,
        delta=rules.delta,
        pilot=rules.pilot,
        grader=bench.grader_id,
        judged=bench.judged,
        prompt_set=bench.order.prompts.hash,
        features=difficulty.version,
        order_seed=bench.order.seed,
        date=bench.order.date,
        simulated=any(one.simulated for group in outcomes.values() for one in group),
        faults=faults,
    )
    file = bytes_of(header, rows)
    stopped: Literal["", "budget", "grader"] = "grader" if faults else "budget" if told else ""
    return GateWalk(gated(header, rows, hash_of(file)), sanity, stopped, "; ".join(faults) or told, file)


async def _ask(bench: Bench, prompts: Sequence[Prompt], outcomes: dict[str, list[Outcome]]) -> str:
    """Why no more can be asked; empty where it can."""
    wanted = [(model, prompt) for prompt in prompts for model in outcomes]
    found = await asyncio.gather(*(bench.examiner.examine(*pair) for pair in wanted), return_exceptions=True)
    told = ""
    for one in found:
        if isinstance(one, Outcome):
            outcomes[one.model].append(one)
        elif isinstance(one, OutOfBudget):
            told = one.message
        else:
            raise one
    return told


def _rows(prompts: Sequence[Prompt], outcomes: dict[str, list[Outcome]], difficulty: Difficulty) -> list[Row]:
    by_prompt: dict[str, dict[str, Outcome]] = {}
    for model, group in outcomes.items():
        for one in group:
            by_prompt.setdefault(one.prompt, {})[model] = one
    rows = []
    for prompt in prompts:
        known = by_prompt.get(prompt.id, {})
        if len(known) < len(outcomes):
            break  # nobody was asked from here on
        read = difficulty.of(prompt)
        grades = {model: one.grade for model, one in known.items()}
        costs = {model: one.cost for model, one in known.items() if not one.fault}
        rows.append(Row(prompt.id, grades, costs, None if read is None else round(read, 6)))
    return rows
