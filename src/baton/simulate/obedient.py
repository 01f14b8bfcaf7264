"""Models that answer anything and call the tools that they are told to: for tests of tool loops and of handoffs.

A user turn that names tools of the request ("please use get_weather and get_time") is answered with a sentence and a
call of each, in the order of their names in the text; a forced choice of tools is obeyed. Once there are results, and
for every other turn, the answer is a sentence that quotes what it answers, or a value of the schema that it must fit.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from baton.simulate.answer import UNKNOWN, Answerer, Ask, SimAnswer, SimModel, finished
from baton.simulate.conversation import Conversation, ToolSpec
from baton.simulate.tokens import count_input
from baton.simulate.vendors import VENDOR_MODELS
from baton.types.money import Usage

QUOTED_CHARACTERS = 120


class Obedient(Answerer):
    def __init__(self, models: Sequence[SimModel] = VENDOR_MODELS, *, seed: int = 0) -> None:
        self._models = tuple(models)
        self._seed = seed

    @property
    def seed(self) -> int:
        return self._seed

    @property
    def models(self) -> tuple[SimModel, ...]:
        return self._models

    def name_of(self, _conversation: Conversation) -> None:
        """Every conversation is known by its own turns."""

    def answer(self, ask: Ask, model: SimModel) -> SimAnswer:
        usage = Usage(input=count_input(ask.conversation))
        tools = _wanted(ask)
        if tools:
            text = "I call " + " and ".join(tool.name for tool in tools) + "."
            calls = tuple((tool.name, _arguments(tool.parameters)) for tool in tools)
            return finished(ask, text, calls, UNKNOWN, usage)
        if ask.conversation.response_schema is not None:
            return finished(ask, _arguments(ask.conversation.response_schema), (), UNKNOWN, usage)
        turns = ask.conversation.turns
        number = sum(turn.role == "user" for turn in turns)
        quoted = (turns[-1].text if turns else "")[:QUOTED_CHARACTERS]
        return finished(ask, f"Answer {number} of {model.id} to: {quoted}", (), UNKNOWN, usage)


def _wanted(ask: Ask) -> list[ToolSpec]:
    turns, tools = ask.conversation.turns, ask.conversation.tools
    if ask.tool_choice == "none" or not tools or not turns or turns[-1].role != "user":
        return []
    said = turns[-1].text
    named = sorted((tool for tool in tools if tool.name in said), key=lambda tool: said.index(tool.name))
    if ask.tool_name is not None:
        return [tool for tool in tools if tool.name == ask.tool_name]
    if ask.tool_choice == "required" and not named:
        return [tools[0]]
    return named


def _arguments(schema: dict[str, Any]) -> str:
    return msgspec.json.encode(_example(schema, 0)).decode() if schema else "{}"


_EXAMPLES: dict[str, Any] = {"string": "Paris", "integer": 3, "number": 2.5, "boolean": True, "null": None}


def _example(schema: dict[str, Any], depth: int) -> Any:
    """A value of the schema: every property of an object, one element of an array, the first of an enum."""
    listed, properties = schema.get("enum"), schema.get("properties")
    if isinstance(listed, list) and listed:
        return listed[0]
    kind = schema.get("type", "object" if depth == 0 else "string")
    kind = str(next(iter(kind), "null") if isinstance(kind, list) else kind).lower()
    if kind == "object":
        known = properties if isinstance(properties, dict) else {}
        return {name: _example(below, depth + 1) for name, below in known.items() if isinstance(below, dict)}
    if kind == "array":
        items = schema.get("items")
        return [_example(items, depth + 1)] if isinstance(items, dict) else []
    return _EXAMPLES.get(kind)
