"""The account of a render: every element of the input has a path, and every path gets an action."""

from collections.abc import Iterator

from baton.types.conversation import Conversation, ToolDefinition, Turn
from baton.types.handoff import ACTIONS, Action, Entry, HandoffReport
from baton.types.parts import (
    DocumentPart,
    ImagePart,
    OpaquePart,
    Part,
    ReasoningPart,
    ServerToolPart,
    ToolResultPart,
)

UNACCOUNTED = "unaccounted for: the writer has no rule for it"
"""Reason of what a writer forgot. It counts as degraded, so that `strict_handoff` refuses what nobody thought of."""

SEVERITY: dict[Action, int] = {action: rank for rank, action in enumerate(ACTIONS)}


class Account:
    """Collects what became of each element; of two notes on one path the more severe one stands."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._entries: dict[str, Entry] = {}

    def note(self, path: str, action: Action, reason: str = "") -> None:
        known = self._entries.get(path)
        if known is None or SEVERITY[action] > SEVERITY[known.action]:
            self._entries[path] = Entry(path, action, reason)

    def action(self, path: str) -> Action | None:
        entry = self._entries.get(path)
        return None if entry is None else entry.action

    def setting(self, name: str, action: Action, reason: str = "") -> None:
        """Note a setting by its canonical name; does nothing when the caller did not give it."""
        path = self._conversation.paths.get(name)
        if path is not None:
            self.note(path, action, reason)

    def turn(self, turn: Turn, action: Action, reason: str = "") -> None:
        """The same action for the turn and everything in it."""
        for path in turn_elements(turn):
            self.note(path, action, reason)

    def part(self, part: Part, action: Action, reason: str = "") -> None:
        """The same action for the part and everything in it."""
        for path in part_elements(part):
            self.note(path, action, reason)

    def tool(self, tool: ToolDefinition, action: Action, reason: str = "") -> None:
        for path in tool_elements(tool):
            self.note(path, action, reason)

    def report(self) -> HandoffReport:
        """Elements in the order of the input, then what the writer added."""
        entries = self._entries
        ordered = []
        for path in elements(self._conversation):
            entry = entries.pop(path, None)
            ordered.append(Entry(path, "degraded", UNACCOUNTED) if entry is None else entry)
        ordered.extend(entries.values())
        self._entries = {}
        return HandoffReport(tuple(ordered))


def elements(conversation: Conversation) -> Iterator[str]:
    """The path of every element: settings, members, tools, turns, parts, their extras, private entries; each once."""
    seen: set[str] = set()
    for path in _all_elements(conversation):
        if path not in seen:
            seen.add(path)
            yield path


def turn_elements(turn: Turn) -> Iterator[str]:
    yield turn.path
    yield from turn.echo
    if turn.name:
        yield f"{turn.path}.name"
    for name in turn.extra:
        yield f"{turn.path}.{name}"
    for part in turn.parts:
        yield from part_elements(part)
    for entry in turn.private:
        yield entry.path


def part_elements(part: Part) -> Iterator[str]:
    yield part.path
    if isinstance(part, OpaquePart | ServerToolPart):
        return
    for name in part.extra:
        yield f"{part.path}.{name}"
    if isinstance(part, ReasoningPart):
        return
    if part.cache is not None:
        yield part.cache.path
    if isinstance(part, ToolResultPart):
        if part.is_error:
            yield f"{part.path}.is_error"
        for piece in part.content:
            yield from part_elements(piece)
    elif isinstance(part, ImagePart) and part.detail:
        yield f"{part.path}.detail"
    elif isinstance(part, DocumentPart) and part.title:
        yield f"{part.path}.title"


def tool_elements(tool: ToolDefinition) -> Iterator[str]:
    yield tool.path
    if tool.strict is not None:
        yield f"{tool.path}.strict"
    if tool.cache is not None:
        yield tool.cache.path
    for name in tool.extra:
        yield f"{tool.path}.{name}"


def _all_elements(conversation: Conversation) -> Iterator[str]:
    yield from conversation.paths.values()
    yield from conversation.unmodelled
    for tool in conversation.tools:
        yield from tool_elements(tool)
    for turn in conversation.turns:
        yield from turn_elements(turn)
