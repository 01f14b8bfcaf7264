"""The task type of a request: declared by the caller or his key, else found by explicit rules, else `other`."""

import re
from collections.abc import Iterable, Mapping
from functools import cached_property

from msgspec import Struct

from baton.decide.quoted import trusted
from baton.decide.text import normalised
from baton.types.decision import TaskTypeSource
from baton.types.errors import RequestError
from baton.types.request import Caller, Facts, Wish
from baton.types.task import Match, TaskType

CODE_FENCE = "```"
WORD = re.compile(r"\w+")
SPACED = str.maketrans({chr(code): " " for code in range(128) if not (chr(code).isalnum() or chr(code) == "_")})
"""For plain ASCII, where words are told apart without a pattern."""


class Found(Struct, frozen=True):
    name: str
    source: TaskTypeSource
    why: str


class TaskTypeRules:
    """The `match` entries of all task types, compiled once per policy; the first that holds wins."""

    def __init__(self, task_types: Mapping[str, TaskType]) -> None:
        self._names = frozenset(task_types)
        self._rules = [(name, _Rule(match)) for name, task_type in task_types.items() for match in task_type.match]

    def find(self, wish: Wish, caller: Caller, facts: Facts) -> Found:
        """Raises RequestError when the declared type is not in the config."""
        if wish.task_type is not None:
            return Found(self._known(wish.task_type), "declared", "declared by the caller")
        if caller.task_type is not None:
            return Found(self._known(caller.task_type), "key", f"declared by key {caller.name!r}")
        seen = _Seen(facts)
        for name, rule in self._rules:
            if why := rule.holds(seen):
                return Found(name, "rule", why)
        return Found("other", "default", "no rule matched")

    def _known(self, name: str) -> str:
        if name in self._names:
            return name
        known = ", ".join(sorted(self._names))
        raise RequestError(f"task type {name!r} is not configured: use one of {known}, or add it", "baton.task_type")


class _Seen:
    """One request as rules see it; words are told apart only where a rule asks for some."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self.whole = normalised(facts.user_text)
        self.flags = (facts.response_schema, bool(facts.tools), facts.tool_results, CODE_FENCE in self.whole)

    @cached_property
    def user(self) -> str:
        """Without quoted documents."""
        return trusted(self.whole)

    @cached_property
    def system(self) -> str:
        return normalised(self._facts.system_text)

    def text(self, where: str, *, fenced: bool) -> str:
        """A rule about code fences reads what stands within them, too."""
        if where == "prompt":
            return self.whole if fenced else self.user
        return self.system

    @cached_property
    def words(self) -> frozenset[str]:
        text = self.user.lower()
        return frozenset(text.translate(SPACED).split() if text.isascii() else WORD.findall(text))


FLAGS = ("a response schema", "tools", "tool results", "a code fence")
"""What the flags of a request are called in a reason."""


class _Rule:
    def __init__(self, match: Match) -> None:
        wanted = (match.response_schema, match.tools, match.tool_results, match.code_fence)
        self._flags = tuple((place, flag) for place, flag in enumerate(wanted) if flag is not None)
        self._user = _compiled(match.patterns)
        self._system = _compiled(match.system_patterns)
        self._words = frozenset(match.words)
        self._empty = match == Match()
        self._fenced = match.code_fence is True

    def holds(self, seen: _Seen) -> str:
        """Why the rule holds, or an empty text when it does not. Cheap conditions are looked at first."""
        for place, expected in self._flags:
            if seen.flags[place] is not expected:
                return ""
        if self._empty or (self._words and self._words.isdisjoint(seen.words)):
            return ""
        reasons = [FLAGS[place] if flag else f"no {FLAGS[place].removeprefix('a ')}" for place, flag in self._flags]
        for pattern, where in ((self._user, "prompt"), (self._system, "system prompt")):
            if pattern is not None:
                hit = pattern.search(seen.text(where, fenced=self._fenced))
                if hit is None:
                    return ""
                reasons.append(f"{hit.group(0).strip()[:40]!r} in the {where}")
        return " and ".join(reasons)


def _compiled(patterns: Iterable[str]) -> re.Pattern[str] | None:
    joined = "|".join(f"(?:{pattern})" for pattern in patterns)
    return re.compile(joined, re.IGNORECASE) if joined else None
