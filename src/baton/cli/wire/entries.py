"""What a client needs to be told, and what comes of taking it out again."""

from typing import Any, NamedTuple

Path = tuple[str, ...]
Entries = dict[Path, Any]
"""Where in the client's settings, and the value there."""


class Gateway(NamedTuple):
    """`url` has no trailing slash and no `/v1`."""

    url: str
    key: str


class Taken(NamedTuple):
    """`text` is None where nothing would be left of a file that was not there before. `left` names the entries that
    somebody changed since: they are his.
    """

    text: str | None
    left: tuple[str, ...]


class NotEditable(Exception):
    """The text says why it cannot be edited, as the rest of a sentence that starts with the file's name."""


class Absent:
    """No value at all, as opposed to null."""


ABSENT = Absent()


def value_at(tree: Any, path: Path) -> Any:
    """ABSENT where there is none."""
    for name in path:
        if not isinstance(tree, dict) or name not in tree:
            return ABSENT
        tree = tree[name]
    return tree


def with_value(tree: Any, path: Path, value: Any) -> dict[str, Any]:
    """A copy of the tree in which `path` has this value; ABSENT takes it away."""
    changed = dict(tree) if isinstance(tree, dict) else {}
    name, *rest = path
    if rest:
        changed[name] = with_value(changed.get(name, {}), tuple(rest), value)
    elif isinstance(value, Absent):
        changed.pop(name, None)
    else:
        changed[name] = value
    return changed
