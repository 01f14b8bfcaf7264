"""A config without a file: the providers whose keys are in the environment, with their built-in cards."""

from collections.abc import Collection, Mapping
from datetime import date

import msgspec

from baton.config.catalogue import BuiltinProvider, catalogue
from baton.config.load import build_config
from baton.config.problems import Problems
from baton.config.read import read_as
from baton.config.schema import Config
from baton.config.shape import File
from baton.config.tree import Node
from baton.config.variables import Variables
from baton.types.errors import ConfigError

MODELS_VARIABLE = "BATON_MODELS"
"""Ids or wildcards with commas between them: the models to use, instead of everything that was found."""
KEY_VARIABLE = "BATON_KEY"
"""The key that callers must send."""


def config_from_environment(env: Mapping[str, str], *, day: date | None = None) -> Config:
    """The built-in cards of every provider whose key is set, or the models that BATON_MODELS names.

    A local server is used unnamed only where nothing else is found: which of its models were loaded is not known.

    Raises ConfigError when there is nothing to serve, or when what is set is wrong.
    """
    known = catalogue()
    found = {name: set_by for name, one in known.providers.items() if (set_by := _set_variable(one, env))}
    named = [name.strip() for name in env.get(MODELS_VARIABLE, "").split(",") if name.strip()]
    hosted = [f"{name}/*" for name in found if known.matching(f"{name}/*")]
    models = named or hosted or [model for name in found for model in known.local_models(name)]
    unnamed = () if named else [name for name in found if known.is_local(name)]
    if not models:
        raise ConfigError([_nothing_found(found)])
    problems = Problems("environment")
    file = read_as(File, _as_tree(models, env.get(KEY_VARIABLE, "")), Variables({}), problems)
    config = build_config(file, env, problems, day)
    return msgspec.structs.replace(config, notes=(*config.notes, *_notes(found, config, unnamed)))


def _set_variable(provider: BuiltinProvider, env: Mapping[str, str]) -> str:
    """The name of the variable by which a provider is found."""
    names = [*provider.key_variables, provider.bearer_variable]
    if provider.local_window is not None:
        names.append(provider.base_url_variable)
    found = next((name for name in names if name and env.get(name)), "")
    return found or next((name for name in provider.switch_variables if _is_on(env.get(name, ""))), "")


def _is_on(value: str) -> bool:
    return value.strip().lower() not in {"", "0", "false", "no", "off"}


def _as_tree(models: list[str], key: str) -> Node:
    """What a file would say, so that it is checked as a file is."""
    members = {"models": Node(0, [Node(0, model) for model in models])}
    if key:
        entry = Node(0, {"name": Node(0, "default"), "key": Node(0, key)})
        members["server"] = Node(0, {"keys": Node(0, [entry])})
    return Node(0, members)


def _nothing_found(found: Mapping[str, str]) -> str:
    if found:
        name, variable = next(iter(found.items()))
        return (
            f"{variable} is set, but Baton has no built-in card to serve at {name}: name the models, as in "
            f"{MODELS_VARIABLE}={name}/MODEL, or write a baton.yaml"
        )
    variables = [one.key_variables[0] for one in catalogue().providers.values() if one.key_variables]
    return (
        f"no provider is found in the environment: set one of {', '.join(variables)}, or {MODELS_VARIABLE} to "
        "models of a local server (ollama/NAME), or write a baton.yaml. `baton demo` needs none of it"
    )


def _notes(found: Mapping[str, str], config: Config, unnamed: Collection[str]) -> list[str]:
    notes = []
    for name, variable in found.items():
        count = sum(1 for card in config.snapshot.cards.values() if card.provider == name)
        if count:
            notes.append(f"{name}: found by {variable}, {count} models")
            if name in unnamed:
                notes.append(
                    f"{name} has only what was loaded into it: name your models, as in {MODELS_VARIABLE}={name}/MODEL"
                )
        else:
            notes.append(f"{name}: found by {variable}, but no model of it is named in {MODELS_VARIABLE}: not used")
    return notes
