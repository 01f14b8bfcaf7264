"""What a model would cost on this request and how good it is expected to be, with the evidence named."""

from math import ceil

from baton.types.card import ModelCard, Tier
from baton.types.decision import Evidence
from baton.types.money import Usage, usd_from_nano
from baton.types.request import Facts

BYTES_PER_TOKEN = 4.0
"""The usual ratio of English prose and code, for expected cost."""

BYTES_PER_TOKEN_MIN = 2.5
"""The ratio for eligibility: a stated margin of 1.6 on the usual ratio, so that a prompt that is let in fits."""

ASSUMED_QUALITY: dict[Tier, float] = {"frontier": 0.95, "mid": 0.88, "small": 0.78, "local": 0.70}
"""Order, not measurement: used only until the operator configures or a baseline measures something better."""

TASKS_PER_LAMBDA = 1_000
"""lambda is quality points per dollar saved on this many tasks."""


def tokens_expected(facts: Facts) -> int:
    return ceil(facts.text_bytes / BYTES_PER_TOKEN)


def tokens_at_most(facts: Facts) -> int:
    return ceil(facts.text_bytes / BYTES_PER_TOKEN_MIN)


def expected_cost(card: ModelCard, facts: Facts, output_tokens: int) -> int:
    """Nano-dollars of one request with the predicted length of answer, capped by what the caller allows."""
    output = min(output_tokens, facts.max_output or output_tokens)
    return card.price.cost(Usage(input=tokens_expected(facts), output=output))


def quality_of(card: ModelCard, task_type: str) -> tuple[float, Evidence]:
    """Configured quality 0..1 where there is one, else what the tier lets assume."""
    configured = card.quality.get(task_type)
    if configured is not None:
        return configured, "configured"
    if task_type in card.specialities:
        return ASSUMED_QUALITY["frontier"], "assumed"
    return ASSUMED_QUALITY[card.tier], "assumed"


def utility(quality: float, cost: int, lambda_: float) -> float:
    """`100 * quality - lambda * USD per 1,000 tasks`: quality points, net of what the cost is worth."""
    return 100.0 * quality - lambda_ * usd_from_nano(cost) * TASKS_PER_LAMBDA
