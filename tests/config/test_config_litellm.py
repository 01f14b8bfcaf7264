"""A LiteLLM config becomes a baton.yaml that loads; what has no counterpart is told."""

from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from baton.config.litellm import Imported, import_litellm
from baton.config.load import parse_config
from baton.config.schema import Config
from baton.types.errors import ConfigError
from baton.types.money import Price, price_from_usd

from .texts import DAY

ENV = {
    name: f"key-of-{name}"
    for name in (
        "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "SECOND_KEY", "ACME_KEY", "MASTER", "BATON_MASTER_KEY", "GROQ_API_KEY",
        "TOGETHER_API_KEY", "FIREWORKS_API_KEY",
    )
} | {"ACME_BASE": "https://acme.example/v1"}  # fmt: skip


def imported(text: str) -> Imported:
    return import_litellm(text, day=DAY)


def loaded(made: Imported, env: Mapping[str, str] = ENV) -> Config:
    return parse_config(made.text, env, day=DAY)


def of_models(*entries: dict[str, Any], **sections: Any) -> Imported:
    return imported(yaml.safe_dump({"model_list": list(entries), **sections}))


def entry(name: str, model: str, info: dict[str, Any] | None = None, **params: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"model_name": name, "litellm_params": {"model": model, **params}}
    return made if info is None else {**made, "model_info": info}


def test_a_builtin_model_is_carried_over_by_its_name() -> None:
    made = of_models(entry("gpt-4o", "openai/gpt-4o", api_key="os.environ/OPENAI_API_KEY"))
    config = loaded(made)
    assert list(config.snapshot.cards) == ["openai/gpt-4o"]
    assert config.snapshot.aliases == {"gpt-4o": "openai/gpt-4o"}
    assert made.notes == ()


def test_the_name_that_callers_use_becomes_an_alias() -> None:
    config = loaded(of_models(entry("smart", "claude-opus-5-5")))
    assert config.snapshot.aliases["smart"] == "anthropic/claude-opus-5-5"


def test_a_model_at_an_address_of_its_own_is_carried_over_with_its_facts() -> None:
    made = of_models(
        entry(
            "mine",
            "openai/my-model",
            {
                "input_cost_per_token": 0.0000015,
                "output_cost_per_token": "6e-06",
                "cache_read_input_token_cost": 1e-7,
                "max_input_tokens": 32000,
                "max_output_tokens": 4000,
                "supports_function_calling": True,
                "supports_vision": False,
            },
            api_base="https://llm.acme.example/v1",
            api_key="os.environ/ACME_KEY",
        )
    )
    (card,) = loaded(made).snapshot.cards.values()
    provider = loaded(made).snapshot.providers[card.provider]
    assert (card.id, card.upstream) == ("llm.acme.example/my-model", "my-model")
    assert card.price == price_from_usd("1.5", "6", "0.1")
    assert (card.context_window, card.max_output, card.capabilities) == (32000, 4000, frozenset({"tools"}))
    assert provider.base_url == "https://llm.acme.example/v1"
    assert provider.api_key is not None
    assert provider.api_key.reveal() == ENV["ACME_KEY"]
    assert any("tier: assumed" in note for note in made.notes)


def test_an_address_in_a_variable_stays_in_it() -> None:
    made = of_models(
        entry("a", "openai/m", {"input_cost_per_token": 0, "output_cost_per_token": 0}, api_base="os.environ/ACME_BASE")
    )
    (provider,) = loaded(made).snapshot.providers.values()
    assert (provider.base_url, provider.auth) == ("https://acme.example/v1", "none")


@pytest.mark.parametrize("model", ["ollama/qwen3:8b", "ollama_chat/qwen3:8b"])
@pytest.mark.parametrize("base", [None, "http://localhost:11434", "http://127.0.0.1:11434/"])
def test_a_local_model_costs_nothing(model: str, base: str | None) -> None:
    params: dict[str, Any] = {} if base is None else {"api_base": base}
    made = of_models(entry("l", model, **params))
    config = loaded(made, {})
    assert config.snapshot.cards["ollama/qwen3:8b"].price == Price(0, 0, source="local")
    assert config.snapshot.providers["ollama"].base_url == "http://127.0.0.1:11434/v1"


def test_a_self_hosted_model_elsewhere_costs_nothing_either() -> None:
    (card,) = loaded(of_models(entry("l", "ollama/x", api_base="http://gpu.lan:11434")), {}).snapshot.cards.values()
    assert (card.id, card.tier, card.price.output) == ("gpu.lan-11434/x", "local", 0)


CLOUDS = """
model_list:
  - model_name: gpt-4o
    litellm_params:
      model: azure/chat-prod
      api_base: https://acme-east.openai.azure.com/
      api_key: os.environ/AZURE_API_KEY
      api_version: "2024-10-21"
    model_info: {base_model: azure/gpt-4o}
  - model_name: gpt-4.1
    litellm_params:
      model: azure/gpt-4.1
      api_base: https://acme-west.openai.azure.com/openai/deployments/gpt-4.1
      api_key: os.environ/AZURE_WEST_KEY
  - model_name: claude
    litellm_params:
      model: bedrock/converse/us.anthropic.claude-sonnet-4-5-20250929-v1:0
      aws_access_key_id: os.environ/AWS_ACCESS_KEY_ID
      aws_secret_access_key: os.environ/CORP_AWS_SECRET
      aws_region_name: us-west-2
  - model_name: oss
    litellm_params: {model: bedrock/eu-central-1/openai.gpt-oss-120b-1:0}
  - model_name: gemini
    litellm_params:
      model: vertex_ai/gemini-2.5-pro
      vertex_project: acme-prod
      vertex_location: europe-west1
      vertex_credentials: /keys/sa.json
  - model_name: vertex-claude
    litellm_params:
      model: vertex_ai/claude-sonnet-4-5@20250929
      vertex_project: os.environ/VERTEX_PROJECT
      vertex_location: us-east5
  - model_name: vertex-elsewhere
    litellm_params: {model: vertex_ai/gemini-2.5-flash, vertex_project: acme-test, vertex_location: global}
"""


def test_azure_bedrock_and_vertex_are_carried_over_with_their_accounts() -> None:
    env = {"AZURE_API_KEY": "k-east", "AZURE_WEST_KEY": "k-west", "VERTEX_PROJECT": "acme-claude"}
    made = imported(CLOUDS)
    snapshot = loaded(made, env).snapshot
    kinds = {card.id: snapshot.providers[card.provider] for card in snapshot.cards.values()}
    assert {
        model: (one.kind, one.base_url, dict(one.options), one.dialects[0], one.auth) for model, one in kinds.items()
    } == {
        "azure/chat-prod": (
            "azure", "https://acme-east.openai.azure.com", {"api_version": "2024-10-21"}, "openai-chat", "api-key"
        ),
        "azure/gpt-4.1": ("azure", "https://acme-west.openai.azure.com", {}, "openai-chat", "api-key"),
        "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0": (
            "bedrock", "https://bedrock-runtime.us-west-2.amazonaws.com", {"region": "us-west-2"}, "anthropic", "sigv4"
        ),
        "bedrock/openai.gpt-oss-120b-1:0": (
            "bedrock", "https://bedrock-runtime.eu-central-1.amazonaws.com", {"region": "eu-central-1"}, "openai-chat",
            "sigv4",
        ),
        "vertex/gemini-2.5-pro": (
            "vertex", "https://europe-west1-aiplatform.googleapis.com",
            {"project": "acme-prod", "location": "europe-west1"}, "gemini", "google",
        ),
        "vertex-anthropic/claude-sonnet-4-5@20250929": (
            "vertex", "https://us-east5-aiplatform.googleapis.com",
            {"project": "acme-claude", "location": "us-east5"}, "anthropic", "google",
        ),
        "vertex/gemini-2.5-flash": (
            "vertex", "https://global-aiplatform.googleapis.com", {"project": "acme-test", "location": "global"},
            "gemini", "google",
        ),
    }  # fmt: skip
    keys = [kinds[model].api_key for model in ("azure/chat-prod", "azure/gpt-4.1")]
    assert [key.reveal() for key in keys if key is not None] == ["k-east", "k-west"]


def test_models_of_clouds_bear_what_is_known_of_them() -> None:
    env = {"AZURE_API_KEY": "k-east", "AZURE_WEST_KEY": "k-west", "VERTEX_PROJECT": "acme-claude"}
    made = imported(CLOUDS)
    cards = loaded(made, env).snapshot.cards
    own, listed = (
        cards["azure/chat-prod"],
        loaded(of_models(entry("a", "openai/gpt-4o"))).snapshot.cards["openai/gpt-4o"],
    )
    assert (own.price.input, own.price.cache_read) == (listed.price.input, listed.price.cache_read)
    assert (own.tier, own.context_window, own.capabilities) == (listed.tier, listed.context_window, listed.capabilities)
    assert {"tools", "reasoning"} <= cards["bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0"].capabilities
    assert cards["bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0"].price.input == 3_300_000_000, (
        "not the global one"
    )
    assert cards["vertex/gemini-2.5-flash"].price.source == "config"
    into = "is left out: put it into the environment variable"
    assert [note for note in made.notes if "tier" not in note and "context_window" not in note] == [
        f"model_list[2]: aws_secret_access_key {into} AWS_SECRET_ACCESS_KEY",
        f"model_list[4]: vertex_credentials {into} GOOGLE_APPLICATION_CREDENTIALS",
    ]


def test_several_deployments_become_several_models_and_one_alias() -> None:
    made = of_models(
        entry("chat", "openai/gpt-4o"),
        entry("chat", "openai/gpt-4o", api_key="os.environ/SECOND_KEY"),
        entry("chat", "groq/llama-3.1-8b-instant"),
    )
    config = loaded(made)
    assert list(config.snapshot.cards) == ["openai/gpt-4o", "openai/gpt-4o-2", "groq/llama-3.1-8b-instant"]
    assert config.snapshot.cards["openai/gpt-4o-2"].upstream == "gpt-4o"
    assert config.snapshot.aliases["chat"] == "openai/gpt-4o"
    assert sum("has several deployments" in note for note in made.notes) == 2


def test_wildcards_cover_builtin_models_once() -> None:
    made = of_models(entry("openai/*", "openai/*"), entry("*", "openai/*"), entry("none", "mars/*"))
    assert len(loaded(made).snapshot.cards) > 2
    assert any("not every model" in note for note in made.notes)
    assert any("covers no built-in model" in note for note in made.notes)


def test_aliases_of_groups_and_the_master_key_are_carried_over() -> None:
    made = of_models(
        entry("chat", "openai/gpt-4o"),
        router_settings={"model_group_alias": {"old": "chat", "older": {"model": "chat", "hidden": True}, "bad": "?"}},
        general_settings={"master_key": "os.environ/MASTER"},
    )
    config = loaded(made)
    assert config.snapshot.aliases["old"] == config.snapshot.aliases["older"] == "openai/gpt-4o"
    assert [key.name for key in config.server.keys] == ["master"]
    assert [note for note in made.notes if "model_group_alias" in note] == [
        "router_settings.model_group_alias: 'bad': left out: its target is not carried over"
    ]


@pytest.mark.parametrize(
    ("model", "params", "said"),
    [
        ("azure/gpt4o-deploy", {"api_base": "https://x.example"}, "no price is known for 'gpt4o-deploy'"),
        ("azure/gpt-4o", {"api_base": "x"}, "its api_base is not an address"),
        ("azure/gpt-4o", {"api_base": "https://x.example", "api_version": "a/b"}, "its api_version 'a/b' is none"),
        ("azure_ai/gpt-4o", {"api_base": "https://x.example"}, "azure_ai is asked in a way of its own"),
        ("bedrock/amazon.nova-pro-v1:0", {}, "'amazon.nova-pro-v1:0' at bedrock is asked in a way of its own"),
        ("vertex_ai/mistral-large@2411", {}, "'mistral-large@2411' at vertex_ai is asked in a way of its own"),
        ("mars/model", {}, "provider 'mars' is not built in"),
        ("just-a-name", {}, "does not say whose model it is"),
        ("openai/my-model", {"api_base": "https://x.example"}, "no price is known for 'my-model'"),
        ("openai/gpt-4o", {"api_base": "not an address"}, "its api_base is not an address"),
        ("openai/two words", {}, "cannot be part of a model id"),
        ("openai/text-embedding-3-small", {"mode": "embedding"}, "its mode is 'embedding'"),
    ],
)
def test_what_cannot_be_carried_over_is_told_and_stands_as_a_comment(
    model: str, params: dict[str, Any], said: str
) -> None:
    made = of_models(entry("kept", "openai/gpt-4o"), entry("lost", model, **params))
    assert any("model_list[1]: left out: " in note and said in note for note in made.notes), made.notes
    assert "# 'lost': left out: " in made.text
    assert list(loaded(made).snapshot.cards) == ["openai/gpt-4o"]


def test_every_setting_without_a_counterpart_is_told() -> None:
    made = of_models(
        {**entry("a", "openai/gpt-4o", rpm=1, temperature=0.1), "tags": ["x"]},
        router_settings={"routing_strategy": "x", "fallbacks": []},
        litellm_settings={"drop_params": True},
        general_settings={"database_url": "x"},
        environment_variables={"A": "b"},
    )
    told = "\n".join(made.notes)
    for name in (
        "rpm", "temperature", "tags", "router_settings.routing_strategy", "router_settings.fallbacks",
        "litellm_settings.drop_params", "general_settings.database_url", "environment_variables",
    ):  # fmt: skip
        assert name in told


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("- a", "has no list `model_list`"),
        ("model_list: {}", "has no list `model_list`"),
        ("model_list: []", "has no list `model_list`"),
        ("models: [openai/*]", "has no list `model_list`"),
        ("model_list: [a, {model_name: b}, {litellm_params: {model: 1}}]", "no model can be carried over"),
        ("model_list: [{litellm_params: {model: watsonx/x}}]", "no model can be carried over"),
        ("a: [", "is not YAML"),
        ("a: &a [*a]", "inside of itself"),
    ],
)
def test_what_is_no_litellm_config_is_refused(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said.replace("(", "\\(").replace("[", "\\[")):
        imported(text)


NAMES = st.sampled_from(
    [
        "openai/gpt-4o",
        "gpt-4o",
        "groq/llama-3.1-8b-instant",
        "ollama/x",
        "azure/y",
        "azure/gpt-4o",
        "bedrock/us-west-2/anthropic.claude-sonnet-4-5-20250929-v1:0",
        "bedrock/openai.gpt-oss-120b-1:0",
        "vertex_ai/gemini-2.5-pro",
        "vertex_ai/claude-opus-5-5",
        "vertex_ai/meta/llama",
        "openai/*",
        "openai/o4-mini",
        "hosted_vllm/Qwen/Qwen3-8B",
        "together_ai/m",
        "claude-opus-5-5",
        "openai/weird name",
        "auto",
    ]
)
VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-5, 10**6)
    | st.floats()
    | st.text(max_size=6)
    | st.lists(st.none(), max_size=1)
)
PARAMS = st.dictionaries(
    st.sampled_from(
        [
            "api_key",
            "rpm",
            "api_base",
            "input_cost_per_token",
            "output_cost_per_token",
            "max_tokens",
            "mode",
            "max_output_tokens",
            "custom_llm_provider",
            "supports_vision",
            "base_model",
            "api_version",
            "aws_region_name",
            "vertex_project",
            "vertex_location",
        ]
    ),
    VALUES | st.sampled_from(["os.environ/OPENAI_API_KEY", "http://localhost:1/v1", "chat", "openai"]),
    max_size=4,
)
ENTRIES = st.builds(
    lambda asked, model, params, info: {
        "model_name": asked,
        "litellm_params": {"model": model, **params},
        "model_info": info,
    },
    NAMES | VALUES,
    NAMES | VALUES,
    PARAMS,
    PARAMS | VALUES,
)


@given(st.lists(ENTRIES | VALUES, max_size=4))
def test_whatever_is_imported_loads(entries: list[Any]) -> None:
    try:
        made = of_models(*entries)
    except ConfigError:
        return
    names = {"OPENAI_API_KEY", *ENV}
    env = dict.fromkeys(names, "k-12345678")
    env |= {
        f"{name}_API_KEY": "k-12345678" for name in ("VLLM", "OLLAMA", "OPENAI", "TOGETHER", "AUTO", "CLAUDE", "AZURE")
    }
    env |= {"AZURE_API_BASE": "https://x.example", "GOOGLE_CLOUD_PROJECT": "p", "VERTEX_TOKEN": "k-12345678"}
    loaded(made, env)


def test_a_local_server_that_wants_a_key_gets_it_and_a_dummy_is_left_out() -> None:
    made = of_models(
        entry("a", "hosted_vllm/m", api_base="http://127.0.0.1:9/v1", api_key="os.environ/SECOND_KEY"),
        entry("b", "hosted_vllm/n", api_base="http://127.0.0.1:8/v1", api_key="EMPTY"),
    )
    first, second = loaded(made).snapshot.providers.values()
    assert first.auth == "bearer"
    assert first.api_key is not None
    assert (second.auth, second.api_key) == ("none", None)
    assert any("its key is left out" in note for note in made.notes)
