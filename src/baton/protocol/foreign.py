"""What every writer into a foreign dialect says the same way: reasons, stand-ins, and what a target cannot take."""

from collections.abc import Callable, Collection, Mapping

from baton.protocol.account import Account
from baton.protocol.prefix import prefix_hashes
from baton.protocol.private import refusal
from baton.protocol.weight import ELSEWHERE, EXTRAS, NO_PLACE, REFERENCES, TOP_LEVEL, WITHOUT_WEIGHT, is_null
from baton.types.card import Capability, Dialect
from baton.types.conversation import Conversation, ToolDefinition, Turn
from baton.types.handoff import Target
from baton.types.parts import (
    AudioPart,
    DocumentPart,
    ImagePart,
    OpaquePart,
    Part,
    PrivateEntry,
    ReasoningPart,
    ServerToolPart,
    TextPart,
)

NULL = "null"
EMPTY_LIST = "an empty list"
REASONING = "reasoning of another model is not shown to this one"
CACHE = "a cache marker of {0}: the target has its own rules"
EMPTY_TEXT = "an empty text, which the target refuses"
MOVED_RESULT = "put directly after its call"
MOVED_TURN = "put after the results that it stood between"
NO_RESULT = "the call was never answered: an error result stands in for it"
ORPHAN = "a result of no call: shown as text"
CAPPED = "capped at the target's maximum"
SERVER_TOOL = "run by {0} itself: the target does not see it"
UNKNOWN_BLOCK = "a block that only {0} knows"
UNKNOWN_ROLE = "a role that the target does not have"
SHOWN_AS_TEXT = "shown as text"
LACKS = "the target takes no {0}"
FOLDED = "role 'system' is not supported there by the target: in a tagged block of a user turn"
"""Begins with the vendors' own words: clients that find them in a refusal ask again without such messages."""
UPLOADED = "an upload at one provider: send the content itself"
ALWAYS_STRICT = "the target is always strict"
SCHEMA_ALONE = "the schema alone: the target takes no name or description of it"

MISSING_RESULT_TEXT = "No result was recorded for this call."
ORPHAN_TEXT = "[result of a tool call that is not in this conversation]"


def tagged(tag: str, text: str) -> str:
    return f"<{tag}>\n{text}\n</{tag}>"


def document_text(part: DocumentPart) -> str:
    return tagged("document", f"{part.title}\n\n{part.text}" if part.title else part.text)


def needed_capability(part: Part) -> Capability | None:
    if type(part) is ImagePart:
        return "image"
    if type(part) is AudioPart:
        return "audio"
    if type(part) is DocumentPart and not part.text:
        return "pdf"
    return None


def refused_medium(part: Part, target: Target) -> str:
    """Why the target cannot take this medium at all; empty when it can, as far as its card says."""
    if target.capabilities is None:
        return ""
    capability = needed_capability(part)
    if capability is not None and capability not in target.capabilities:
        return LACKS.format(capability)
    return ""


def note_extras(account: Account, path: str, extra: Mapping[str, bytes], dialect: Dialect) -> None:
    """Members that only the dialect of the conversation has."""
    for name, value in extra.items():
        place = f"{path}.{name}"
        if is_null(value):
            account.note(place, "withheld", NULL)
        elif value == b"[]":
            account.note(place, "withheld", EMPTY_LIST)
        elif name in EXTRAS:
            account.note(place, "withheld", WITHOUT_WEIGHT.format(dialect))
        else:
            account.note(place, "degraded", NO_PLACE.format("the target"))


def note_part_extras(account: Account, part: Part, conversation: Conversation, *, cache_kept: bool = False) -> None:
    """The extras and the cache marker of a part that is otherwise rendered."""
    if type(part) is OpaquePart or type(part) is ServerToolPart:
        return
    if part.extra:
        note_extras(account, part.path, part.extra, conversation.dialect)
    cache = getattr(part, "cache", None)
    if cache is not None and not cache_kept:
        account.note(cache.path, "withheld", CACHE.format(conversation.dialect))


def note_tool_extras(account: Account, tool: ToolDefinition, conversation: Conversation) -> None:
    note_extras(account, tool.path, tool.extra, conversation.dialect)
    if tool.cache is not None:
        account.note(tool.cache.path, "withheld", CACHE.format(conversation.dialect))


def usable_tools(account: Account, conversation: Conversation) -> list[ToolDefinition]:
    """Those that any model may call. Tools of the vendor's own servers stay behind; where nothing else was offered, or
    one was demanded, the request cannot be met without them.
    """
    named = "" if conversation.tool_choice is None else conversation.tool_choice.name
    usable = [tool for tool in conversation.tools if tool.kind != "server"]
    for tool in conversation.tools:
        if tool.kind == "server":
            needed = not usable or named == tool.name
            account.tool(tool, "rejected" if needed else "degraded", SERVER_TOOL.format(conversation.dialect))
    return usable


def max_tokens(account: Account, conversation: Conversation, target: Target) -> int | None:
    asked = conversation.max_tokens
    if asked is None:
        return None
    if target.max_output is not None and asked > target.max_output:
        account.setting("max_tokens", "degraded", CAPPED)
        return target.max_output
    account.setting("max_tokens", "kept")
    return asked


def note_turn(account: Account, turn: Turn, conversation: Conversation, *, moved: bool) -> None:
    """The turn itself, and what hangs on it besides its parts."""
    account.note(turn.path, "moved" if moved else "kept", MOVED_TURN if moved else "")
    for path in turn.echo:
        account.note(path, "kept", "put back as it was made")
    if turn.extra:
        note_extras(account, turn.path, turn.extra, conversation.dialect)


def note_unmodelled(account: Account, conversation: Conversation, taken: Collection[str] = ()) -> None:
    """Top-level members that only the dialect of the conversation has; `taken` are those that the target has too."""
    weightless = TOP_LEVEL[conversation.dialect]
    references = REFERENCES.get(conversation.dialect, frozenset())
    for path in conversation.unmodelled:
        value = conversation.members.get(path, b"")
        if path in taken:
            account.note(path, "kept")
        elif is_null(value):
            account.note(path, "withheld", NULL)
        elif path in references:
            account.note(path, "rejected", ELSEWHERE)
        elif path in weightless or path.split(".", 1)[0] in weightless:
            account.note(path, "withheld", WITHOUT_WEIGHT.format(conversation.dialect))
        else:
            account.note(path, "degraded", NO_PLACE.format("the target"))


def extras_dialect(turn: Turn, conversation: Conversation) -> Dialect:
    return turn.made_in or conversation.dialect


def unseen(part: Part, conversation: Conversation) -> str:
    """Reason for a part that is left out because no other dialect has it."""
    if type(part) is ServerToolPart:
        return SERVER_TOOL.format(conversation.dialect)
    return UNKNOWN_BLOCK.format(conversation.dialect)


def is_empty_text(part: Part) -> bool:
    return type(part) is TextPart and not part.text


def release(
    account: Account,
    conversation: Conversation,
    target: Target,
    refuses: Callable[[PrivateEntry], str] = lambda _entry: "",
) -> dict[str, dict[int, list[PrivateEntry]]]:
    """The private entries that may go out, by path of the turn and index of the part; all of them are noted.

    `refuses` is the dialect's own reason against an entry that its origin would get, empty for none. A reasoning part
    without one of these is withheld: visible thinking is not shown to another model as text.
    """
    released: dict[str, dict[int, list[PrivateEntry]]] = {}
    hashes: list[str] | None = None
    for index, turn in enumerate(conversation.turns):
        if turn.private and hashes is None:
            hashes = prefix_hashes(conversation.turns)
        anchored: dict[int, list[PrivateEntry]] = {}
        for entry in turn.private:
            reason = refusal(entry, target, hashes[index] if hashes else "") or refuses(entry)
            account.note(entry.path, "withheld" if reason else "kept", reason)
            if not reason:
                anchored.setdefault(entry.anchor, []).append(entry)
        for place, part in enumerate(turn.parts):
            if type(part) is ReasoningPart and place not in anchored:
                account.part(part, "withheld", REASONING)
        if anchored:
            released[turn.path] = anchored
    return released
