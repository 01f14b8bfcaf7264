"""Codex: `config.toml` with a provider of its own; it speaks Responses only."""

from collections.abc import Mapping

from baton.cli.wire.entries import Entries, Gateway

PROVIDER = ("model_providers", "baton")


def path(env: Mapping[str, str], home: str) -> str:
    return (env.get("CODEX_HOME") or f"{home}/.codex") + "/config.toml"


def entries(gateway: Gateway) -> Entries:
    return {
        ("model",): "auto",
        ("model_provider",): "baton",
        (*PROVIDER, "name"): "Baton",
        (*PROVIDER, "base_url"): f"{gateway.url}/v1",
        (*PROVIDER, "wire_api"): "responses",
        (*PROVIDER, "experimental_bearer_token"): gateway.key,
    }
