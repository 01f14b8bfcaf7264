"""Members of JSON text set and taken out in place: every other byte stays.

With `comments` the text is JSONC: comments and trailing commas are blanked in a copy of the same length, in which
positions are found; the text itself keeps them.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from baton.cli.wire.entries import ABSENT, Entries, NotEditable, Path, Taken, value_at, with_value

STRING = r'"(?:\\.|[^"\\])*"'
COMMENT = re.compile(rf"(?P<string>{STRING})|//[^\r\n]*|/\*.*?\*/", re.DOTALL)
TRAILING_COMMA = re.compile(rf"(?P<string>{STRING})|,(?=\s*[}}\]])", re.DOTALL)
WHITE = " \t\r\n"
BOM = "\ufeff"
FIRST_MEMBER = re.compile(r"\s*\{[ \t]*\r?\n([ \t]+)\"")


class Member(NamedTuple):
    """Positions: where the name starts, where the value starts, where it ends."""

    name: str
    start: int
    value: int
    end: int


class Source:
    """A text with its copies without comments, and without trailing commas too."""

    def __init__(self, text: str, *, comments: bool) -> None:
        self.text = text
        self.without_comments = _blank(COMMENT, text) if comments else text
        if text.startswith(BOM):
            self.without_comments = " " + self.without_comments[1:]
        self.plain = _blank(TRAILING_COMMA, self.without_comments) if comments else self.without_comments
        self.tree = _parsed(self.plain, "JSON with comments" if comments else "JSON")
        self.root = self.skip(0)

    def skip(self, at: int) -> int:
        """Past white space and comments, up to the next sign: a trailing comma is one."""
        while at < len(self.without_comments) and self.without_comments[at] in WHITE:
            at += 1
        return at

    def end_of(self, at: int) -> int:
        return json.JSONDecoder().raw_decode(self.plain, at)[1]

    def members(self, at: int) -> Iterator[Member]:
        """Of the object that starts at this position."""
        at = self.skip(at + 1)
        while self.plain[at] == '"':
            name, after = json.JSONDecoder().raw_decode(self.plain, at)
            value = self.skip(self.skip(after) + 1)
            end = self.end_of(value)
            yield Member(name, at, value, end)
            at = self.skip(end)
            if self.plain[at] == ",":
                at = self.skip(at + 1)

    def find(self, path: Path) -> tuple[int, list[Member], Member] | None:
        """The object around, its members, and the one that counts: the last of its name."""
        around = self.root
        for depth, name in enumerate(path, 1):
            inside = list(self.members(around)) if self.plain[around] == "{" else []
            found = next((member for member in reversed(inside) if member.name == name), None)
            if found is None:
                return None
            if depth == len(path):
                return around, inside, found
            around = found.value
        return None


def put(text: str | None, entries: Entries, *, comments: bool = False) -> str:
    """Raises NotEditable."""
    edited = "{}\n" if text is None or not text.strip(BOM + WHITE) else text
    for path, value in entries.items():
        source = Source(edited, comments=comments)
        edited = _set(source, path, value)
        _prove(edited, with_value(source.tree, path, value), path, comments=comments)
    return edited


def take(text: str, original: str | None, entries: Entries, *, comments: bool = False) -> Taken:
    """Give every entry that still has our value the one it had before. Raises NotEditable."""
    before = None if original is None or not original.strip(BOM + WHITE) else Source(original, comments=comments)
    left = []
    for path, ours in reversed(entries.items()):
        source = Source(text, comments=comments)
        if value_at(source.tree, path) != ours:
            left.append(".".join(path))
            continue
        was = before.find(path) if before is not None else None
        if before is not None and was is not None:
            _, _, member = was
            text = _replace(source, path, before.text[member.value : member.end])
            _prove(text, with_value(source.tree, path, value_at(before.tree, path)), path, comments=comments)
        else:
            text = _remove(source, path)
            _prove(text, with_value(source.tree, path, ABSENT), path, comments=comments)
            text = _prune(text, path, before, comments=comments)
    gone = original is None and text.strip(WHITE) == "{}"
    return Taken(None if gone else text, tuple(reversed(left)))


def _parsed(plain: str, name: str) -> dict[str, Any]:
    try:
        tree = json.loads(plain, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise NotEditable(f"is not valid {name} ({error.msg}, {place}): mend it first") from error
    except (ValueError, RecursionError) as error:
        raise NotEditable(f"is not valid {name} ({error}): mend it first") from error
    if not isinstance(tree, dict):
        raise NotEditable("holds no JSON object at its top: mend it first")
    return tree


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _blank(pattern: re.Pattern[str], text: str) -> str:
    def blanked(found: re.Match[str]) -> str:
        return found[0] if found["string"] is not None else re.sub(r"[^\r\n]", " ", found[0])

    return pattern.sub(blanked, text)


def _set(source: Source, path: Path, value: Any) -> str:
    if value_at(source.tree, path) == value:
        return source.text
    around = source.root
    for depth, name in enumerate(path):
        if source.plain[around] != "{":
            raise NotEditable(f"has {'.'.join(path[:depth])!r} that is no object: mend it first")
        inside = [member for member in source.members(around) if member.name == name]
        if not inside:
            for inner in reversed(path[depth + 1 :]):
                value = {inner: value}
            return _insert(source, around, name, value, depth + 1)
        around = inside[-1].value
    return _replace(source, path, json.dumps(value, ensure_ascii=False))


def _replace(source: Source, path: Path, raw: str) -> str:
    found = source.find(path)
    assert found is not None
    _, _, member = found
    return source.text[: member.value] + raw + source.text[member.end :]


def _insert(source: Source, around: int, name: str, value: Any, depth: int) -> str:
    """A new last member; on a line of its own, except in an object that stands on one line."""
    text, inside = source.text, list(source.members(around))
    close = source.end_of(around) - 1
    tail = len(text[:close].rstrip(WHITE))
    last = inside[-1].end if inside else around + 1
    comma = "," if inside and source.without_comments[source.skip(last)] != "," else ""
    written = json.dumps(name, ensure_ascii=False) + ": "
    on_one_line = inside and "\n" not in text[around : inside[0].start] and "\n" not in text[last:close]
    if on_one_line:
        member = " " + written + json.dumps(value, ensure_ascii=False)
        return text[:last] + comma + text[last:tail] + member + text[tail:]
    newline = "\r\n" if "\r\n" in text else "\n"
    first = FIRST_MEMBER.match(text.removeprefix(BOM))
    unit = first[1] if first else "  "
    lines = (written + json.dumps(value, ensure_ascii=False, indent=unit)).split("\n")
    member = "".join(newline + unit * depth + line for line in lines)
    end = "" if "\n" in text[tail:close] else newline + unit * (depth - 1)
    return text[:last] + comma + text[last:tail] + member + end + text[tail:]


def _remove(source: Source, path: Path) -> str:
    found = source.find(path)
    assert found is not None
    _, inside, member = found
    text, index = source.text, inside.index(member)
    after = source.skip(member.end)
    cuts = [(member.start, member.end)]
    if source.without_comments[after] == ",":
        cuts.append((after, after + 1))
    elif index:
        before = source.skip(inside[index - 1].end)
        cuts.append((before, before + 1))
    rest = max(end for start, end in cuts if start >= member.start)
    lead = len(text[: member.start].rstrip(WHITE))
    if text[rest:].lstrip(" \t").startswith(("\n", "\r\n")) or "\n" not in text[lead : member.start]:
        cuts[0] = (lead, member.end)
    for start, end in sorted(cuts, reverse=True):
        text = text[:start] + text[end:]
    return text


def _prune(text: str, path: Path, before: Source | None, *, comments: bool) -> str:
    """Objects that were made for us alone go too, unless a comment stands in them."""
    for depth in range(len(path) - 1, 0, -1):
        around = path[:depth]
        source = Source(text, comments=comments)
        found = source.find(around)
        if found is None or (before is not None and before.find(around) is not None):
            return text
        _, _, member = found
        if text[member.value + 1 : member.end - 1].strip(WHITE):
            return text
        text = _remove(source, around)
    return text


def _prove(edited: str, expected: dict[str, Any], path: Path, *, comments: bool) -> None:
    """What was edited says what it should, and everything else is as before."""
    if Source(edited, comments=comments).tree != expected:
        raise NotEditable(f"cannot be edited without harm at {'.'.join(path)!r}: edit it by hand")
