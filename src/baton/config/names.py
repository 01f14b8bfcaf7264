"""What can be referred to in a config, and the noting of references that lead nowhere."""

from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatchcase

from baton.config.checks import RESERVED
from baton.config.problems import Problems, nearest
from baton.decide.rule import RULES, TIERS_UPWARD
from baton.types.card import EFFORT_MARK, arm_name


class Names:
    """`failed` are models with problems of their own: a reference to one of them is no second problem."""

    def __init__(
        self, cards: Collection[str], aliases: Mapping[str, str], failed: Collection[str], problems: Problems
    ) -> None:
        self.aliases = aliases
        self.task_types: Collection[str] = ()
        self.keys: Collection[str] | None = ()
        """None when a key could not be read, so that nothing is known about their names."""
        self._cards = cards
        self.arms: Collection[str] = ()
        """`model@effort` for every step of effort that a card names."""
        self._failed = failed
        self._problems = problems

    def model(self, name: str, path: str) -> str:
        """The id behind a name that is an id or an alias."""
        target = self.aliases.get(name, name)
        if target not in self._cards and target not in self._failed:
            self._dangling("model", name, [*self._cards, *self._failed, *self.aliases], path)
        return target

    def arm(self, name: str, path: str) -> str:
        """The id behind a model's name, or a model with one of its steps of effort."""
        target = self.aliases.get(name, name)
        model, _, step = target.rpartition(EFFORT_MARK)
        named = arm_name(self.aliases.get(model, model), step) if model else target
        if named in self.arms or model in self._failed:
            return named
        known = [*self._cards, *self._failed, *self.aliases, *self.arms]
        if target not in self._cards and target not in self._failed:
            self._dangling("model", name, known, path)
        return target

    def rungs(self, names: Iterable[str], path: str) -> tuple[str, ...]:
        """Arms of a ladder or a cascade."""
        return tuple(self.arm(name, f"{path}[{index}]") for index, name in enumerate(names))

    def allow_list(self, patterns: Iterable[str], path: str) -> tuple[str, ...]:
        """Ids, aliases, or patterns of ids; each must allow something."""
        allowed = []
        for index, pattern in enumerate(patterns):
            where = f"{path}[{index}]"
            allowed.append(pattern if "*" in pattern else self.model(pattern, where))
            if "*" in pattern and not any(fnmatchcase(name, pattern) for name in (*self._cards, *self._failed)):
                self._dangling("model", pattern, self._cards, where)
        return tuple(allowed)

    def asked(self, names: Iterable[str], path: str) -> None:
        """Names by which callers may ask. A wildcard may also catch what has no card."""
        known = [*RESERVED, *self.aliases, *self._cards, *self._failed]
        for index, name in enumerate(names):
            if "*" not in name and name not in known:
                self._dangling(
                    "model", name, known, f"{path}[{index}]", " To route a new name, make it an alias of auto"
                )

    def rule(self, rule: str, path: str) -> str:
        """A word of the rules, or the id of a model."""
        target = rule if rule in RULES else self.aliases.get(rule, rule)
        if EFFORT_MARK in target and target not in self._cards:
            return self.arm(target, path)
        if target not in RULES and target not in self._cards and target not in self._failed:
            self._dangling("rule", rule, [*RULES, *self._cards], path)
        return target

    def rung(self, rung: str, path: str) -> str:
        """A tier, or the id of a model."""
        target = rung if rung in TIERS_UPWARD else self.aliases.get(rung, rung)
        if target not in TIERS_UPWARD and target not in self._cards and target not in self._failed:
            self._dangling("tier or model", rung, [*TIERS_UPWARD, *self._cards], path)
        return target

    def task_type(self, name: str, path: str) -> None:
        if name not in self.task_types:
            self._dangling("task type", name, self.task_types, path)

    def key(self, name: str, path: str) -> None:
        if self.keys is not None and name not in self.keys:
            self._dangling("key", name, self.keys, path)

    def _dangling(self, what: str, name: str, known: Collection[str], path: str, hint: str = "") -> None:
        self._problems.add(path, f"{what} {name!r} is not in this config: {nearest(name, known)}{hint}")
