"""A model that runs errands: it calls the tools that the prompt tells it to, and then says what they returned.

The prompt holds `baton-errand: ` and, in base64, since some clients quote what they are given, a list such as
`[["Read", {"file_path": "/x"}], ...]`. What the tools return is known to the files of
the run alone, so that an answer that holds it has been through the whole loop. Whoever brings no errand is answered by
an obedient model, or with an example of the schema that he wants.
"""

import base64
import json
import re
from collections.abc import Sequence
from typing import Any

from baton.simulate.answer import UNKNOWN, Answerer, Ask, SimAnswer, SimModel, finished
from baton.simulate.conversation import Conversation
from baton.simulate.obedient import Obedient
from baton.simulate.tokens import count_input
from baton.simulate.vendors import VENDOR_MODELS
from baton.types.money import Usage

MARK = "baton-errand: "
LINE = re.compile(MARK + r"([A-Za-z0-9_=-]+)")
QUOTED_CHARACTERS = 2_000

Calls = list[tuple[str, dict[str, Any]]]


def errand(calls: Calls) -> str:
    return MARK + base64.urlsafe_b64encode(json.dumps(calls).encode()).decode()


class Errands(Answerer):
    def __init__(self, models: Sequence[SimModel] = VENDOR_MODELS) -> None:
        self._obedient = Obedient(models)

    @property
    def seed(self) -> int:
        return 0

    @property
    def models(self) -> tuple[SimModel, ...]:
        return self._obedient.models

    def name_of(self, _conversation: Conversation) -> None:
        """Every conversation is known by its own turns."""

    def answer(self, ask: Ask, model: SimModel) -> SimAnswer:
        usage = Usage(input=count_input(ask.conversation))
        calls, results = _errand_of(ask.conversation)
        if calls and results:
            said = " and ".join(text[:QUOTED_CHARACTERS] for text in results)
            return finished(ask, f"{model.id} reports: {said}", (), UNKNOWN, usage)
        if calls:
            told = tuple((name, json.dumps(arguments)) for name, arguments in calls)
            return finished(ask, "I run the errand.", told, UNKNOWN, usage)
        if ask.conversation.response_schema is not None:
            return finished(ask, json.dumps(example(ask.conversation.response_schema)), (), UNKNOWN, usage)
        return self._obedient.answer(ask, model)


def _errand_of(conversation: Conversation) -> tuple[Calls, list[str]]:
    """The calls of the latest errand whose tools are offered, and what has come back since."""
    offered = {tool.name for tool in conversation.tools}
    for at in range(len(conversation.turns) - 1, -1, -1):
        turn = conversation.turns[at]
        found = LINE.search(turn.text) if turn.role == "user" else None
        if found is not None:
            calls = json.loads(base64.urlsafe_b64decode(found[1]))
            wanted = [(name, arguments) for name, arguments in calls if name in offered]
            return wanted, [turn.text for turn in conversation.turns[at:] if turn.role == "tool"]
    return [], []


def example(schema: dict[str, Any]) -> Any:
    """A value that the schema takes, of the plain kinds that test suites use."""
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: example(below) for name, below in schema.get("properties", {}).items()}
    if kind == "array":
        return [example(schema["items"])] if "items" in schema else []
    return {"string": "Paris", "integer": 3, "number": 2.5, "boolean": True}.get(str(kind).lower())
