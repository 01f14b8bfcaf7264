"""One entry of a LiteLLM `model_list` -> one item of `models`, with remarks on what was assumed or left out."""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from baton.config.catalogue import BuiltinProvider, catalogue
from baton.config.checks import is_loopback, model_problem, url_problem
from baton.config.litellm_clouds import MEMBERS, OPTIONS, Accounts, Cloud, cloud_of
from baton.config.litellm_values import NotCarried, variable_in
from baton.config.prices import Listed, listed
from baton.config.problems import shown
from baton.config.providers import ollama_address
from baton.types.money import usd_from_nano

ASSUMED_WINDOW = 8192
"""Tokens, for a model about which neither side says anything."""
TOKENS_PER_PRICE = 1_000_000
"""LiteLLM prices one token, Baton a million."""

PROVIDERS = {
    "together_ai": "together",
    "fireworks_ai": "fireworks",
    "ollama_chat": "ollama",
    "hosted_vllm": "vllm",
    "lm_studio": "lmstudio",
    "custom_openai": "openai",
    "openai_like": "openai",
    "litellm_proxy": "openai",
}
"""LiteLLM's names of providers where Baton's differ."""
OTHER_WIRES = {"azure_ai", "sagemaker", "watsonx", "snowflake", "databricks"}
"""Providers that are asked in grammars, or behind sign-ins, that Baton does not speak."""
VENDORS = {"gpt": "openai", "o1": "openai", "o3": "openai", "o4": "openai", "claude": "anthropic", "gemini": "gemini"}
"""Whose a model is that is named without its provider, by the beginning of its name."""
PRICES = {
    "input_cost_per_token": "input_usd",
    "output_cost_per_token": "output_usd",
    "cache_read_input_token_cost": "cache_read_usd",
    "cache_creation_input_token_cost": "cache_write_usd",
}
CAPABILITIES = {
    "supports_function_calling": "tools",
    "supports_vision": "image",
    "supports_pdf_input": "pdf",
    "supports_audio_input": "audio",
    "supports_response_schema": "structured_output",
    "supports_reasoning": "reasoning",
}
WINDOWS = ("max_input_tokens", "max_tokens")
ADDRESSES = ("api_base", "base_url")
CARRIED = {
    "model", "custom_llm_provider", "api_key", "mode", "id", "max_output_tokens",
    *ADDRESSES, *WINDOWS, *PRICES, *CAPABILITIES,
}  # fmt: skip
CHAT_MODES = (None, "chat", "completion", "responses")
NOT_LABEL = re.compile(r"[^a-z0-9.-]+")
NOT_VARIABLE = re.compile(r"[^A-Z0-9]|^(?=[0-9])")


class Deployment(Struct, frozen=True):
    """`item` is what `models` gets: a card, a wildcard, or None when the model cannot be carried over."""

    place: str
    asked: str
    model: str
    item: dict[str, Any] | str | None
    remarks: tuple[str, ...] = ()


def carry_over(entry: Any, place: str, day: date, accounts: Accounts) -> Deployment:
    params = entry.get("litellm_params") if isinstance(entry, dict) else None
    if not isinstance(params, dict) or not isinstance(params.get("model"), str):
        return Deployment(place, "", "", None, ("left out: it has no litellm_params.model",))
    info = entry.get("model_info")
    facts = {**(info if isinstance(info, dict) else {}), **params}
    asked = str(entry.get("model_name") or params["model"])
    dropped = _dropped(entry, facts)
    remarks = [*dropped]
    try:
        item = _wildcard(params["model"], remarks) if "*" in params["model"] else _card(facts, day, remarks, accounts)
    except NotCarried as reason:
        return Deployment(place, asked, "", None, (f"left out: {reason}", *dropped))
    return Deployment(place, asked, item if isinstance(item, str) else item["id"], item, tuple(remarks))


def _dropped(entry: Mapping[str, Any], facts: Mapping[str, Any]) -> list[str]:
    clouds = MEMBERS if _provider_named(facts) in OPTIONS else ()
    dropped = [name for name in facts if name not in CARRIED and name not in clouds]
    dropped += [name for name in entry if name not in {"model_name", "litellm_params", "model_info"}]
    return [f"no counterpart for {', '.join(map(str, dropped))}"] if dropped else []


def _wildcard(pattern: str, remarks: list[str]) -> str:
    count = len(catalogue().matching(pattern))
    if not count:
        raise NotCarried(f"{shown(pattern)} covers no built-in model: name the models you use")
    remarks.append(f"covers the {count} built-in models, not every model of the provider")
    return pattern


def _card(facts: Mapping[str, Any], day: date, remarks: list[str], accounts: Accounts) -> dict[str, Any]:
    if facts.get("mode") not in CHAT_MODES:
        raise NotCarried(f"its mode is {facts['mode']!r}, and Baton serves chat")
    provider, upstream = _provider_of(str(facts["model"]), facts)
    if provider in OPTIONS:
        return _cloud_card(cloud_of(provider, upstream, facts, remarks), facts, day, remarks, accounts)
    if provider in OTHER_WIRES:
        raise NotCarried(f"{provider} is asked in a way of its own, which Baton does not speak")
    host = catalogue().providers.get(provider)
    address = _address(provider, host, facts)
    if host is None and address is None:
        raise NotCarried(f"provider {shown(provider)} is not built in: write a card with its base_url")
    if model_problem(upstream):
        raise NotCarried(f"{shown(upstream)} cannot be part of a model id")
    card: dict[str, Any] = {"id": f"{provider if address is None else _label(address)}/{upstream}"}
    if address is not None:
        card |= {"base_url": address, "dialects": [host.dialects[0] if host else "openai-chat"]}
    card |= _key(provider, host, address, facts, remarks)
    card |= _attributes(card, provider, upstream, facts, day, remarks)
    return card


def _cloud_card(
    cloud: Cloud, facts: Mapping[str, Any], day: date, remarks: list[str], accounts: Accounts
) -> dict[str, Any]:
    if model_problem(cloud.upstream):
        raise NotCarried(f"{shown(cloud.upstream)} cannot be part of a model id")
    card: dict[str, Any] = {"id": f"{cloud.provider}/{cloud.upstream}"}
    found = _attributes(card, cloud.provider, cloud.listed_as, facts, day, remarks)
    name = accounts.name(cloud)
    if (name, cloud.listed_as) != (cloud.provider, cloud.upstream):
        found = _known_of(cloud, day) | found
    own = {"provider": name} if name != cloud.provider else {}
    return card | own | ({"dialects": list(cloud.dialects)} if cloud.dialects else {}) | found


def _known_of(cloud: Cloud, day: date) -> dict[str, Any]:
    """What is known of the model, for a card that does not bear its name."""
    known = catalogue().cards.get(f"{cloud.provider}/{cloud.listed_as}")
    in_table = _in_table(cloud.provider, cloud.upstream, day) or _in_table(cloud.provider, cloud.listed_as, day)
    found: dict[str, Any] = {}
    if in_table is not None:
        price = in_table.price
        rates = zip(PRICES.values(), (price.input, price.output, price.cache_read, price.cache_write), strict=True)
        found["price"] = {ours: usd_from_nano(rate) for ours, rate in rates if rate is not None}
        found |= {} if in_table.context_window is None else {"context_window": in_table.context_window}
    if known is not None:
        found |= {"tier": known.tier, "context_window": known.context_window, "max_output": known.max_output}
        found["capabilities"] = sorted(known.capabilities)
    return found


def _in_table(provider: str, model: str, day: date) -> Listed | None:
    host = catalogue().providers.get(provider)
    return listed(host.prices, model, day) if host is not None and host.prices else None


def _provider_of(model: str, facts: Mapping[str, Any]) -> tuple[str, str]:
    stated = facts.get("custom_llm_provider")
    provider, slash, upstream = model.partition("/")
    if isinstance(stated, str) and provider != stated:
        provider, upstream = stated, model
    elif not slash:
        provider, upstream = next((who for start, who in VENDORS.items() if model.startswith(start)), ""), model
        if not provider:
            raise NotCarried(f"{shown(model)} does not say whose model it is: write it as provider/model")
    return PROVIDERS.get(provider, provider), upstream


def _provider_named(facts: Mapping[str, Any]) -> str:
    stated = facts.get("custom_llm_provider")
    return stated if isinstance(stated, str) else str(facts["model"]).partition("/")[0]


def _address(provider: str, host: BuiltinProvider | None, facts: Mapping[str, Any]) -> str | None:
    """The address where it is not the built-in one of the provider."""
    given = next((facts[name] for name in ADDRESSES if isinstance(facts.get(name), str)), None)
    if given is None:
        return None
    if variable_in(given):
        return f"${{{variable_in(given)}}}"
    address = (ollama_address(given) if provider == "ollama" else given).rstrip("/")
    if problem := url_problem(address):
        raise NotCarried(f"its api_base {problem}")
    builtin = host.base_url.replace("127.0.0.1", "localhost") if host else None
    return None if address.replace("127.0.0.1", "localhost") == builtin else address


def _label(address: str) -> str:
    """A name for an address: of its host and port, or of the variable that holds it."""
    place = urlsplit(address).netloc or address
    return NOT_LABEL.sub("-", place.lower()).strip("-.")


def _key(
    provider: str, host: BuiltinProvider | None, address: str | None, facts: Mapping[str, Any], remarks: list[str]
) -> dict[str, str]:
    given, variable = facts.get("api_key"), variable_in(facts.get("api_key"))
    wants_none = host is not None and host.auth == "none"
    if not given or (wants_none and variable is None):
        if given:
            remarks.append("its key is left out: give api_key and auth: bearer if the server wants one")
        return {"auth": "none"} if address is not None or host is None else {}
    if wants_none:
        return {"auth": "bearer", "api_key": f"${{{variable}}}"}
    usual = host.key_variables[0] if host is not None and host.key_variables else None
    if variable is None:
        variable = usual if usual and address is None else f"{NOT_VARIABLE.sub('_', provider.upper())}_API_KEY"
        remarks.append(f"its key is written into the source: put it into the environment variable {variable}")
    if address is None and host is not None and variable in host.key_variables:
        return {}
    return {"api_key": f"${{{variable}}}", **({"auth": host.auth} if host and address else {})}


def _attributes(
    card: Mapping[str, Any], provider: str, upstream: str, facts: Mapping[str, Any], day: date, remarks: list[str]
) -> dict[str, Any]:
    known = None if "base_url" in card else catalogue().cards.get(f"{provider}/{upstream}")
    host = catalogue().providers.get(provider)
    local = catalogue().is_local(provider) or (card.get("auth") == "none" and _is_here(str(card.get("base_url", ""))))
    in_table = None if "base_url" in card else _in_table(provider, upstream, day)
    found: dict[str, Any] = {}
    if known is None:
        found["tier"] = "local" if local else "mid"
        if not local:
            remarks.append("tier: assumed, state the real one")
    window = next((int(facts[name]) for name in WINDOWS if _is_count(facts.get(name))), None)
    if window is not None:
        found["context_window"] = window
    elif known is None and (in_table is None or in_table.context_window is None):
        found["context_window"] = (host.local_window if host else None) or ASSUMED_WINDOW
        remarks.append(f"context_window: assumed {found['context_window']}, state the real one")
    if _is_count(facts.get("max_output_tokens")):
        found["max_output"] = int(facts["max_output_tokens"])
    if price := _price(facts):
        found["price"] = price
    elif local:
        found |= {"price": {"input_usd": 0, "output_usd": 0}} if "base_url" in card else {}
    elif in_table is None:
        raise NotCarried(
            f"no price is known for {shown(upstream)}: write a card with price: {{input_usd: ..., output_usd: ...}}"
        )
    capabilities = [ours for theirs, ours in CAPABILITIES.items() if facts.get(theirs) is True]
    if capabilities:
        found["capabilities"] = capabilities
    return found


def _price(facts: Mapping[str, Any]) -> dict[str, float]:
    """Dollars per million tokens, empty when not both of input and output are stated."""
    price = {}
    for theirs, ours in PRICES.items():
        try:
            exact = Decimal(str(facts[theirs])) * TOKENS_PER_PRICE
        except (KeyError, InvalidOperation):
            continue
        if exact.is_finite() and exact >= 0:
            price[ours] = float(exact)
    return price if {"input_usd", "output_usd"} <= price.keys() else {}


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_here(address: str) -> bool:
    return is_loopback(urlsplit(address).hostname or "")
