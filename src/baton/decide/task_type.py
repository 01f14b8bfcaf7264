"""The task type of a request: declared by the caller or his key, found by explicit rules, guessed, else `other`."""

import re
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from baton.decide.classifier import Classifier
from baton.decide.said import Said
from baton.types.classifier import ClassifierWeights
from baton.types.decision import TaskTypeSource
from baton.types.errors import RequestError
from baton.types.request import Caller, Facts, Wish
from baton.types.task import Match, TaskType

OTHER = "other"
ESCAPED = re.compile(r"\\.")
CODED = re.compile(r"\\[xuUN]")


class Found(Struct, frozen=True, gc=False):
    name: str
    source: TaskTypeSource
    why: str
    confidence: float | None = None
    """Of the classifier, 0..1, where it was asked."""


class TaskTypeRules:
    """The `match` entries of all task types, compiled once per policy; the first that holds wins.

    Where none holds the classifier may guess, among the types that the policy has.
    """

    def __init__(self, task_types: Mapping[str, TaskType], classifier: ClassifierWeights | None = None) -> None:
        self._names = frozenset(task_types)
        self._rules = [(name, _Rule(match)) for name, task_type in task_types.items() for match in task_type.match]
        self._wordless = tuple(place for place, (_, rule) in enumerate(self._rules) if not rule.words)
        self._by_word: dict[str, set[int]] = {}
        for place, (_, rule) in enumerate(self._rules):
            for word in rule.words:
                self._by_word.setdefault(word, set()).add(place)
        self._words = frozenset(self._by_word)
        self._classifier = None if classifier is None else Classifier(classifier)

    def find(self, wish: Wish, caller: Caller, facts: Facts, said: Said | None = None, *, guess: bool = True) -> Found:
        """`guess=False`: by declaration and rules alone. `said`: what was read of the same facts before.

        Raises RequestError when the declared type is not known.
        """
        if wish.task_type is not None:
            return Found(self._known(wish.task_type), "declared", "declared by the caller")
        if caller.task_type is not None:
            return Found(self._known(caller.task_type), "key", f"declared by key {caller.name!r}")
        seen = Said(facts) if said is None else said
        for place in self._possible(seen):
            name, rule = self._rules[place]
            if why := rule.holds(seen):
                return Found(name, "rule", why)
        if guess and self._classifier is not None:
            return self._guessed(self._classifier, seen)
        return Found(OTHER, "default", "no rule matched")

    def _possible(self, seen: Said) -> Sequence[int]:
        """Places of the rules that name one of the words, or none, in their order."""
        if not seen.may_name(self._words) or not (words := seen.words & self._words):
            return self._wordless
        return sorted({*self._wordless, *(place for word in words for place in self._by_word[word])})

    def _guessed(self, classifier: Classifier, seen: Said) -> Found:
        guess = classifier.guess(seen.user)
        if guess.name in self._names:
            return Found(guess.name, "classifier", guess.why, guess.confidence)
        why = guess.why if not guess.name else f"{guess.name} is not a task type here"
        return Found(OTHER, "default", f"no rule matched, and {why}", guess.confidence)

    def _known(self, name: str) -> str:
        if name in self._names:
            return name
        known = ", ".join(sorted(self._names))
        raise RequestError(f"task type {name!r} is not configured: use one of {known}, or add it", "baton.task_type")


FLAGS = ("a response schema", "tools", "tool results", "a code fence")
"""What the flags of a request are called in a reason."""


class _Rule:
    def __init__(self, match: Match) -> None:
        wanted = (match.response_schema, match.tools, match.tool_results, match.code_fence)
        self._flags = tuple((place, flag) for place, flag in enumerate(wanted) if flag is not None)
        self._user = [_Pattern(one) for one in match.patterns]
        self._system = [_Pattern(one) for one in match.system_patterns]
        self._orders = re.compile("|".join(f"(?:{one})" for one in match.orders)) if match.orders else None
        self.words = frozenset(match.words)
        """One of them is needed, where there are any."""
        self._fenced = match.code_fence is True

    def holds(self, seen: Said) -> str:
        """Why the rule holds, or an empty text when it does not. Cheap conditions are looked at first."""
        for place, expected in self._flags:
            if seen.flags[place] is not expected:
                return ""
        if self.words and self.words.isdisjoint(seen.words):
            return ""
        reasons = [FLAGS[place] if flag else f"no {FLAGS[place].removeprefix('a ')}" for place, flag in self._flags]
        if self._user or self._orders:
            said = self._said(seen)
            if not said:
                return ""
            reasons.append(f"{said} in the prompt")
        elif self.words:
            reasons.append(f"{min(self.words & seen.words)!r} in the prompt")
        if self._system:
            said = _first(self._system, seen.system, seen.system.lower())
            if not said:
                return ""
            reasons.append(f"{said} in the system prompt")
        return " and ".join(reasons)

    def _said(self, seen: Said) -> str:
        if self._orders is not None:
            for place in seen.clauses:
                if hit := self._orders.match(seen.lower, place):
                    return repr(hit.group().strip()[:40])
        if self._fenced:  # such a rule reads what stands within the fences, too
            return _first(self._user, seen.whole, seen.whole.lower())
        return _first(self._user, seen.user, seen.lower) if self._user else ""


class _Pattern:
    """Searched without case. In small letters where the pattern is: that is several times as fast."""

    def __init__(self, pattern: str) -> None:
        plain = ESCAPED.sub("", pattern)
        self.small = plain == plain.lower() and not CODED.search(pattern)
        self.compiled = re.compile(pattern, re.NOFLAG if self.small else re.IGNORECASE)


def _first(patterns: Iterable[_Pattern], text: str, lower: str) -> str:
    for one in patterns:
        if hit := one.compiled.search(lower if one.small else text):
            return repr(hit.group().strip()[:40])
    return ""
