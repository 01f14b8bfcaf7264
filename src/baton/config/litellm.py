"""A LiteLLM proxy config -> the text of a `baton.yaml` that loads, and a note for everything that has no counterpart.

Keys written into the source are never copied: the text refers to environment variables instead.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import yaml
from msgspec import Struct

from baton.config.checks import RESERVED, model_problem
from baton.config.deployments import Deployment, carry_over
from baton.config.litellm_clouds import Accounts
from baton.config.litellm_values import variable_in
from baton.config.problems import Problems, shown
from baton.config.read import NULLS, typed_scalar
from baton.config.tree import Node, read_tree
from baton.config.variables import Variables
from baton.types.errors import ConfigError

SECTIONS = {"router_settings", "litellm_settings", "general_settings"}
CARRIED = {("router_settings", "model_group_alias"), ("general_settings", "master_key")}
MASTER_KEY = "BATON_MASTER_KEY"


class Imported(Struct, frozen=True):
    """`notes` say what was assumed, what was left out and why."""

    text: str
    notes: tuple[str, ...]


def import_litellm(text: str, *, source: str = "config.yaml", day: date | None = None) -> Imported:
    """Raises ConfigError when the text is not YAML, or when no model of it can be carried over."""
    problems = Problems(source)
    tree = _plain(read_tree(text, Variables({}), problems))
    problems.raise_if_any()
    listed = tree.get("model_list") if isinstance(tree, dict) else None
    if not isinstance(tree, dict) or not isinstance(listed, list) or not listed:
        raise ConfigError([f"{source}: has no list `model_list`: is this the config of a LiteLLM proxy?"])
    day = day or datetime.now(UTC).date()
    accounts = Accounts()
    made = _told_apart([carry_over(entry, f"model_list[{index}]", day, accounts) for index, entry in enumerate(listed)])
    notes = [f"{one.place}: {remark}" for one in made for remark in one.remarks]
    if all(one.item is None for one in made):
        raise ConfigError([f"{source}: no model can be carried over", *notes])
    aliases = _aliases(made, _section(tree, "router_settings"), notes)
    keys = _keys(_section(tree, "general_settings"), notes)
    notes += _without_counterpart(tree)
    return Imported(_document(source, made, _sections(accounts, aliases, keys)), tuple(notes))


def _told_apart(made: Sequence[Deployment]) -> list[Deployment]:
    """Two deployments of one model get two ids; a wildcard is listed once."""
    taken: set[str] = set()
    result = []
    for given in made:
        one = given
        if isinstance(one.item, str) and one.model in taken:
            one = msgspec.structs.replace(one, item=None, remarks=("left out: listed before",))
        elif isinstance(one.item, dict) and one.model in taken:
            number = next(number for number in range(2, len(made) + 2) if f"{one.model}-{number}" not in taken)
            name, upstream = f"{one.model}-{number}", one.model.partition("/")[2]
            one = msgspec.structs.replace(one, model=name, item={**one.item, "id": name, "upstream": upstream})
        taken.add(one.model)
        result.append(one)
    return result


def _aliases(made: Sequence[Deployment], router: Mapping[str, Any], notes: list[str]) -> dict[str, str]:
    aliases: dict[str, str] = {}
    ids = {one.model for one in made if one.item is not None}
    for one in made:
        if one.item is None or one.asked == one.model or isinstance(one.item, str):
            continue
        if one.asked in aliases:
            notes.append(
                f"{one.place}: {shown(one.asked)} has several deployments: {one.model} is a model of its own, the name "
                f"means {aliases[one.asked]}"
            )
        elif one.asked in ids or _cannot_be_alias(one.asked):
            notes.append(f"{one.place}: {shown(one.asked)} cannot be an alias: ask for {one.model}")
        else:
            aliases[one.asked] = one.model
    groups = router.get("model_group_alias")
    for alias, given in (groups if isinstance(groups, dict) else {}).items():
        target = given.get("model") if isinstance(given, dict) else given
        if target in {*aliases, *ids} and alias not in {*aliases, *ids} and not _cannot_be_alias(alias):
            aliases[alias] = aliases.get(str(target), str(target))
        else:
            notes.append(f"router_settings.model_group_alias: {shown(alias)}: left out: its target is not carried over")
    return aliases


def _cannot_be_alias(name: str) -> bool:
    return name in RESERVED or "*" in name or bool(model_problem(name))


def _keys(general: Mapping[str, Any], notes: list[str]) -> list[dict[str, str]]:
    master = general.get("master_key")
    if not master:
        return []
    variable = variable_in(master)
    if variable is None:
        notes.append(f"general_settings.master_key: is written into the source: put it into {MASTER_KEY}")
    return [{"name": "master", "key": f"${{{variable or MASTER_KEY}}}"}]


def _without_counterpart(tree: Mapping[str, Any]) -> list[str]:
    notes = []
    for section, value in tree.items():
        if section not in SECTIONS:
            notes += [] if section == "model_list" else [f"{section}: no counterpart"]
            continue
        for name in value if isinstance(value, dict) else ():
            if (section, name) not in CARRIED:
                hint = ": routes and task types choose among models" if "fallback" in name else ""
                notes.append(f"{section}.{name}: no counterpart{hint}")
    return notes


def _sections(accounts: Accounts, aliases: Mapping[str, str], keys: list[dict[str, str]]) -> list[str]:
    """What stands beside the models."""
    lines = []
    if entries := {name: entry for name, entry in accounts.entries.items() if entry}:
        lines += ["providers:", *(f"  {name}: {_flow(entry)}" for name, entry in entries.items())]
    if aliases:
        lines += ["aliases:", *(f"  {_flow(alias)}: {_flow(model)}" for alias, model in aliases.items())]
    if keys:
        lines += ["server:", f"  keys: {_flow(keys)}"]
    return lines


def _document(source: str, made: Sequence[Deployment], sections: Sequence[str]) -> str:
    lines = [
        f"# Made from {shown(source)} by `baton import litellm`: read the remarks before you rely on it.",
        "version: 1",
    ]
    lines.append("models:")
    for one in made:
        lines += [f"  # {shown(one.asked)}: {remark}" for remark in one.remarks]
        if one.item is not None:
            lines.append(f"  - {_flow(one.item)}")
    return "\n".join([*lines, *sections]) + "\n"


def _flow(value: Any) -> str:
    """On one line."""
    text: str = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")


def _plain(node: Node) -> Any:
    if isinstance(node.value, dict):
        return {name: _plain(member) for name, member in node.value.items()}
    if isinstance(node.value, list):
        return [_plain(item) for item in node.value]
    if node.plain and node.value in NULLS:
        return None
    return typed_scalar(node.value) if node.plain else node.value


def _section(tree: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = tree.get(name)
    return section if isinstance(section, dict) else {}
