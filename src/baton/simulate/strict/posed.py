"""A request as strict rules see it: raw JSON, so that nothing is forgiven by a reader."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, NoReturn

from baton.simulate.answer import Refused, SimModel, Trait
from baton.types.card import Dialect


class Posed(NamedTuple):
    dialect: Dialect
    body: dict[str, Any]
    model: SimModel
    headers: dict[str, str]

    def has(self, trait: Trait) -> bool:
        return trait in self.model.traits


Rule = Callable[[Posed], None]
"""Raises Refused with the vendor's words."""


def refuse(message: str, param: str | None = None, code: str | None = None) -> NoReturn:
    raise Refused("invalid", message, param=param, code=code)


def objects(value: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a list with their places; what is no list, and what is no object, is for the reader to refuse."""
    if isinstance(value, list):
        yield from ((place, each) for place, each in enumerate(value) if isinstance(each, dict))
