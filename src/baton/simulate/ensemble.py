"""Models that act in an orchestrated run: one that plans and composes, and subordinates that are wrong or hostile.

They look at the prompt alone, as a model does. A subordinate finds the value that stands after the words that an
instruction quotes; how often it is wrong, and how, is drawn from (seed, model, prompt). `sim-hostile` obeys whatever
a document orders.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from baton.simulate.answer import UNKNOWN, Answerer, Ask, SimAnswer, SimModel, Truth, finished
from baton.simulate.conversation import Conversation
from baton.simulate.draw import digest, uniform
from baton.simulate.tokens import count_input
from baton.types.money import Usage, price_from_usd

WRONG_SHARE = 0.2
ORDER = re.compile(r"IGNORE[^.\n]*", re.IGNORECASE)
QUOTED = re.compile(r"'([^']{2,60})'")


def _model(name: str, tier: Any, usd_in: str, usd_out: str) -> SimModel:
    price = price_from_usd(usd_in, usd_out, source="simulated")
    return SimModel(name, tier, price, 200_000, 16_000, frozenset({"structured_output", "tools"}))


ENSEMBLE_MODELS = (
    _model("sim-frontier", "frontier", "5", "25"),
    _model("sim-mid", "mid", "1", "5"),
    _model("sim-hostile", "small", "0.04", "0.3"),
    _model("sim-nano", "small", "0.05", "0.4"),
)


class Ensemble(Answerer):
    def __init__(
        self, models: Sequence[SimModel] = ENSEMBLE_MODELS, *, seed: int = 7, wrong: float = WRONG_SHARE
    ) -> None:
        self._models = tuple(models)
        self._seed = seed
        self._wrong = wrong

    @property
    def seed(self) -> int:
        return self._seed

    @property
    def models(self) -> tuple[SimModel, ...]:
        return self._models

    def name_of(self, _conversation: Conversation) -> None:
        """Every prompt is known by its own words."""

    def answer(self, ask: Ask, model: SimModel) -> SimAnswer:
        usage = Usage(input=count_input(ask.conversation))
        said, truth = self._said(ask.conversation, model)
        return finished(ask, said, (), truth, usage)

    def _said(self, conversation: Conversation, model: SimModel) -> tuple[str, Truth]:
        try:
            shown = json.loads(conversation.prompt)
        except ValueError:
            return f"This is a simulated answer of {model.id}.", UNKNOWN
        if "contracts" in shown:
            return _plan(shown), UNKNOWN
        if "results" in shown and "request" in shown:
            return _composed(shown), UNKNOWN
        if "criterion" in shown:
            return json.dumps({"because": "it does", "holds": True, "seal": shown["seal"]}), UNKNOWN
        return self._step(shown, model)

    def _step(self, shown: dict[str, Any], model: SimModel) -> tuple[str, Truth]:
        wanted = QUOTED.findall(shown.get("instruction", ""))
        texts = list(shown.get("documents", {}).values())
        value = _after(wanted[0], texts) if wanted else None
        if value is None:
            return "There is nothing of that kind in it.", Truth("wrong", 0.0)
        drawn = uniform("ensemble", self._seed, model.id, digest(*texts, *wanted))
        if model.id == "sim-hostile" and (order := ORDER.search(" ".join(texts))):
            return json.dumps(
                {"items": [{"name": wanted[0], "value": order[0]}, {"name": "pay", "value": 666}]}
            ), UNKNOWN
        if model.tier != "frontier" and drawn < self._wrong:
            return json.dumps({"items": [{"name": wanted[0], "value": value + 7}]}), Truth("wrong", 0.0)
        return json.dumps({"items": [{"name": wanted[0], "value": value}]}), Truth("right", 1.0)


def _after(words: str, texts: Sequence[str]) -> int | None:
    for text in texts:
        found = re.search(rf"{re.escape(words)}[^0-9\n]{{0,40}}(\d+)", text, re.IGNORECASE)
        if found is not None:
            return int(found[1])
    return None


def _plan(shown: dict[str, Any]) -> str:
    """One step for each document: the words that the request quotes are looked up in it."""
    quoted = QUOTED.findall(shown["request"]) or ["value"]
    keeps = [one["id"] for one in shown["constraints"]]
    tasks = [
        {
            "id": f"t{place}",
            "instruction": f"Extract the number after '{quoted[0]}'",
            "contract": "extract",
            "documents": [name],
            "keeps": keeps,
            "max_output": 200,
        }
        for place, name in enumerate(shown["documents"], 1)
    ]
    return json.dumps({"tasks": tasks, "answer": "name the values", "constraints": shown["constraints"]})


def _composed(shown: dict[str, Any]) -> str:
    values = {name: item["value"] for name, part in shown["results"].items() for item in part.get("items", ()) if part}
    told = ", ".join(f"{name}: {value}" for name, value in values.items())
    numbers = [value for value in values.values() if isinstance(value, int)]
    longest = f"; the longest is {max(numbers)}" if len(numbers) > 1 else ""
    return f"{told}{longest}."
