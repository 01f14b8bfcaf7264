"""The JSON of an answer: bare, or in its one fenced block. What is ambiguous is refused, not guessed."""

import re
from typing import Any

import msgspec

FENCE = re.compile(r"```[ \t]*([A-Za-z0-9_+-]*)[ \t]*\r?\n(.*?)```", re.DOTALL)


class NoJson(ValueError):
    """Says why the text has no readable JSON."""


def read_json(text: str) -> Any:
    """Raises NoJson. NaN, Infinity and names that stand twice in one object are refused."""
    blocks = [body for language, body in FENCE.findall(text) if language.lower() in {"", "json"}]
    if len(blocks) > 1:
        raise NoJson(f"{len(blocks)} fenced blocks: it is not clear which one is the answer")
    source = blocks[0] if blocks else text
    try:
        value = msgspec.json.decode(source.strip())
        _refuse_twins(source)
    except RecursionError:
        raise NoJson("nested too deeply") from None
    except msgspec.DecodeError as error:
        raise NoJson(f"not valid JSON: {error}") from None
    return value


def _refuse_twins(source: str) -> None:
    """Msgspec keeps the last of two equal names, as most readers do: the first would be lost in silence."""
    import json

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        if len(set(names)) < len(names):
            twin = next(name for name in names if names.count(name) > 1)
            raise NoJson(f"the name {twin!r} stands twice in one object")
        return dict(pairs)

    json.loads(source, object_pairs_hook=unique)
