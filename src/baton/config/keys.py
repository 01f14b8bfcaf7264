"""Callers' keys, and whether an address may be bound with those that there are."""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from baton.config.checks import is_loopback
from baton.config.names import Names
from baton.config.problems import Problems, nearest
from baton.config.schema import AdminKeyConfig, Config, KeyConfig, LimitFields, ServerConfig, SpendConfig
from baton.types.request import Caller
from baton.types.secret import Secret
from baton.types.spend import NO_LIMITS
from baton.types.task import Route

AnyKey = TypeVar("AnyKey", KeyConfig, AdminKeyConfig)

ANYONE = Caller().name
HASH_PREFIX = "sha256:"


def check_server(server: ServerConfig, names: Names, problems: Problems) -> ServerConfig:
    """Keys become their hashes; names, allow-lists and task types of keys are looked up."""
    keys = tuple(_hashed(key) for key in server.keys)
    seen_names: dict[str, int] = {}
    seen_keys: dict[Secret, int] = {}
    for index, key in enumerate(keys):
        path = f"server.keys[{index}]"
        if key.name == ANYONE:
            problems.add(path, f"{ANYONE!r} is the name of callers without a key: choose another")
        first = seen_names.setdefault(key.name, index)
        if first != index:
            problems.add(path, f"name {key.name!r} is given twice, first as server.keys[{first}]: rename one")
        first = seen_keys.setdefault(key.key, index)
        if first != index:
            problems.add(path, f"has the same key as server.keys[{first}]: make a new one")
    admin_keys = tuple(_hashed(key) for key in server.admin_keys)
    for index, admin_key in enumerate(admin_keys):
        first = seen_keys.setdefault(admin_key.key, -1 - index)
        if first != -1 - index:
            problems.add(f"server.admin_keys[{index}]", "is the key of somebody else as well: make a new one")
    unread = problems.inside("server.keys") or problems.inside("server.admin_keys")
    if not unread and (refusal := why_not_bind(server.host, (*keys, *admin_keys))):
        problems.add("server.host", refusal)
    names.keys = None if unread else [*seen_names, ANYONE]
    return msgspec.structs.replace(server, keys=keys, admin_keys=admin_keys)


def check_uses(server: ServerConfig, names: Names) -> ServerConfig:
    """What keys refer to; their task types are known only after the routing table."""
    keys = []
    for index, key in enumerate(server.keys):
        path = f"server.keys[{index}]"
        if key.task_type is not None:
            names.task_type(key.task_type, f"{path}.task_type")
        keys.append(msgspec.structs.replace(key, models=names.allow_list(key.models, f"{path}.models")))
    return msgspec.structs.replace(server, keys=tuple(keys))


def check_routes(server: ServerConfig, routes: Sequence[Route], problems: Problems) -> None:
    """Routes that keys may use are known only after the keys that routes match."""
    known = [route.name for route in routes]
    for index, key in enumerate(server.keys):
        for place, name in enumerate(key.routes):
            if name not in known:
                told = f"route {name!r} is not in this config: {nearest(name, known)}"
                problems.add(f"server.keys[{index}].routes[{place}]", told)


def check_spend(spend: SpendConfig, server: ServerConfig) -> SpendConfig:
    """Every team that a key names is there, with limits or without."""
    teams = {name: limits or LimitFields() for name, limits in spend.teams.items()}
    for key in server.keys:
        if key.team is not None:
            teams.setdefault(key.team, LimitFields())
    return msgspec.structs.replace(spend, teams=teams)


def why_not_workers(workers: int, config: Config) -> str:
    """Why so many workers must not serve this config, or an empty text."""
    spend = config.spend
    entries = [spend.house, spend.measurement, spend.orchestration, *spend.teams.values(), *config.server.keys]
    limited = any(entry is not None and entry.limits() != NO_LIMITS for entry in entries)
    return why_not_share(workers, config) if limited else ""


def why_not_share(workers: int, config: Config) -> str:
    """Why nothing can be limited where so many workers serve, or an empty text."""
    if workers == 1 or config.state.redis_url is not None:
        return ""
    return (
        f"{workers} workers would each grant the whole of every budget and limit: set state.redis_url, "
        "which lets them share, or serve with one worker"
    )


def why_not_bind(host: str, keys: Sequence[KeyConfig | AdminKeyConfig]) -> str:
    """Why the gateway must not listen on this address, or an empty text."""
    if keys or is_loopback(host):
        return ""
    return (
        f"{host!r} can be reached from other machines and no key is configured: whoever reaches it would spend your "
        "money. Add server.keys (or set BATON_KEY), or bind 127.0.0.1"
    )


def _hashed(key: AnyKey) -> AnyKey:
    text = key.key.reveal()
    digest = text.lower() if text.startswith(HASH_PREFIX) else HASH_PREFIX + hashlib.sha256(text.encode()).hexdigest()
    return msgspec.structs.replace(key, key=Secret(digest))
