"""Cutting a conversation to a smaller window. It is a loss, and the report names every element of it.

The rule: system turns stay, and so do the user's last words and everything after the last answer to a tool. Of the rest
the oldest units go first; a unit is one turn, or an assistant's turn with calls together with the turns of their
results. The cut moves in steps of a quarter of the window, so that it stays where it is for many turns (and what is
before it stays cached). What is left begins with a user turn.
"""

from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from baton.protocol.account import turn_elements
from baton.types.conversation import Conversation, Turn
from baton.types.handoff import Entry, HandoffReport
from baton.types.parts import (
    AudioPart,
    DocumentPart,
    ImagePart,
    Part,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)

LEFT_OUT = "left out: the conversation is longer than the target's window"
TOO_LONG = "what must stay is longer than the target's window"
STEPS_PER_WINDOW = 4


class Cut(Struct, frozen=True):
    """`report` accounts for the turns that were left out, to be added to the report of the render.

    `fits` is False when even what must stay is too long.
    """

    conversation: Conversation
    report: HandoffReport
    fits: bool


def truncate(conversation: Conversation, limit: int, estimate: Callable[[Turn], int]) -> Cut:
    """`limit` is what the window leaves for turns, in the unit of `estimate` (tokens)."""
    units = _units(conversation.turns)
    sizes = [sum(estimate(turn) for turn in unit) for unit in units]
    excess = sum(sizes) - limit
    if excess <= 0:
        return Cut(conversation, HandoffReport(), fits=True)
    step = max(1, limit // STEPS_PER_WINDOW)
    goal = -(-excess // step) * step
    dropped = _choose(units, sizes, goal)
    kept = tuple(turn for index, unit in enumerate(units) if index not in dropped for turn in unit)
    entries = tuple(
        Entry(path, "degraded", LEFT_OUT)
        for index in sorted(dropped)
        for turn in units[index]
        for path in turn_elements(turn)
    )
    fits = sum(sizes[index] for index in dropped) >= excess
    if not fits:
        entries = (*entries, Entry(kept[-1].path, "rejected", TOO_LONG))
    return Cut(replace(conversation, turns=kept), HandoffReport(entries), fits)


def turn_bytes(turn: Turn) -> int:
    """UTF-8 bytes of what a model reads of a turn as text; media count for nothing here."""
    return sum(_part_bytes(part) for part in turn.parts)


def _choose(units: Sequence[Sequence[Turn]], sizes: Sequence[int], goal: int) -> set[int]:
    """Indices of the units to leave out, oldest first, until `goal` is reached and a user turn stands first."""
    protected = _protected(units)
    dropped: set[int] = set()
    gone = 0
    begun = False
    for index, unit in enumerate(units):
        if index in protected:
            begun = begun or unit[0].role != "system"
        elif gone >= goal and (begun or unit[0].role == "user"):
            break
        else:
            dropped.add(index)
            gone += sizes[index]
    return dropped


def _protected(units: Sequence[Sequence[Turn]]) -> set[int]:
    kept = {index for index, unit in enumerate(units) if unit[0].role == "system"}
    words = [index for index, unit in enumerate(units) if _has_words(unit[0])]
    if words:
        kept.add(words[-1])
    if units:
        kept.add(len(units) - 1)
    return kept


def _has_words(turn: Turn) -> bool:
    return turn.role == "user" and not all(type(part) is ToolResultPart for part in turn.parts)


def _units(turns: Sequence[Turn]) -> list[list[Turn]]:
    units: list[list[Turn]] = []
    waiting: set[str] = set()
    for turn in turns:
        results = {part.call for part in turn.parts if isinstance(part, ToolResultPart)}
        if units and results & waiting:
            units[-1].append(turn)
            waiting -= results
            continue
        units.append([turn])
        waiting = {part.id for part in turn.parts if isinstance(part, ToolCallPart)}
    return units


def _part_bytes(part: Part) -> int:
    if type(part) is TextPart or type(part) is ReasoningPart or type(part) is DocumentPart:
        return len(part.text.encode("utf-8", "surrogatepass"))
    if type(part) is ToolCallPart:
        return len(part.name) + len(part.arguments.encode("utf-8", "surrogatepass"))
    if type(part) is ToolResultPart:
        return sum(_part_bytes(piece) for piece in part.content)
    if type(part) is ImagePart or type(part) is AudioPart:
        return 0
    return len(part.json)
