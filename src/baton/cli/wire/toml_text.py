"""Keys of TOML text set and taken out in place: every other byte stays. Values are strings.

TOML says of itself where a statement starts and ends; tomllib reads the text before and after, and anything that does
not come out as meant is refused.
"""

import re
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

from baton.cli.wire.entries import ABSENT, Absent, Entries, NotEditable, Path, Taken, value_at, with_value

TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?:"{0,2})'
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|#[^\n]*"
    r"|.",
    re.DOTALL,
)
EQUALS = re.compile(r"""(?:"(?:\\.|[^"\\\n])*"|'[^'\n]*'|[^"'=])*""")
GAP = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
BARE = re.compile(r"[A-Za-z0-9_-]+")
BOM = "\ufeff"


class Header(NamedTuple):
    """`[table]` on the line from `start` to `end`. An array of tables has no path that anything is put under."""

    path: Path
    start: int
    end: int


class Assignment(NamedTuple):
    """`key = value` on lines from `start` to `end`; the value from `value` to `value_end`."""

    path: Path
    start: int
    value: int
    value_end: int
    end: int


Statement = Header | Assignment


def put(text: str | None, entries: Entries) -> str:
    """Raises NotEditable."""
    edited = text or ""
    for path, value in entries.items():
        tree = _parsed(edited)
        if value_at(tree, path) != value:
            edited = _set(edited, path, _quoted(value))
        _prove(edited, with_value(tree, path, value), path)
    return edited


def take(text: str, original: str | None, entries: Entries) -> Taken:
    """Give every entry that still has our value the one it had before. Raises NotEditable."""
    tree_before, left = _parsed(original or ""), []
    headers_before = {one.path for one in _statements(original or "") if isinstance(one, Header)}
    for path, ours in reversed(entries.items()):
        tree = _parsed(text)
        if value_at(tree, path) != ours:
            left.append(".".join(path))
            continue
        was = value_at(tree_before, path)
        text = _remove(text, path) if isinstance(was, Absent) else _set(text, path, _raw(original or "", path))
        _prove(text, with_value(tree, path, was), path, also=_without_parents(tree, path))
        if path[:-1] not in headers_before:
            text = _prune(text, path[:-1])
    gone = original is None and not text.strip()
    return Taken(None if gone else text, tuple(reversed(left)))


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text.removeprefix(BOM))
    except (ValueError, RecursionError) as error:
        raise NotEditable(f"is not valid TOML ({error}): mend it first") from error


def _prove(edited: str, expected: dict[str, Any], path: Path, also: dict[str, Any] | None = None) -> None:
    name = ".".join(path)
    problem = (
        f"cannot be edited without harm at {name!r}: write {path[0]} as [{path[0]}.NAME] tables, or edit it by hand"
    )
    try:
        found = tomllib.loads(edited.removeprefix(BOM))
    except ValueError as error:
        raise NotEditable(problem) from error
    if found not in (expected, also):
        raise NotEditable(problem)


def _without_parents(tree: dict[str, Any], path: Path) -> dict[str, Any]:
    """A table that only a dotted key made goes with the key."""
    bare = with_value(tree, path, ABSENT)
    for depth in range(len(path) - 1, 0, -1):
        if value_at(bare, path[:depth]) == {}:
            bare = with_value(bare, path[:depth], ABSENT)
    return bare


def _statements(text: str) -> Iterator[Statement]:
    at = _past_gap(text, len(BOM) if text.startswith(BOM) else 0)
    table: Path = ()
    while at < len(text):
        if text[at] == "[":
            end = _line_end(text, at)
            table = _path_of(text[at:end])
            yield Header(table, at, end)
        else:
            found = EQUALS.match(text, at)
            assert found is not None
            value = found.end() + 1
            value += len(text[value:]) - len(text[value:].lstrip(" \t"))
            value_end = _value_end(text, value)
            end = _line_end(text, value_end)
            yield Assignment((*table, *_path_of(text[at : found.end()] + "= 0")), at, value, value_end, end)
        at = _past_gap(text, end)


def _past_gap(text: str, at: int) -> int:
    found = GAP.match(text, at)
    assert found is not None
    return found.end()


def _line_end(text: str, at: int) -> int:
    """Behind the newline, or the end of the text."""
    return text.find("\n", at) + 1 or len(text)


def _value_end(text: str, at: int) -> int:
    depth, end = 0, at
    for token in TOKEN.finditer(text, at):
        sign = token[0]
        if depth == 0 and sign[0] in "\n#":
            break
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(sign, 0)
        if not sign.isspace():
            end = token.end()
    return end


def _path_of(statement: str) -> Path:
    tree: Any = tomllib.loads(statement)
    names: list[str] = []
    while isinstance(tree, dict) and tree:
        ((name, tree),) = tree.items()
        names.append(name)
    return (*names, "[]") if isinstance(tree, list) else tuple(names)


def _assignment(text: str, path: Path) -> Assignment | None:
    found = (one for one in _statements(text) if isinstance(one, Assignment) and one.path == path)
    return next(found, None)


def _set(text: str, path: Path, raw: str) -> str:
    found = _assignment(text, path)
    if found is not None:
        return text[: found.value] + raw + text[found.value_end :]
    newline = "\r\n" if "\r\n" in text else "\n"
    line = f"{_key(path[-1])} = {raw}{newline}"
    at = _end_of_table(text, path[:-1])
    if at is None:
        header = f"[{'.'.join(_key(name) for name in path[:-1])}]{newline}"
        gap = newline if text.strip(BOM) else ""
        return _ended(text, newline) + gap + header + line
    return _ended(text[:at], newline) + line + text[at:]


def _end_of_table(text: str, table: Path) -> int | None:
    """Behind the last line of the table's own; the root's own lines come before every header."""
    at: int | None = (len(BOM) if text.startswith(BOM) else 0) if table == () else None
    within = table == ()
    for one in _statements(text):
        if isinstance(one, Header):
            within = one.path == table
        if within:
            at = one.end
    return at


def _ended(text: str, newline: str) -> str:
    return text if not text.strip(BOM) or text.endswith("\n") else text + newline


def _remove(text: str, path: Path) -> str:
    found = _assignment(text, path)
    if found is None:
        raise NotEditable(f"has {'.'.join(path)!r} in a table on one line: take it out by hand")
    return text[: text.rfind("\n", 0, found.start) + 1] + text[found.end :]


def _prune(text: str, table: Path) -> str:
    """The header of a table that was made for us alone goes too, with the empty line above it; comments stay."""
    for one, following in pairwise([*_statements(text), None]):
        if isinstance(one, Header) and one.path == table and not isinstance(following, Assignment):
            return re.sub(r"(?<=\n)\r?\n\Z", "", text[: one.start]) + text[one.end :]
    return text


def _raw(text: str, path: Path) -> str:
    found = _assignment(text, path)
    if found is None:
        raise NotEditable(f"had {'.'.join(path)!r} in a table on one line: put it back by hand")
    return text[found.value : found.value_end]


def _key(name: str) -> str:
    return name if BARE.fullmatch(name) else _quoted(name)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
