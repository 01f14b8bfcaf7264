"""Aliases, task types and routes: the file's over the built-in ones, every name they use looked up."""

from collections import Counter
from collections.abc import Collection, Mapping

import msgspec

from baton.config.cascades import cascade_of, limit_of
from baton.config.catalogue import Catalogue
from baton.config.checks import RESERVED
from baton.config.names import Names
from baton.config.problems import Problems, joined, nearest
from baton.config.shape import MatchEntry, RouteEntry, TaskTypeEntry
from baton.config.task_types import BUILTIN_TASK_TYPES
from baton.types.card import ModelCard
from baton.types.task import Match, Route, RouteCache, TaskType

BUILTIN_ROUTES = {
    "auto": Route("auto", model=("auto", "auto:*")),
    "direct": Route("direct", strategy="pass"),
}
"""Always there, after the file's own: what is asked as `auto` is chosen, a concrete id is passed through."""


def resolve_aliases(
    given: Mapping[str, str], cards: Mapping[str, ModelCard], failed: Collection[str], problems: Problems
) -> dict[str, str]:
    """Each alias with what it means in the end: a model id, or a name that leaves the choice to Baton."""
    ends = {*RESERVED, *cards, *failed}
    resolved = {}
    for alias in given:
        path = joined("aliases", alias)
        if alias in ends:
            problems.add(path, f"{alias!r} is already the name of a model: choose another alias")
            continue
        chain = [alias]
        while chain[-1] in given and given[chain[-1]] not in chain:
            chain.append(given[chain[-1]])
        if chain[-1] in given:
            problems.add(path, f"alias {alias!r} leads back to {given[chain[-1]]!r}: let it name a model")
        elif chain[-1] not in ends:
            known = [*ends, *given]
            problems.add(path, f"model {chain[-1]!r} is not in this config: {nearest(chain[-1], known)}")
        else:
            resolved[alias] = chain[-1]
    return resolved


def bare_names(cards: Mapping[str, ModelCard], known: Catalogue, taken: Collection[str]) -> dict[str, str]:
    """Vendors' own names of their models, as clients made for a vendor ask for them, where they are unambiguous."""
    hosted = [card for card in cards.values() if card.id.partition("/")[0] in known.providers]
    count = Counter(card.upstream for card in hosted)
    return {
        card.upstream: card.id
        for card in hosted
        if count[card.upstream] == 1 and card.upstream not in taken and card.upstream not in cards
    }


def build_task_types(
    given: Mapping[str, TaskTypeEntry | None], names: Names, problems: Problems
) -> dict[str, TaskType]:
    """The user's own types first, in the order of the file; then the built-in ones in theirs."""
    own = [name for name in given if name not in BUILTIN_TASK_TYPES]
    names.task_types = [*own, *BUILTIN_TASK_TYPES]
    built = {}
    for name in names.task_types:
        base = BUILTIN_TASK_TYPES.get(name) or TaskType(name)
        entry = given.get(name)
        built[name] = base if entry is None else _task_type(base, entry, names, problems)
    for name in built:
        if name in _ancestors(built, name):
            problems.add(joined("task_types", name) + ".parent", f"{name!r} is a kind of itself: break the circle")
            break
    return built


def _ancestors(task_types: Mapping[str, TaskType], name: str) -> list[str]:
    found: list[str] = []
    above = task_types[name].parent
    while above is not None and above in task_types and above not in found:
        found.append(above)
        above = task_types[above].parent
    return found


def _task_type(base: TaskType, entry: TaskTypeEntry, names: Names, problems: Problems) -> TaskType:
    path = joined("task_types", base.name)
    changes = {name: value for name, value in msgspec.structs.asdict(entry).items() if value is not None}
    for member in ("rule", "rule_internal"):
        if member in changes:
            changes[member] = names.rule(changes[member], f"{path}.{member}")
    if entry.reference is not None:
        changes["reference"] = names.model(entry.reference, f"{path}.reference")
    if entry.ladder is not None:
        changes["ladder"] = names.rungs(entry.ladder, f"{path}.ladder")
    if entry.parent is not None:
        names.task_type(entry.parent, f"{path}.parent")
    if entry.never_below is not None:
        changes["never_below"] = names.rung(entry.never_below, f"{path}.never_below")
    reference = changes.get("reference", base.reference)
    changes["cascade"] = cascade_of(entry.cascade, base.name, reference, path, names, problems)
    changes["escalation"] = limit_of(entry.escalation)
    if entry.match is not None:
        changes["match"] = tuple(
            _match(one, f"{path}.match[{index}]", problems) for index, one in enumerate(entry.match)
        )
    return msgspec.structs.replace(base, **changes)


def _match(entry: MatchEntry, path: str, problems: Problems) -> Match:
    match = Match(**msgspec.structs.asdict(entry))
    if match == Match() and not problems.inside(path):
        problems.add(path, "is empty and would never hold: give patterns, words, or one of the conditions")
    return match


def build_routes(given: tuple[RouteEntry | None, ...], names: Names, problems: Problems) -> tuple[Route, ...]:
    """The file's routes, then those built-in ones that the file does not define itself."""
    routes: dict[str, Route] = {}
    first: dict[str, str] = {}
    for index, entry in enumerate(given):
        if entry is None:
            continue
        path = f"routes[{index}]"
        if entry.name in routes:
            problems.add(path, f"route {entry.name!r} is given twice, first as {first[entry.name]}: rename one")
        first.setdefault(entry.name, path)
        routes.setdefault(entry.name, _route(entry, names, path, problems))
    return tuple((routes | {name: one for name, one in BUILTIN_ROUTES.items() if name not in routes}).values())


def _route(entry: RouteEntry, names: Names, path: str, problems: Problems) -> Route:
    names.asked(entry.model, f"{path}.model")
    for index, task_type in enumerate(entry.task_type):
        names.task_type(task_type, f"{path}.task_type[{index}]")
    for index, key in enumerate(entry.key):
        names.key(key, f"{path}.key[{index}]")
    base = BUILTIN_ROUTES.get(entry.name) or Route(entry.name)
    return Route(
        name=entry.name,
        model=entry.model or base.model,
        task_type=entry.task_type,
        key=entry.key,
        rule=None if entry.rule is None else names.rule(entry.rule, f"{path}.rule"),
        floor=entry.floor,
        min_quality=entry.min_quality,
        lambda_=entry.lambda_,
        gate=entry.gate,
        models=names.allow_list(entry.models, f"{path}.models"),
        strategy=entry.strategy or base.strategy,
        cache=None if entry.cache is None else RouteCache(entry.cache.ttl_s, entry.cache.max_bytes),
        tool_policy=entry.tool_policy or base.tool_policy,
        hedge=entry.hedge,
        resume=entry.resume,
        cascade=cascade_of(entry.cascade, "", None, path, names, problems),
        escalation=limit_of(entry.escalation),
    )
