"""What a maker of tasks hands back, and what it is given."""

import random
from typing import Any, Literal

from msgspec import Struct

from baton.simulate.conversation import ToolSpec, Turn
from baton.types.task import Audience
from baton.types.verdict import Answer, Check

EASY_BELOW = 0.5

Language = Literal["en", "de", "fr", "es"]


class Brief(Struct, frozen=True):
    """What a maker writes for: `difficulty` has to show in the content, `rng` decides everything else."""

    rng: random.Random
    difficulty: float
    language: Language

    def steps(self, fewest: int, most: int) -> int:
        """A count that grows with the difficulty, both ends included."""
        return fewest + int(self.difficulty * (most - fewest + 1))

    def idle(self, sentences: tuple[str, ...]) -> list[str]:
        """Sentences that change nothing, more of them in easy tasks, so that length alone tells little."""
        wished = self.rng.randint(0, 2) + (self.difficulty < EASY_BELOW)
        return self.rng.sample(sentences, min(wished, len(sentences)))


class Wrong(Struct, frozen=True):
    """A plausible wrong answer. `kind` names the slip: `other_category`, `last_step_missing`, ..."""

    kind: str
    answer: Answer


class Draft(Struct, frozen=True):
    """`wrong` is ordered: the first is the slip that most models share."""

    prompt: str
    check: Check
    right: Answer
    wrong: tuple[Wrong, ...]
    system: str = ""
    tools: tuple[ToolSpec, ...] = ()
    response_schema: dict[str, Any] | None = None
    audience: Audience | None = None
    history: tuple[Turn, ...] = ()
    """Turns after the prompt: a tool loop that is already under way."""
    closing: str = ""
    """What a model says once the tool call of the right answer has its result."""


def slips(right: str, *candidates: tuple[str, str]) -> tuple[Wrong, ...]:
    """The (kind, text) pairs that really differ from the right text, each text once."""
    seen = {right}
    found: list[Wrong] = []
    for kind, text in candidates:
        if text not in seen:
            seen.add(text)
            found.append(Wrong(kind, Answer(text)))
    return tuple(found)
