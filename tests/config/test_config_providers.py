"""Providers of every kind, from a file and from the variables that people already have."""

import json

import jsonschema
import pytest

from baton.config.environment import config_from_environment
from baton.config.shape import json_schema
from baton.types.card import Provider
from baton.types.errors import ConfigError
from baton.types.quirks import Quirks

from .texts import DAY, only_problem_of, parsed

AZURE = {"AZURE_OPENAI_API_KEY": "k-1", "AZURE_OPENAI_ENDPOINT": "https://my.openai.azure.com/"}


def provider_of(text: str, **env: str) -> Provider:
    (provider,) = parsed(text, env).snapshot.providers.values()
    return provider


def test_azure_is_found_by_its_own_variables() -> None:
    config = config_from_environment(AZURE | {"BATON_MODELS": "azure/gpt-6-luna"}, day=DAY)
    provider = config.snapshot.providers["azure"]
    assert (provider.base_url, provider.auth, provider.kind) == ("https://my.openai.azure.com", "api-key", "azure")
    assert provider.options == {}
    assert config.snapshot.cards["azure/gpt-6-luna"].price.output > 0


def test_azure_takes_resource_and_api_version_from_the_environment() -> None:
    provider = provider_of(
        "models: [azure/gpt-4o]", AZURE_API_KEY="k", AZURE_RESOURCE_NAME="my", OPENAI_API_VERSION="2024-10-21"
    )
    assert provider.base_url == "https://my.openai.azure.com"
    assert provider.options == {"resource": "my", "api_version": "2024-10-21"}


def test_wildcards_do_not_cover_deployments() -> None:
    with pytest.raises(ConfigError, match="BATON_MODELS=azure/MODEL"):
        config_from_environment(AZURE, day=DAY)


def test_a_missing_resource_is_told_with_what_would_help() -> None:
    assert "provider 'azure' has no resource: set AZURE_RESOURCE_NAME, or give it" in only_problem_of(
        "models: [azure/gpt-4o]", {"AZURE_API_KEY": "k"}
    )


def test_bedrock_signs_where_there_is_no_bearer_key() -> None:
    text = "models: [bedrock/*]"
    assert provider_of(text, AWS_REGION="eu-west-1").auth == "sigv4"
    provider = provider_of(text, AWS_REGION="eu-west-1", AWS_BEARER_TOKEN_BEDROCK="b")
    assert (provider.auth, provider.base_url) == ("bearer", "https://bedrock-runtime.eu-west-1.amazonaws.com")


@pytest.mark.parametrize(
    ("switch", "provider"),
    [
        ("CLAUDE_CODE_USE_BEDROCK", "bedrock"),
        ("CLAUDE_CODE_USE_VERTEX", "vertex-anthropic"),
        ("GOOGLE_GENAI_USE_VERTEXAI", "vertex"),
    ],
)
def test_a_switch_that_is_on_brings_a_cloud_without_a_key(switch: str, provider: str) -> None:
    env = {"GOOGLE_CLOUD_PROJECT": "p-1", switch: "true"}
    found = config_from_environment(env, day=DAY).snapshot
    assert list(found.providers) == [provider]
    assert len(found.cards) >= 3
    with pytest.raises(ConfigError, match="no provider is found"):
        config_from_environment(env | {switch: "0"}, day=DAY)


def test_vertex_needs_a_project() -> None:
    assert "provider 'vertex' has no project: set GOOGLE_CLOUD_PROJECT" in only_problem_of("models: [vertex/*]", {})
    provider = provider_of("models: [vertex/*]", GOOGLE_CLOUD_PROJECT="p-1", GOOGLE_CLOUD_LOCATION="europe-west1")
    assert provider.base_url == "https://europe-west1-aiplatform.googleapis.com"
    assert provider.options == {"project": "p-1", "location": "europe-west1"}


def test_a_file_states_kind_and_options() -> None:
    text = """
providers:
  mine: {kind: azure, base_url: "https://x.example", auth: none, options: {api_version: 2024-10-21}}
models: [{id: mine/d, tier: mid, context_window: 1000, price: {input_usd: 1, output_usd: 1}}]
"""
    provider = provider_of(text)
    assert (provider.kind, provider.options) == ("azure", {"api_version": "2024-10-21"})


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("kind: azuer", "provider kind 'azuer' is not known: known are anthropic, azure, bedrock"),
        ("kind: azure, options: {version: a}", "'version' is no option of kind 'azure'"),
        ("kind: azure, options: {api_version: a/../b}", "'a/../b' is no api_version"),
        ("kind: vertex, options: {location: global}", "provider 'mine' has no project: give it under providers.mine"),
    ],
)
def test_what_is_wrong_with_a_kind_is_told(more: str, said: str) -> None:
    text = f"""
providers:
  mine: {{base_url: "https://x.example", auth: none, {more}}}
models: [{{id: mine/d, tier: mid, context_window: 1000, price: {{input_usd: 1, output_usd: 1}}}}]
"""
    assert said in only_problem_of(text)


def test_another_server_under_the_name_of_openai_is_only_compatible() -> None:
    assert provider_of("models: [openai/gpt-6-luna]", OPENAI_API_KEY="k").kind == "openai"
    text = "providers: {openai: {base_url: 'http://box.lan/v1', auth: none}}\nmodels: [openai/gpt-6-luna]"
    assert provider_of(text).kind == "openai-compatible"


QUIRKS = """
providers:
  sim: {base_url: http://127.0.0.1:9000/v1, auth: none, quirks: {tool_id_length: 40, sampling: [temperature]}}
models:
  - id: sim/a
    tier: mid
    context_window: 1000
    price: {input_usd: 1, output_usd: 1}
    quirks: {sampling: [], efforts: [low, high], prefill: no}
  - {id: sim/b, tier: mid, context_window: 1000, price: {input_usd: 1, output_usd: 1}}
"""


def test_quirks_of_a_model_lie_over_those_of_its_provider() -> None:
    text = QUIRKS.replace("prefill: no", "prefill: false")
    found = parsed(text).quirks
    assert found["sim/a"] == Quirks(tool_id_length=40, sampling=frozenset(), efforts=("low", "high"), prefill=False)
    assert found["sim/b"] == Quirks(tool_id_length=40, sampling=frozenset({"temperature"}))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("prefill: no", "must be true or false"),
        ("flat_text: [true]", "must be true or false, not a list"),
        ("stop_limit: -1", "must be at least 0"),
        ("tool_id_length: 9", "must be at least 37"),
        ("reasoning_style: loud", "'loud' is not a choice here"),
        ("temprature: 1", "unknown key 'temprature'"),
    ],
)
def test_a_wrong_quirk_is_told(wrong: str, said: str) -> None:
    assert said in only_problem_of(QUIRKS.replace("prefill: no", wrong))


def test_the_schema_knows_kinds_options_and_quirks() -> None:
    schema = json_schema()
    told = json.dumps(schema["$defs"]["Quirks"])
    assert all(name in told for name in Quirks.__struct_fields__)
    assert "Steps of reasoning effort it has" in told
    jsonschema.validate({"models": ["a/b"], "providers": {"a": {"quirks": {"sampling": []}, "kind": "azure"}}}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"models": ["a/b"], "providers": {"a": {"quirks": {"samplng": []}}}}, schema)
