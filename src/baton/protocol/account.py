"""The account of a render: every element of the input has a path, and every path gets an action."""

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


def elements(conversation: Conversation) -> list[str]:
    """The path of every element: settings, members, tools, turns, parts, their extras, private entries; each once."""
    found = [*conversation.paths.values(), *conversation.unmodelled]
    for tool in conversation.tools:
        found += tool_elements(tool)
    for turn in conversation.turns:
        found += turn_elements(turn)
    return list(dict.fromkeys(found))


def turn_elements(turn: Turn) -> list[str]:
    found = [turn.path, *turn.echo]
    if turn.name:
        found.append(f"{turn.path}.name")
    if turn.extra:
        found += [f"{turn.path}.{name}" for name in turn.extra]
    for part in turn.parts:
        found += part_elements(part)
    return found + [entry.path for entry in turn.private]


def part_elements(part: Part) -> list[str]:
    found = [part.path]
    if type(part) is OpaquePart or type(part) is ServerToolPart:
        return found
    if part.extra:
        found += [f"{part.path}.{name}" for name in part.extra]
    if type(part) is ReasoningPart:
        return found
    if part.cache is not None:
        found.append(part.cache.path)
    if type(part) is ToolResultPart:
        if part.is_error:
            found.append(f"{part.path}.is_error")
        for piece in part.content:
            found += part_elements(piece)
    elif type(part) is ImagePart and part.detail:
        found.append(f"{part.path}.detail")
    elif type(part) is DocumentPart and part.title:
        found.append(f"{part.path}.title")
    return found


def tool_elements(tool: ToolDefinition) -> list[str]:
    found = [tool.path]
    if tool.strict is not None:
        found.append(f"{tool.path}.strict")
    if tool.cache is not None:
        found.append(tool.cache.path)
    return found + [f"{tool.path}.{name}" for name in tool.extra]
