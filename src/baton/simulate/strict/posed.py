"""A request as strict rules see it: raw JSON, so that nothing is forgiven by a reader. And what rules are made of."""

import base64
import binascii
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, NoReturn

import msgspec

from baton.simulate.answer import Refused, SimModel, Trait
from baton.simulate.wire.proto_json import camel
from baton.types.card import Dialect

Object = dict[str, Any]


class Posed(NamedTuple):
    dialect: Dialect
    body: Object
    model: SimModel
    headers: dict[str, str]

    def has(self, trait: Trait) -> bool:
        return trait in self.model.traits


Rule = Callable[[Posed], None]
"""Raises Refused with the vendor's words."""


def refuse(message: str, param: str | None = None, code: str | None = None) -> NoReturn:
    raise Refused("invalid", message, param=param, code=code)


def objects(value: Any) -> Iterator[tuple[int, Object]]:
    """The objects of a list with their places; what is no list, and what is no object, is for the reader to refuse."""
    if isinstance(value, list):
        yield from ((place, each) for place, each in enumerate(value) if isinstance(each, dict))


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def below(value: Any, *names: str) -> Any:
    """What stands under these names; None where one of them is missing."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def text_of(value: Any, name: str) -> str:
    """A member that is looked up in a table: empty where it is missing, its JSON where it is no string."""
    found = below(value, name)
    if isinstance(found, str):
        return found
    return "" if found is None else msgspec.json.encode(found).decode()


LOOKED_UP = frozenset({"type", "role", "id", "name", "call_id", "tool_call_id", "tool_use_id", "media_type"})
FREE = frozenset({
    "args", "arguments", "response", "parameters", "parametersJsonSchema", "inputSchema", "schema", "responseSchema",
    "responseJsonSchema", "format", "metadata", "labels",
})  # fmt: skip


def with_names_as_text(value: Any) -> Any:
    """Members that rules look up in tables: what is no string becomes its JSON; the reader refuses its type later."""
    if isinstance(value, list):
        return [with_names_as_text(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {name: _with_names(name, each) for name, each in value.items()}


def _with_names(name: str, value: Any) -> Any:
    if name in LOOKED_UP and value is not None and not isinstance(value, str):
        return msgspec.json.encode(value).decode()
    if camel(name) in FREE or (name == "input" and isinstance(value, dict)):
        return value
    return with_names_as_text(value)


def is_base64(text: Any, *, url_safe: bool = False) -> bool:
    if not isinstance(text, str):
        return False
    if url_safe:
        text = text.replace("-", "+").replace("_", "/")
        text += "=" * (-len(text) % 4)
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True
