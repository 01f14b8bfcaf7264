"""YAML text -> a tree of nodes with line numbers. Nothing is typed here, so that the reader can say what it expected.

Read event by event with bounds on depth and size: neither deep nesting nor anchors that multiply can exhaust anything.
Duplicate keys, tags, merge keys and further documents are refused.
"""

import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from baton.config.problems import Problems, joined
from baton.config.variables import Variables

MAX_TEXT_BYTES = 1024 * 1024
MAX_DEPTH = 24
MAX_NODES = 50_000
NO_TAG = {None, "!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map"}
QUOTED = re.compile(r"'[^']{2,}'|\"[^\"]{2,}\"")


class Node(Struct, frozen=True):
    """A scalar (shielded text), a list or a mapping, and the line it stands on. `size` counts everything inside."""

    line: int
    value: "str | list[Node] | dict[str, Node]"
    plain: bool = False
    """A scalar without quotes: it may be a number, a flag or nothing at all."""
    size: int = 1


def read_tree(text: str, variables: Variables, problems: Problems) -> Node:
    """Raises ConfigError for what is not one YAML document within bounds."""
    import yaml

    if len(text) > MAX_TEXT_BYTES or len(text.encode(errors="replace")) > MAX_TEXT_BYTES:
        problems.stop(f"is larger than {MAX_TEXT_BYTES} bytes: this cannot be a config")
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        events = yaml.parse(variables.shield(text), Loader=loader)
        return _Builder(events, variables, problems).document()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        problems.stop(_syntax_problem(text, str(error.problem), line), line)
    except (yaml.YAMLError, UnicodeError):
        problems.stop("holds characters that YAML does not allow (control characters): is this a text file?")


def _syntax_problem(text: str, problem: str, line: int) -> str:
    lines = text.splitlines()
    here = lines[line - 1] if 0 < line <= len(lines) else ""
    if "\t" in here[: len(here) - len(here.lstrip())]:
        return "is indented with a tab: YAML wants spaces"
    # The parser may quote what it stumbled over, which may be a key.
    told = QUOTED.sub("...", problem)
    return f"is not YAML: {told}: check the indentation, and quote a value that holds ': ' or begins with @ ` % * & !"


class _Builder:
    def __init__(self, events: Iterator[Any], variables: Variables, problems: Problems) -> None:
        self._events = events
        self._variables = variables
        self._problems = problems
        self._anchors: dict[str, Node | None] = {}
        self._nodes = 0

    def document(self) -> Node:
        import yaml

        next(self._events)  # the start of the stream
        first = next(self._events)
        if isinstance(first, yaml.StreamEndEvent):
            self._problems.stop("is empty: list at least one model under `models`")
        root = self._node(next(self._events), "", 0)
        next(self._events)  # the end of the document
        more = next(self._events)
        if not isinstance(more, yaml.StreamEndEvent):
            self._problems.stop("holds more than one document: remove the line '---'", more.start_mark.line + 1)
        return root

    def _node(self, event: Any, path: str, depth: int) -> Node:
        import yaml

        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            node = self._anchored(event.anchor or "", line)
            self._count(node.size, line)
            return Node(line, node.value, node.plain, node.size)
        self._count(1, line)
        if depth > MAX_DEPTH:
            self._problems.stop(f"is nested deeper than {MAX_DEPTH} levels", line)
        if event.tag not in NO_TAG:
            self._problems.add(
                path, "has a YAML tag ('!...'), which is not supported: remove it, or quote the text", line
            )
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            node = Node(line, event.value, plain=not event.style)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._list(line, path, depth)
        else:
            node = self._mapping(line, path, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _list(self, line: int, path: str, depth: int) -> Node:
        import yaml

        items: list[Node] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, f"{path}[{len(items)}]", depth + 1))
        return Node(line, items, size=1 + sum(item.size for item in items))

    def _mapping(self, line: int, path: str, depth: int) -> Node:
        import yaml

        members: dict[str, Node] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key_line = event.start_mark.line + 1
            name = self._key(event, path, depth)
            inner = joined(path, name)
            value = self._node(next(self._events), inner, depth + 1)
            if name in members:
                self._problems.add(inner, f"is given twice, first on line {members[name].line}: keep one", key_line)
            elif name == "<<":
                self._problems.add(inner, "merge keys are not supported: write the members out", key_line)
            else:
                members[name] = Node(key_line, value.value, value.plain, value.size)
        return Node(line, members, size=1 + sum(1 + member.size for member in members.values()))

    def _key(self, event: Any, path: str, depth: int) -> str:
        node = self._node(event, path, depth + 1)
        if not isinstance(node.value, str):
            self._problems.stop("a list or a mapping cannot be a key: quote it if it is a text", node.line)
        return self._variables.written(node.value)

    def _anchored(self, name: str, line: int) -> Node:
        if name not in self._anchors:
            self._problems.stop(
                "uses an anchor ('*...') that is not defined before: define it, or quote the text", line
            )
        node = self._anchors[name]
        if node is None:
            self._problems.stop("uses an anchor ('*...') inside of itself", line)
        return node

    def _count(self, nodes: int, line: int) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            self._problems.stop(f"holds more than {MAX_NODES} values, counting what anchors repeat", line)
