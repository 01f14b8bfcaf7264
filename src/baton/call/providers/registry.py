"""Finds a kind of provider by its name: the built-in ones, and those that installed packages add.

A package adds one by an entry point in the group `baton.providers` that leads to a `kind.Kind`.
"""

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

from baton.call.providers.kind import Kind
from baton.types.errors import ConfigError

GROUP = "baton.providers"
_HERE = "baton.call.providers"
BUILTIN: dict[str, str] = {
    "openai-compatible": f"{_HERE}.plain:COMPATIBLE",
    "openai": f"{_HERE}.plain:OPENAI",
    "anthropic": f"{_HERE}.plain:ANTHROPIC",
    "openrouter": f"{_HERE}.plain:OPENROUTER",
    "ollama": f"{_HERE}.plain:COMPATIBLE",
    "vllm": f"{_HERE}.plain:COMPATIBLE",
    "llamacpp": f"{_HERE}.plain:COMPATIBLE",
    "gemini": f"{_HERE}.gemini:GEMINI",
    "vertex": f"{_HERE}.vertex:VERTEX",
    "azure": f"{_HERE}.azure:AZURE",
    "bedrock": f"{_HERE}.bedrock:BEDROCK",
    "litellm": f"{_HERE}.litellm:LITELLM",
}
"""As in pyproject.toml, so that the built-in ones are found without reading what is installed."""


@cache
def kind_of(name: str) -> Kind:
    """Raises ConfigError when there is no such kind, or when it cannot be loaded."""
    if name in BUILTIN:
        module, _, attribute = BUILTIN[name].partition(":")
        kind = getattr(import_module(module), attribute)
    else:
        found = list(entry_points(group=GROUP, name=name))
        if not found:
            raise ConfigError([f"provider kind {name!r} is not known: known are {', '.join(known_kinds())}"])
        try:
            kind = found[0].load()
        except (ImportError, AttributeError) as error:
            raise ConfigError([f"provider kind {name!r} ({found[0].value}) cannot be loaded: {error}"]) from error
    if not isinstance(kind, Kind):
        raise ConfigError([f"provider kind {name!r} is a {type(kind).__name__}: its entry point must lead to a Kind"])
    return kind


def known_kinds() -> list[str]:
    return sorted({*BUILTIN, *(point.name for point in entry_points(group=GROUP))})
