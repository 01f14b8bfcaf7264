"""`item(seed, index)`: one task with its truth, the same in every process, as many as one asks for."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from msgspec import Struct

from baton.simulate.conversation import Conversation, ToolSpec, Turn
from baton.simulate.draw import generator, uniform
from baton.simulate.workload import agent, analysis, classification, code, content, extraction, format_check
from baton.simulate.workload.draft import Brief, Draft, Language, Wrong
from baton.types.task import Audience
from baton.types.verdict import Answer, Check

MIX: dict[str, float] = {
    "classification": 0.20,
    "extraction": 0.18,
    "analysis": 0.16,
    "format_check": 0.12,
    "code": 0.12,
    "content": 0.12,
    "agent": 0.10,
}
"""Share of each task type in the workload."""

LANGUAGES: dict[Language, float] = {"en": 0.64, "de": 0.12, "fr": 0.12, "es": 0.12}

TRANSLATED = frozenset({"analysis", "extraction", "classification", "content"})
"""Task types whose prompts come in all languages; the others are in English."""

REMEMBERED_ITEMS = 4096

Name = TypeVar("Name", bound=str)

_MAKERS: dict[str, Callable[[Brief], Draft]] = {
    "classification": classification.make,
    "extraction": extraction.make,
    "analysis": analysis.make,
    "format_check": format_check.make,
    "code": code.make,
    "content": content.make,
    "agent": agent.make,
}
_REFERENCE = re.compile(r"\(ref (\d{1,19})-(\d{6,19})\)")


class WorkItem(Struct, frozen=True):
    seed: int
    index: int
    task_type: str
    difficulty: float
    """0..1; uniform over the workload, and no simple function of the length of the prompt."""
    language: Language
    system: str
    prompt: str
    """Ends with the reference line by which the engine knows the item again."""
    check: Check
    right: Answer
    wrong: tuple[Wrong, ...]
    audience: Audience | None = None
    tools: tuple[ToolSpec, ...] = ()
    response_schema: dict[str, Any] | None = None
    history: tuple[Turn, ...] = ()
    closing: str = ""

    @property
    def reference(self) -> str:
        return f"{self.seed}-{self.index:06d}"

    @property
    def conversation(self) -> Conversation:
        turns = (Turn("user", self.prompt), *self.history)
        return Conversation(turns, self.system, self.tools, self.response_schema)


@lru_cache(maxsize=REMEMBERED_ITEMS)
def item(seed: int, index: int) -> WorkItem:
    """Raises ValueError for a negative seed or index."""
    if seed < 0 or index < 0:
        raise ValueError(f"item({seed!r}, {index!r}): seed and index count from 0, give numbers that are not negative")
    task_type = _weighted(MIX, uniform("task type", seed, index))
    language = _weighted(LANGUAGES, uniform("language", seed, index)) if task_type in TRANSLATED else "en"
    difficulty = round(uniform("difficulty", seed, index), 4)
    draft = _MAKERS[task_type](Brief(generator("item", seed, index), difficulty, language))
    return WorkItem(
        seed=seed,
        index=index,
        task_type=task_type,
        difficulty=difficulty,
        language=language,
        system=draft.system,
        prompt=f"{draft.prompt}\n\n(ref {seed}-{index:06d})",
        check=draft.check,
        right=draft.right,
        wrong=draft.wrong,
        audience=draft.audience,
        tools=draft.tools,
        response_schema=draft.response_schema,
        history=draft.history,
        closing=draft.closing,
    )


class Recovered(NamedTuple):
    """The item that a request is about, and how many tool results the loop has added to those of the item itself."""

    item: WorkItem
    results: int


def recover(conversation: Conversation) -> Recovered | None:
    """By the last reference line of the latest user turn that carries one; None for prompts of another origin."""
    results = 0
    for turn in reversed(conversation.turns):
        results += turn.role == "tool"
        found = _REFERENCE.findall(turn.text) if turn.role == "user" else ()
        if found:
            seed, index = found[-1]
            one = item(int(seed), int(index))
            return Recovered(one, results - sum(own.role == "tool" for own in one.history))
    return None


def _weighted(shares: dict[Name, float], position: float) -> Name:
    reached = 0.0
    for name, share in shares.items():
        reached += share
        if position < reached:
            return name
    return name
