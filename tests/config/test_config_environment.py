"""A config without a file: what the environment offers, and only that."""

import pytest

from baton.config.environment import config_from_environment
from baton.config.keys import why_not_bind
from baton.config.providers import ollama_address
from baton.config.schema import Config, KeyConfig
from baton.types.errors import ConfigError
from baton.types.secret import Secret

from .texts import DAY, parsed


def found(**env: str) -> Config:
    return config_from_environment(env, day=DAY)


@pytest.mark.parametrize(
    ("variable", "provider", "base_url", "auth", "dialect"),
    [
        ("OPENAI_API_KEY", "openai", "https://api.openai.com/v1", "bearer", "openai-chat"),
        ("ANTHROPIC_API_KEY", "anthropic", "https://api.anthropic.com", "x-api-key", "anthropic"),
        ("ANTHROPIC_AUTH_TOKEN", "anthropic", "https://api.anthropic.com", "bearer", "anthropic"),
        (
            "GEMINI_API_KEY",
            "gemini",
            "https://generativelanguage.googleapis.com/v1beta",
            "x-goog-api-key",
            "gemini",
        ),
        (
            "GOOGLE_API_KEY",
            "gemini",
            "https://generativelanguage.googleapis.com/v1beta",
            "x-goog-api-key",
            "gemini",
        ),
        ("OPENROUTER_API_KEY", "openrouter", "https://openrouter.ai/api/v1", "bearer", "openai-chat"),
        ("DEEPSEEK_API_KEY", "deepseek", "https://api.deepseek.com/v1", "bearer", "openai-chat"),
        ("MISTRAL_API_KEY", "mistral", "https://api.mistral.ai/v1", "bearer", "openai-chat"),
        (
            "AWS_BEARER_TOKEN_BEDROCK",
            "bedrock",
            "https://bedrock-runtime.us-east-1.amazonaws.com",
            "bearer",
            "anthropic",
        ),
        ("XAI_API_KEY", "xai", "https://api.x.ai/v1", "bearer", "openai-chat"),
        ("GROQ_API_KEY", "groq", "https://api.groq.com/openai/v1", "bearer", "openai-chat"),
    ],
)
def test_a_key_brings_its_provider_and_priced_cards(
    variable: str, provider: str, base_url: str, auth: str, dialect: str
) -> None:
    snapshot = found(**{variable: "k-12345678"}).snapshot
    assert list(snapshot.providers) == [provider]
    one = snapshot.providers[provider]
    assert (one.base_url, one.auth, one.api_key) == (base_url, auth, Secret("k-12345678"))
    assert dialect in one.dialects
    assert len(snapshot.cards) >= 2
    for card in snapshot.cards.values():
        assert card.provider == provider
        assert card.price.output > 0
        assert card.price.source.startswith("genai-prices ")


def test_several_keys_bring_several_providers() -> None:
    config = found(OPENAI_API_KEY="a", ANTHROPIC_API_KEY="b", HOME="/root")
    assert set(config.snapshot.providers) == {"openai", "anthropic"}
    assert {"openai: found by OPENAI_API_KEY, 4 models", "anthropic: found by ANTHROPIC_API_KEY, 5 models"} == set(
        config.notes
    )


def test_nothing_to_serve_is_told_with_what_would_help() -> None:
    with pytest.raises(ConfigError, match="set one of OPENAI_API_KEY, ANTHROPIC_API_KEY"):
        found(OPENAI_API_KEY="")
    with pytest.raises(ConfigError, match="BATON_MODELS=azure/MODEL"):
        found(AZURE_OPENAI_API_KEY="k", AZURE_RESOURCE_NAME="r")


def test_a_local_server_alone_serves_its_built_in_cards_and_is_told_to_name_its_own() -> None:
    config = found(OLLAMA_HOST="box.lan")
    assert config.snapshot.providers["ollama"].base_url == "http://box.lan:11434/v1"
    assert {"ollama/qwen3:8b", "ollama/llama3.2:3b"} < set(config.snapshot.cards)
    assert {card.price.output for card in config.snapshot.cards.values()} == {0}
    assert any("BATON_MODELS=ollama/MODEL" in note for note in config.notes)


def test_a_local_server_beside_a_hosted_one_is_used_only_where_it_is_named() -> None:
    config = found(OLLAMA_HOST="127.0.0.1", OPENAI_API_KEY="a")
    assert list(config.snapshot.providers) == ["openai"]
    assert any("no model of it is named in BATON_MODELS" in note for note in config.notes)


def test_baton_models_names_what_is_served() -> None:
    config = found(
        OPENAI_API_KEY="a", OLLAMA_HOST="0.0.0.0", BATON_MODELS=" ollama/qwen3:8b, openai/gpt-6-* ,ollama/my:1b,"
    )
    assert list(config.snapshot.cards) == [
        "ollama/qwen3:8b",
        "openai/gpt-6-astra",
        "openai/gpt-6-luna",
        "ollama/my:1b",
    ]
    local = config.snapshot.cards["ollama/my:1b"]
    assert (local.tier, local.price.input, local.price.output, local.price.source) == ("local", 0, 0, "local")
    assert config.snapshot.providers["ollama"].base_url == "http://127.0.0.1:11434/v1"


def test_a_wrong_name_in_baton_models_is_told() -> None:
    with pytest.raises(ConfigError, match="did you mean 'openai/gpt-6-luna'"):
        found(OPENAI_API_KEY="a", BATON_MODELS="openai/gpt-6-lunar")


def test_baton_key_locks_the_door() -> None:
    assert found(OPENAI_API_KEY="a").server.keys == ()
    keys = found(OPENAI_API_KEY="a", BATON_KEY="my-key").server.keys
    assert [key.name for key in keys] == ["default"]


def test_vendors_base_urls_are_followed() -> None:
    config = found(OPENAI_API_KEY="a", OPENAI_BASE_URL="https://proxy.example/v1")
    assert config.snapshot.providers["openai"].base_url == "https://proxy.example/v1"


def test_a_base_url_that_points_at_baton_itself_is_not_followed() -> None:
    config = found(OPENAI_API_KEY="a", OPENAI_BASE_URL="http://localhost:4141/v1")
    assert config.snapshot.providers["openai"].base_url == "https://api.openai.com/v1"
    assert any("OPENAI_BASE_URL points at Baton itself" in note for note in config.notes)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:11434/v1"),
        ("0.0.0.0", "http://127.0.0.1:11434/v1"),
        ("0.0.0.0:8000", "http://127.0.0.1:8000/v1"),
        (":8000", "http://127.0.0.1:8000/v1"),
        ("box.lan", "http://box.lan:11434/v1"),
        ("http://box.lan:99", "http://box.lan:99/v1"),
        ("https://box.lan", "https://box.lan/v1"),
        ("https://box.lan/ollama/", "https://box.lan/ollama"),
        ("[::1]:8000", "http://[::1]:8000/v1"),
        ("[::]", "http://127.0.0.1:11434/v1"),
    ],
)
def test_ollama_host_in_all_its_forms(host: str, address: str) -> None:
    assert ollama_address(host) == address


@pytest.mark.parametrize("host", ["http://[", "host:port", "ftp://x"])
def test_an_ollama_host_that_is_no_address_is_told(host: str) -> None:
    with pytest.raises(ConfigError, match="OLLAMA_HOST holds no address"):
        found(OLLAMA_HOST=host, BATON_MODELS="ollama/a")


def test_a_file_uses_keys_of_the_environment_too() -> None:
    provider = parsed("models: [openai/gpt-6-luna]", {"OPENAI_API_KEY": "k-1"}).snapshot.providers["openai"]
    assert provider.api_key == Secret("k-1")
    own = "providers: {openai: {api_key: mine, headers: {OpenAI-Organization: org}}}\nmodels: [openai/gpt-6-luna]"
    provider = parsed(own, {"OPENAI_API_KEY": "k-1"}).snapshot.providers["openai"]
    assert (provider.api_key, provider.headers) == (Secret("mine"), {"OpenAI-Organization": "org"})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "::1"])
def test_loopback_may_be_bound_without_a_key(host: str) -> None:
    assert why_not_bind(host, ()) == ""


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.2", "localhost.example", "gateway"])
def test_anything_else_needs_a_key(host: str) -> None:
    assert "no key is configured" in why_not_bind(host, ())
    assert why_not_bind(host, (KeyConfig(name="a", key=Secret("k")),)) == ""
