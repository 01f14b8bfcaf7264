"""The built-in cards are sound, and every hosted one has a listed price."""

from datetime import date

import pytest

from baton.call.providers.registry import kind_of
from baton.config.catalogue import catalogue
from baton.config.checks import url_problem
from baton.config.prices import listed, table_version
from baton.config.task_types import BUILTIN_TASK_TYPES

from .texts import DAY

CARDS = catalogue().cards


@pytest.mark.parametrize("model", CARDS)
def test_a_builtin_card_is_sound(model: str) -> None:
    card = CARDS[model]
    provider = catalogue().providers[model.partition("/")[0]]
    assert 0 < card.max_output <= card.context_window
    assert card.specialities <= BUILTIN_TASK_TYPES.keys()
    assert (card.tier == "local") == (provider.local_window is not None)
    if provider.prices is not None:
        found = listed(provider.prices, model.partition("/")[2], DAY)
        assert found is not None
        assert found.price.output >= found.price.input > 0
        assert found.context_window in {None, card.context_window}


@pytest.mark.parametrize("name", catalogue().providers)
def test_a_builtin_provider_is_sound(name: str) -> None:
    provider = catalogue().providers[name]
    assert url_problem(provider.base_url) == ""
    assert not provider.base_url.endswith("/")
    keyless = provider.auth in {"none", "sigv4", "google"}
    assert keyless == (not provider.key_variables)
    kind = kind_of(provider.kind)
    assert set(provider.options) <= set(kind.options)
    assert set(kind.required) <= set(provider.options)


@pytest.mark.parametrize("provider", ["openai", "anthropic", "gemini", "mistral"])
def test_a_vendor_has_a_ladder_of_tiers(provider: str) -> None:
    tiers = {CARDS[model].tier for model in catalogue().matching(f"{provider}/*")}
    assert tiers == {"frontier", "mid", "small"}


def test_wildcards_leave_out_older_and_local_models() -> None:
    everything = catalogue().matching("*")
    assert "openai/gpt-6-luna" in everything
    assert "openai/gpt-4o" not in everything
    assert not any(catalogue().is_local(model.partition("/")[0]) for model in everything)


def test_a_listed_price_holds_on_its_day() -> None:
    before = listed("google", "gemini-4-argon", date(2026, 11, 30))
    after = listed("google", "gemini-4-argon", date(2026, 12, 1))
    assert before is not None
    assert after is not None
    assert after.price.output == 2 * before.price.output
    assert before.price.source == f"{table_version()} (2026-11-30)"


def test_a_simplified_price_says_so() -> None:
    tiered, hourly = listed("openai", "gpt-6-luna", DAY), listed("deepseek", "deepseek-v4-pro", DAY)
    assert tiered is not None
    assert hourly is not None
    assert "short prompts" in tiered.price.source
    assert "peak hours" in hourly.price.source


@pytest.mark.parametrize(
    ("provider", "model"),
    [("openai", "no-such-model"), ("no-such-provider", "gpt-5"), ("openai", "text-embedding-3-small")],
)
def test_what_is_not_listed_has_no_price(provider: str, model: str) -> None:
    assert listed(provider, model, DAY) is None
