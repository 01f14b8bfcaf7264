"""A prompt with what its answer is graded by, and a pinned set of them that is known by its hash."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from baton.types.card import Dialect
from baton.types.verdict import Check, Exact, Fields, Numeric

SHA = "sha256:"


class Prompt(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One task as it is asked of any model."""

    id: str
    task_type: str
    body: dict[str, Any]
    """The request in `dialect`, without `model` and `stream`."""
    dialect: Dialect = "openai-chat"
    check: Check | None = None
    """What a program verifies; None: only a judge can tell."""
    gold: str | None = None
    """An answer that is right, for judges and for the sanity check of the grader."""
    cluster: str = ""
    """What is drawn together with others: a conversation, a source document. Empty: it stands alone."""

    @property
    def key(self) -> str:
        """16 hex digits over what is asked: the same question has the same key, whatever it is called."""
        return _digest((self.dialect, self.body))[:16]

    @property
    def graded_key(self) -> str:
        """The same over what is asked and what it is graded by."""
        return _digest((self.dialect, self.body, self.check, self.gold))[:16]

    @property
    def right_answer(self) -> str | None:
        """The gold answer, where one is given or follows from the check."""
        if self.gold is not None:
            return self.gold
        match self.check:
            case Exact(gold=gold):
                return gold[0] if gold else None
            case Numeric(gold=number, unit=unit):
                return f"{number!r} {unit}" if unit else repr(number)
            case Fields(gold=members):
                return msgspec.json.encode(members).decode()
        return None


class PromptSet(Struct, frozen=True):
    """In the order of their ids. `source` says in one line where they come from and what was left out."""

    prompts: tuple[Prompt, ...]
    source: str

    @property
    def hash(self) -> str:
        """Of everything in it, and of nothing else: the name of the file, and its format, do not count."""
        return SHA + _digest(self.prompts)

    def by_type(self) -> dict[str, list[Prompt]]:
        found: dict[str, list[Prompt]] = {}
        for prompt in self.prompts:
            found.setdefault(prompt.task_type, []).append(prompt)
        return found


def pinned(prompts: Iterable[Prompt], source: str) -> PromptSet:
    """Ordered by id: two files with the same prompts are the same set."""
    return PromptSet(tuple(sorted(prompts, key=lambda one: one.id)), source)


def in_order(prompts: Iterable[Prompt], seed: int) -> list[Prompt]:
    """Shuffled by the hash of (seed, id): the same in every process, and independent of everything else."""
    return sorted(prompts, key=lambda one: hashlib.sha256(f"{seed}:{one.id}".encode()).digest())


def one_of_each(prompts: Iterable[Prompt]) -> tuple[Prompt, ...]:
    """Of each cluster the first: a bet on one pair after the other asks that they do not resemble each other."""
    seen: set[str] = set()
    kept = []
    for one in prompts:
        if not one.cluster or one.cluster not in seen:
            kept.append(one)
            seen.add(one.cluster)
    return tuple(kept)


def chat_body(messages: list[Mapping[str, Any]], **members: Any) -> dict[str, Any]:
    return {"messages": messages, **{name: value for name, value in members.items() if value is not None}}


def _digest(value: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()
