"""Delegation on recorded answers of real models: chains are chosen on one split and held against the other (P3, P7).

The subordinate answers, other models re-derive; what they agree on is let through, everything else the frontier does.
A task type whose best chain does not keep epsilon, or costs as much as the frontier, is not delegated.
"""

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from msgspec import Struct

from baton.check.chain import Chain, NoChain, Rate, choose_chain
from baton.check.rates import Calibration, Rates
from baton.check.verifiers.rederives import Final, final_of
from baton.stats.intervals import clopper_pearson
from baton.types.verdict import Answer

FRONTIER = "gpt-4-1106-preview"
VERIFIERS = 4
TESTS = "executes"
WITH_TESTS = frozenset({"routerbench/mbpp"})
"""Tasks whose prompts bring their tests along."""
LEVEL = 0.90
"""Two-sided: one-sided bounds of 95 %."""
MARGIN = 0.01
"""Of P7: error at most one point above the frontier's."""
RESAMPLES = 2_000


class Said(Struct, frozen=True):
    final: Final
    right: bool
    cost: int


Prompts = list[dict[str, Said]]


class Choice(Struct, frozen=True):
    subordinate: str
    chain: Chain


def recorded(data: Path, epsilon: float) -> dict[str, Any]:
    """By task, and all of them together."""
    train, test = _read(data, "train"), _read(data, "test")
    rng = np.random.default_rng(7)
    found: dict[str, Any] = {}
    pooled: list[tuple[np.ndarray, np.ndarray]] = []
    for task in sorted(test):
        choice = _chosen(train.get(task, []), epsilon, tests=task in WITH_TESTS)
        held = [prompt for prompt in test[task] if FRONTIER in prompt]
        found[task], costs, errors = _held_against(held, choice, epsilon, rng)
        pooled.append((costs, errors))
    costs = np.concatenate([one[0] for one in pooled])
    errors = np.concatenate([one[1] for one in pooled])
    return {"epsilon": epsilon, "tasks": found, "pooled": _compared(costs, errors, rng)}


def _read(data: Path, split: str) -> dict[str, Prompts]:
    columns = ["task", "prompt_id", "model", "correct", "cost_usd", "response"]
    grouped: dict[str, dict[str, dict[str, Said]]] = defaultdict(lambda: defaultdict(dict))
    for row in pq.read_table(data / f"routerbench_0shot.{split}.parquet", columns=columns).to_pylist():
        said = Said(final_of(Answer(row["response"] or "")), row["correct"] >= 1.0, round(row["cost_usd"] * 1e9))
        grouped[row["task"]][row["prompt_id"]][row["model"]] = said
    return {task: list(prompts.values()) for task, prompts in grouped.items()}


def _chosen(prompts: Prompts, epsilon: float, *, tests: bool) -> Choice | str:
    """Who is asked and which checks it gets; or why nobody is.

    The chain that looks best of many looks better than it is: it is chosen on one half, and sold where the other half
    confirms it.
    """
    choice = _best(prompts[::2], epsilon, tests=tests)
    if isinstance(choice, str):
        return choice
    said = [one for one in prompts[1::2] if {choice.subordinate, *choice.chain.checks} - {TESTS} <= set(one)]
    accepted = [one[choice.subordinate].right for one in said if _agree(one, choice.subordinate, choice.chain.checks)]
    wrong = accepted.count(False)
    upper = clopper_pearson(wrong, len(accepted), LEVEL).high
    if upper > epsilon:
        return f"{choice.subordinate} with {', '.join(choice.chain.checks)} was not confirmed: up to {upper:.3g} wrong"
    return choice


def _best(prompts: Prompts, epsilon: float, *, tests: bool) -> Choice | str:
    models = sorted({model for prompt in prompts for model in prompt} - {FRONTIER})
    best: Choice | None = None
    reason = "nothing was recorded of it"
    for subordinate in models:
        chain = _chain(prompts, subordinate, models, epsilon, tests=tests)
        if isinstance(chain, NoChain):
            reason = chain.reason
        elif best is None or chain.cost < best.chain.cost:
            best = Choice(subordinate, chain)
    return best or reason


def _chain(
    prompts: Prompts, subordinate: str, models: Sequence[str], epsilon: float, *, tests: bool
) -> Chain | NoChain:
    known = [prompt for prompt in prompts if subordinate in prompt and FRONTIER in prompt]
    if not known:
        return NoChain("nothing was recorded of it")
    others = [model for model in models if model != subordinate]
    records = [
        Calibration("x", subordinate, name, right=prompt[subordinate].right, accepted=_agree(prompt, subordinate, team))
        for size in (1, 2)
        for team in combinations(others, size)
        for name in ["+".join(team)]
        for prompt in known
        if all(model in prompt for model in team)
    ]
    measured = Rates(records)
    cost = {model: _mean([prompt[model].cost for prompt in known if model in prompt]) for model in [*models, FRONTIER]}
    verifiers = sorted(others, key=lambda model: measured.of("x", subordinate, model).false_accepts.bound)[:VERIFIERS]
    checks = [measured.rate("x", subordinate, model, model, cost[model]) for model in verifiers]
    joint = {
        frozenset(team): measured.of("x", subordinate, "+".join(team)).false_accepts.bound
        for team in combinations(sorted(verifiers), 2)
    }
    right = clopper_pearson(sum(prompt[subordinate].right for prompt in known), len(known), LEVEL).low
    rates = [Rate(one.name, one.cost, one.alpha, one.beta) for one in checks]
    if tests:  # the tests of the task are the check: it refuses what they refuse
        refused = [Calibration("x", subordinate, TESTS, right=False, accepted=False) for one in known
                   if not one[subordinate].right]  # fmt: skip
        rates = [Rate(TESTS, 0, Rates(refused).of("x", subordinate, TESTS).false_accepts.bound)]
    return choose_chain(right, cost[subordinate], cost[FRONTIER], rates, epsilon, joint)


def _agree(prompt: dict[str, Said], subordinate: str, team: Sequence[str]) -> bool:
    said = prompt[subordinate]
    return all(said.right if name == TESTS else said.final.same(prompt[name].final) for name in team)


def _held_against(
    prompts: Prompts, choice: Choice | str, epsilon: float, rng: np.random.Generator
) -> tuple[dict[str, Any], np.ndarray, np.ndarray]:
    """Rows of both arrays: what was done, and the frontier alone."""
    costs, errors = [], []
    accepted = wrong = 0
    for prompt in prompts:
        frontier = prompt[FRONTIER]
        alone = (frontier.cost, float(not frontier.right))
        done = alone
        if isinstance(choice, Choice) and {choice.subordinate, *choice.chain.checks} - {TESTS} <= set(prompt):
            said = prompt[choice.subordinate]
            spent = said.cost + sum(prompt[model].cost for model in choice.chain.checks if model != TESTS)
            if _agree(prompt, choice.subordinate, choice.chain.checks):
                accepted, wrong = accepted + 1, wrong + (not said.right)
                done = (spent, float(not said.right))
            else:
                done = (spent + frontier.cost, alone[1])
        costs.append((done[0], alone[0]))
        errors.append((done[1], alone[1]))
    pairs = np.array(costs, dtype=float).reshape(-1, 2), np.array(errors, dtype=float).reshape(-1, 2)
    row: dict[str, Any] = {"n": len(prompts), **_compared(*pairs, rng)}
    if isinstance(choice, Choice):
        row |= {"subordinate": choice.subordinate, "checks": list(choice.chain.checks), "accepted": accepted}
        row |= {"escaped": wrong / accepted if accepted else 0.0}
        upper = clopper_pearson(wrong, accepted, LEVEL).high if accepted else 1.0
        row |= {"escaped_upper": upper, "keeps_epsilon": upper <= epsilon}
    else:
        row |= {"not_delegated": choice}
    return row, *pairs


def _compared(costs: np.ndarray, errors: np.ndarray, rng: np.random.Generator) -> dict[str, Any]:
    """Cost beside the frontier's, and the difference of errors with its paired bootstrap interval (95 %)."""
    if not len(costs):
        return {"cost_share": 1.0, "error_difference": 0.0, "interval": [0.0, 0.0]}
    differences = errors[:, 0] - errors[:, 1]
    rows = rng.integers(0, len(differences), (RESAMPLES, len(differences)))
    low, high = np.quantile(differences[rows].mean(axis=1), [0.025, 0.975])
    return {
        "cost_share": float(costs[:, 0].sum() / max(costs[:, 1].sum(), 1.0)),
        "error_difference": float(differences.mean()),
        "interval": [float(low), float(high)],
        "non_inferior": bool(high <= MARGIN),
    }


def _mean(values: Sequence[int]) -> int:
    return round(sum(values) / len(values)) if values else 0
