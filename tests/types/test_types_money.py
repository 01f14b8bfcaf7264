"""Money is exact: integer nano-dollars, one rounding, no drift."""

import pickle
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.types.money import NANO_PER_USD, Usage, nano_from_usd, price_from_usd, usd_from_nano, usd_text
from baton.types.secret import Secret

tokens = st.integers(0, 10**8)


def test_list_prices_give_the_cost_that_the_vendor_bills() -> None:
    price = price_from_usd("1.25", "10", cache_read_usd="0.125")
    assert price.cost(Usage(input=1_000, output=500, cache_read=600)) == nano_from_usd("0.005575")


def test_a_cache_rate_that_is_missing_costs_plain_input() -> None:
    assert price_from_usd(2, 4).cost(Usage(input=10, cache_read=10)) == price_from_usd(2, 4).cost(Usage(input=10))


@given(amount=st.decimals(0, 10**6, places=9))
def test_dollars_come_back_as_they_went_in(amount: Decimal) -> None:
    nano = nano_from_usd(amount)
    assert Decimal(nano) / NANO_PER_USD == amount
    assert Decimal(usd_text(nano)) == amount
    assert usd_from_nano(nano) == pytest.approx(float(amount))


@given(first=tokens, second=tokens)
def test_cost_is_additive_but_for_one_rounding(first: int, second: int) -> None:
    price = price_from_usd("0.0375", "0.15")
    whole = price.cost(Usage(input=first) + Usage(input=second))
    assert abs(whole - price.cost(Usage(input=first)) - price.cost(Usage(input=second))) <= 1


def test_a_secret_shows_itself_nowhere() -> None:
    secret = Secret("sk-canary")
    assert "canary" not in f"{secret} {secret!r} {secret!s} {[secret]} {secret:>20}"
    assert secret.reveal() == "sk-canary"
    with pytest.raises(TypeError, match="environment variable"):
        pickle.dumps(secret)
