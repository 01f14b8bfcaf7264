"""Two models and a price: RouterArena's open part, its paraphrases, and whether the same router still routes on MMLU.

The whole decision is the gateway's: facts, what was learned from the train file, expected cost, objective. A router
that always picks one model would pass the first two; the regret on MMLU is where it fails. Regret is the mean of
`best U - chosen U`, U = quality - lambda * US dollars of the prompt (bytes / 4 + 1 tokens), at the lambda where both
models alone are worth the same.
"""

import random
from collections.abc import Callable, Sequence
from math import log2
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from routing_outcomes import SEED, Graded, graded, lesson_of

from baton.decide.policy import Policy
from baton.measure.learn.table import table_of
from baton.stats.frontier import bootstrap
from baton.types.card import ModelCard, Provider
from baton.types.decision import PolicySnapshot
from baton.types.learned import Learned
from baton.types.money import price_from_usd
from baton.types.request import Caller, Facts, Request, Wish
from baton.types.task import Route, TaskType

BETA, DEAREST, CHEAPEST = 0.1, 200.0, 0.0044
"""RouterArena's score; US dollars per 1,000 queries."""
PRICES = {
    "openai/gpt-4-1106-preview": (24.7, 24.7), "mistralai/mixtral-8x7b-instruct-v0.1": (0.24, 0.24),
    "anthropic/claude-3-haiku-20240307": (0.25, 1.25), "google/gemini-2.0-flash-001": (0.1, 0.4),
}  # fmt: skip
"""US dollars per million tokens of input and output: RouteLLM's paper; list prices."""
LATIN, LOOK_ALIKE = "aceopxyABCEHKMOPTX", "асеорхуАВСЕНКМОРТХ"
ZERO_WIDTH = "\u200b"

Pick = Callable[[str, str], str]
"""Of a prompt, and of the text whose size it is billed by."""


def routerarena(data: Path) -> dict[str, Any]:
    train, test = (graded(data / "routing", "routerarena_sub10", (split,), whole=False) for split in ("train", "test"))
    pick = router(train, output_tokens=100, points_per_usd=1.0)
    chosen = _columns(test, pick)
    texts = pq.read_table(data / "routing" / "routerarena_robustness.test.parquet").to_pylist()
    same = np.array(
        [_picked(pick, row["prompt_original"]) == _picked(pick, row["prompt_perturbed"]) for row in texts], dtype=float
    )
    return {
        "labels_seen": f"{train.outcomes.quality.size} grades of {len(train.models)} models",
        "test_prompts": len(test.ids),
        "arena": round(_arena(test, chosen), 2),
        "arena_of_each_alone": {
            model: round(_arena(test, np.full(len(test.ids), place)), 2) for place, model in enumerate(test.models)
        },
        "share_of_picks": {model: float((chosen == place).mean()) for place, model in enumerate(test.models)},
        "same_pick_pct": round(100 * float(same.mean()), 2),
        "paraphrases": len(texts),
    }


def mmlu_regret(data: Path) -> dict[str, Any]:
    train, test = (graded(data / "routing", "routellm_mmlu", (split,), whole=False) for split in ("train", "test"))
    cost = np.array([
        [(len(prompt.encode()) / 4 + 1) * PRICES[model][0] / 1e6 for model in test.models] for prompt in test.prompts
    ])  # fmt: skip
    quality = test.outcomes.quality
    tie = float(np.diff(quality.mean(axis=0))[0] / np.diff(cost.mean(axis=0))[0])
    worth = quality - tie * cost
    pick = router(train, output_tokens=1, points_per_usd=tie / 10)
    chosen = _columns(test, pick)
    lost = worth.max(axis=1) - worth[np.arange(len(test.ids)), chosen]
    alone = {model: worth.max(axis=1) - worth[:, place] for place, model in enumerate(test.models)}
    return {
        "labels_seen": f"{train.outcomes.quality.size} grades of {len(train.models)} models",
        "test_prompts": len(test.ids),
        "lambda_per_usd_of_a_task": round(tie, 2),
        "regret": round(float(lost.mean()), 4),
        "regret_of_each_alone": {model: round(float(one.mean()), 4) for model, one in alone.items()},
        "saved_against_each": {model: _paired(one - lost) for model, one in alone.items()},
        "share_of_picks": {model: float((chosen == place).mean()) for place, model in enumerate(test.models)},
        "disguise": _disguise(test, pick),
    }


def router(train: Graded, *, output_tokens: int, points_per_usd: float) -> Pick:
    """`points_per_usd`: lambda as the config has it, quality points per US dollar saved on 1,000 tasks."""
    lesson = lesson_of(train)
    cards = [_card(model) for model in train.models]
    learned = Learned(version=1, labels=lesson.graded.labels, table=table_of(lesson.graded), residual=lesson.residual)
    policy = Policy(
        PolicySnapshot(
            cards={card.id: card for card in cards},
            providers={"them": Provider("them", "http://127.0.0.1:1/v1")},
            task_types={
                "other": TaskType(
                    "other", rule="policy", reference=lesson.residual.reference, floor=0.0,
                    lambda_=points_per_usd, output_tokens=output_tokens,
                )
            },
            routes=(Route("auto", model=("auto",)),),
            learned=learned,
        )
    )  # fmt: skip

    def pick(prompt: str, billed: str) -> str:
        facts = Facts(user_text=prompt, text_bytes=len(billed.encode()))
        request = Request("openai-chat", "auto", stream=False, members={}, wish=Wish(), facts=facts)
        return policy.decide(request, Caller(), "bench").model

    return pick


def _card(model: str) -> ModelCard:
    price = price_from_usd(*PRICES[model])
    return ModelCard(
        id=model, provider="them", upstream=model, tier="mid", context_window=1_000_000, max_output=8_000, price=price
    )


def _columns(test: Graded, pick: Pick) -> np.ndarray:
    return np.array([test.models.index(_picked(pick, prompt)) for prompt in test.prompts])


def _picked(pick: Pick, prompt: str) -> str:
    return pick(prompt, prompt)


def _arena(test: Graded, chosen: np.ndarray) -> float:
    rows = np.arange(len(test.ids))
    accuracy = float(test.outcomes.quality[rows, chosen].mean())
    dollars = 1_000 * float(test.outcomes.cost[rows, chosen].mean())
    cheapness = (log2(DEAREST) - log2(dollars)) / (log2(DEAREST) - log2(CHEAPEST))
    return 100 * (1 + BETA) * accuracy * cheapness / (BETA * accuracy + cheapness)


def _paired(differences: np.ndarray) -> dict[str, Any]:
    between = bootstrap(lambda rows: float(differences[rows].mean()), len(differences), np.random.default_rng(SEED))
    return {"mean": round(float(differences.mean()), 4), "interval": [round(between.low, 4), round(between.high, 4)]}


def _disguise(test: Graded, pick: Pick) -> dict[str, int]:
    """How many picks change when letters are replaced by look-alikes, or get zero-width spaces between them.

    The bill is left as it was: a disguised prompt has more bytes, and so does cost more.
    """
    prompts = test.prompts
    table = str.maketrans(LATIN, LOOK_ALIKE)
    return {
        "prompts": len(prompts),
        "homoglyph_flips": _flips(prompts, [prompt.translate(table) for prompt in prompts], pick),
        "zero_width_flips": _flips(prompts, [_sprinkled(prompt) for prompt in prompts], pick),
    }


def _flips(prompts: Sequence[str], disguised: Sequence[str], pick: Pick) -> int:
    return sum(pick(said, plain) != pick(plain, plain) for plain, said in zip(prompts, disguised, strict=True))


def _sprinkled(prompt: str) -> str:
    rng = random.Random(prompt)
    return "".join(letter + ZERO_WIDTH if letter.isalpha() and rng.random() < 0.3 else letter for letter in prompt)
