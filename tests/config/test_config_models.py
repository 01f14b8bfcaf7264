"""Where the attributes of a card come from, and where its provider is."""

import pytest

from baton.config.catalogue import catalogue
from baton.types.card import ModelCard, Provider
from baton.types.money import Price

from .texts import ENV, parsed

SMALL = "tier: mid, context_window: 9000, price: {input_usd: 1, output_usd: 2}"


def card_of(models: str) -> ModelCard:
    (card,) = parsed(f"models: [{models}]").snapshot.cards.values()
    return card


def providers_of(text: str) -> dict[str, Provider]:
    return parsed(text).snapshot.providers


def test_a_builtin_card_is_overridden_field_by_field() -> None:
    plain = card_of("openai/gpt-6-luna")
    changed = card_of("{id: openai/gpt-6-luna, tier: mid, quality: {code: 0.5}, capabilities: []}")
    assert (changed.tier, changed.quality, changed.capabilities) == ("mid", {"code": 0.5}, frozenset())
    assert (changed.context_window, changed.price, changed.max_output) == (
        plain.context_window,
        plain.price,
        plain.max_output,
    )


def test_a_stated_price_is_taken_instead_of_the_listed_one() -> None:
    card = card_of("{id: openai/gpt-6-luna, price: {input_usd: 7, output_usd: 8}}")
    assert card.price == Price(7_000_000_000, 8_000_000_000, source="config")


def test_another_id_for_a_builtin_model_is_known_by_its_upstream_name() -> None:
    card = card_of("{id: openai/team-a, upstream: gpt-6-luna}")
    assert (card.id, card.upstream, card.tier) == ("openai/team-a", "gpt-6-luna", "small")
    assert card.price == card_of("openai/gpt-6-luna").price


def test_a_named_card_outweighs_a_wildcard_whatever_their_order() -> None:
    own = "{id: openai/gpt-6-luna, max_output: 7}"
    for models in (f"['openai/*', {own}]", f"[{own}, 'openai/*']"):
        cards = parsed(f"models: {models}").snapshot.cards
        assert cards["openai/gpt-6-luna"].max_output == 7
        assert len(cards) == len(catalogue().matching("openai/*"))


def test_a_model_the_table_lists_needs_only_a_tier() -> None:
    card = card_of("{id: openai/o4-mini, tier: mid}")
    assert card.context_window == 200_000
    assert card.price.source.startswith("genai-prices")
    assert card.max_output == 8192


def test_the_output_limit_never_exceeds_the_window_unless_it_is_stated() -> None:
    assert card_of("{id: openai/gpt-6-luna, context_window: 1000}").max_output == 1000
    assert card_of(f"{{id: a/b, base_url: 'https://h', auth: none, {SMALL}}}").max_output == 8192


@pytest.mark.parametrize("provider", ["ollama", "vllm", "llamacpp", "lmstudio"])
def test_local_servers_need_only_a_name_and_cost_nothing(provider: str) -> None:
    card = card_of(f"{provider}/anything:1b")
    assert (card.tier, card.price.input, card.price.output, card.price.source) == ("local", 0, 0, "local")
    assert card.context_window <= 8192


def test_keyless_on_loopback_costs_nothing_unless_stated() -> None:
    card = card_of("{id: a/b, base_url: 'http://localhost:1/v1', auth: none, tier: local, context_window: 9}")
    assert card.price == Price(0, 0, source="local")
    assert card_of(f"{{id: a/b, base_url: 'http://localhost:1/v1', auth: none, {SMALL}}}").price.source == "config"


def test_a_model_with_its_own_address_gets_a_provider_of_that_name() -> None:
    text = f"models: [{{id: acme/a, base_url: 'https://a.example/v1/', api_key: k, dialects: [anthropic], {SMALL}}}]"
    (provider,) = providers_of(text).values()
    assert (provider.name, provider.base_url, provider.dialects, provider.auth) == (
        "acme",
        "https://a.example/v1",
        ("anthropic",),
        "bearer",
    )


def test_equal_addresses_share_a_provider_and_others_do_not() -> None:
    same = "base_url: 'https://a.example', api_key: k"
    text = (
        f"models: [{{id: acme/a, {same}, {SMALL}}}, {{id: acme/b, {same}, {SMALL}}},"
        f" {{id: acme/c, base_url: 'https://c.example', api_key: k, {SMALL}}}]"
    )
    assert list(providers_of(text)) == ["acme", "acme/c"]


def test_a_model_of_a_declared_provider_with_its_own_key_gets_a_provider_of_its_own() -> None:
    snapshot = parsed("models: [openai/gpt-6-luna, {id: openai/gpt-6.1-sol, api_key: other}]").snapshot
    assert list(snapshot.providers) == ["openai", "openai/gpt-6.1-sol"]
    own = snapshot.providers["openai/gpt-6.1-sol"]
    assert (own.base_url, own.dialects) == ("https://api.openai.com/v1", ("openai-chat", "openai-responses"))
    assert own.api_key != snapshot.providers["openai"].api_key
    assert snapshot.cards["openai/gpt-6.1-sol"].price.source.startswith("genai-prices")


def test_providers_without_models_are_not_made() -> None:
    assert list(
        providers_of("providers: {mistral: {}, far: {base_url: 'https://f'}}\nmodels: [openai/gpt-6-luna]")
    ) == ["openai"]


def test_a_keyless_provider_carries_no_key() -> None:
    text = "providers: {openai: {base_url: 'http://127.0.0.1:1/v1', auth: none}}\nmodels: [openai/gpt-6-luna]"
    assert providers_of(text)["openai"].api_key is None
    assert ENV["OPENAI_API_KEY"]


def test_forwarded_headers_are_lower_case() -> None:
    text = "providers: {openai: {forward_headers: [OpenAI-Project]}}\nmodels: [openai/gpt-6-luna]"
    assert providers_of(text)["openai"].forward_headers == ("openai-project",)
