"""Callers' keys, and whether an address may be bound with those that there are."""

import hashlib
from collections.abc import Sequence

import msgspec

from baton.config.checks import is_loopback
from baton.config.names import Names
from baton.config.problems import Problems
from baton.config.schema import KeyConfig, ServerConfig
from baton.types.request import Caller
from baton.types.secret import Secret

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
    unread = problems.inside("server.keys")
    if not unread and (refusal := why_not_bind(server.host, keys)):
        problems.add("server.host", refusal)
    names.keys = None if unread else [*seen_names, ANYONE]
    return msgspec.structs.replace(server, keys=keys)


def check_uses(server: ServerConfig, names: Names) -> ServerConfig:
    """What keys refer to; their task types are known only after the routing table."""
    keys = []
    for index, key in enumerate(server.keys):
        path = f"server.keys[{index}]"
        if key.task_type is not None:
            names.task_type(key.task_type, f"{path}.task_type")
        keys.append(msgspec.structs.replace(key, models=names.allow_list(key.models, f"{path}.models")))
    return msgspec.structs.replace(server, keys=tuple(keys))


def why_not_bind(host: str, keys: Sequence[KeyConfig]) -> str:
    """Why the gateway must not listen on this address, or an empty text."""
    if keys or is_loopback(host):
        return ""
    return (
        f"{host!r} can be reached from other machines and no key is configured: whoever reaches it would spend your "
        "money. Add server.keys (or set BATON_KEY), or bind 127.0.0.1"
    )


def _hashed(key: KeyConfig) -> KeyConfig:
    text = key.key.reveal()
    digest = text.lower() if text.startswith(HASH_PREFIX) else HASH_PREFIX + hashlib.sha256(text.encode()).hexdigest()
    return msgspec.structs.replace(key, key=Secret(digest))
