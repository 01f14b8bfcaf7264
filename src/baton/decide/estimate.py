"""What a model would cost on this request, what its tier lets assume, and what cost and quality are worth together."""

from math import ceil

from msgspec import Struct

from baton.types.card import ModelCard, Tier
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


class Expected(Struct, frozen=True, gc=False):
    """Tokens of a request that are not known before it is answered."""

    output: int
    """Reasoning included."""
    cached: int = 0
    """Of the input, what is believed to lie in the model's prompt cache."""


def expected_cost(card: ModelCard, facts: Facts, expected: Expected) -> int:
    """Nano-dollars of one request: input, cached input, and an answer no longer than the caller allows."""
    tokens = tokens_expected(facts)
    output = min(expected.output, facts.max_output or expected.output)
    if not expected.cached:
        return card.price.plain(tokens, output)
    return card.price.cost(Usage(input=tokens, output=output, cache_read=min(expected.cached, tokens)))


def utility(quality: float, cost: int, lambda_: float) -> float:
    """`100 * quality - lambda * USD per 1,000 tasks`: quality points, net of what the cost is worth."""
    return 100.0 * quality - lambda_ * usd_from_nano(cost) * TASKS_PER_LAMBDA
