"""A price per token from recorded costs, for what a router expects; the recorded cost itself stays authoritative.

Least squares of `cost = a * input + b * output` over all recorded answers of a model. Where that has no solution with
both rates at least 0 (one answer only, all of one length, costs that follow no token count), an output token is taken
to cost four input tokens. Either way the rates are scaled so that they give the recorded total back.
"""

from collections.abc import Sequence
from typing import NamedTuple

from baton.types.money import TOKENS_PER_PRICE, Price

ASSUMED_OUTPUT_RATIO = 4.0
SOURCE = "derived from recorded cost"


class Spent(NamedTuple):
    """Tokens and cost (nano-dollars) of one answer."""

    read: int
    written: int
    cost: int


def derived_price(spent: Sequence[Spent]) -> Price:
    read_rate, written_rate = _least_squares(spent) or (1.0, ASSUMED_OUTPUT_RATIO)
    explained = sum(read_rate * each.read + written_rate * each.written for each in spent)
    scale = sum(each.cost for each in spent) / explained if explained else 0.0
    return Price(
        round(read_rate * scale * TOKENS_PER_PRICE), round(written_rate * scale * TOKENS_PER_PRICE), source=SOURCE
    )


def _least_squares(spent: Sequence[Spent]) -> tuple[float, float] | None:
    reads = float(sum(each.read**2 for each in spent))
    writes = float(sum(each.written**2 for each in spent))
    both = float(sum(each.read * each.written for each in spent))
    determinant = reads * writes - both * both
    if determinant <= 1e-9 * reads * writes:
        return None
    read_cost = float(sum(each.read * each.cost for each in spent))
    written_cost = float(sum(each.written * each.cost for each in spent))
    read_rate = (read_cost * writes - written_cost * both) / determinant
    written_rate = (written_cost * reads - read_cost * both) / determinant
    return (read_rate, written_rate) if read_rate >= 0 and written_rate >= 0 else None
