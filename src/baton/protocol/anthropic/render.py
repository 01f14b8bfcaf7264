"""Parts -> content blocks of Messages, each with its note in the account."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Raw

from baton.protocol import foreign
from baton.protocol.account import Account
from baton.protocol.arguments import as_object, free_text_arguments
from baton.protocol.tool_ids import fit, fit_name
from baton.protocol.weight import NO_PLACE
from baton.types.card import Dialect
from baton.types.conversation import Conversation, Turn
from baton.types.handoff import Target
from baton.types.parts import (
    CacheMarker,
    DocumentPart,
    Extra,
    ImagePart,
    OpaquePart,
    Part,
    PrivateEntry,
    ReasoningPart,
    ServerToolPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)

Block = dict[str, Any]

IMAGE_TYPES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
LONG_LIVED = frozenset({"1h", "30m", "12h"})
MAX_CACHE_MARKERS = 4
INVALID_ARGUMENTS = "not a JSON object: wrapped in one"
TRAILING_REASONING = "thinking with nothing after it, which the target refuses"


class Blocks:
    """Renders for one target. A block that cannot be written is noted and left out."""

    def __init__(self, account: Account, conversation: Conversation, target: Target) -> None:
        self._account = account
        self._conversation = conversation
        self._target = target
        self._own = conversation.dialect == "anthropic"
        self._writers: dict[type, Callable[[Any], Block | None]] = {
            TextPart: self._text,
            ImagePart: self._image,
            DocumentPart: self._document,
            ToolCallPart: self._call,
        }
        self.marks = frozenset[str]() if self._own else _chosen_markers(conversation, target)

    def of_turn(
        self, turn: Turn, parts: Sequence[Part], released: Mapping[int, Sequence[PrivateEntry]]
    ) -> list[Block | Raw]:
        dialect = foreign.extras_dialect(turn, self._conversation)
        blocks: list[Block | Raw] = []
        for place, part in enumerate(parts):
            if type(part) is ReasoningPart:
                block: Block | Raw | None = self._thinking(part, released.get(place, ()))
            elif type(part) is OpaquePart and part.block == "compaction" and place not in released:
                self._account.part(part, "withheld", foreign.REASONING)
                block = None
            else:
                block = self.block(part, dialect)
            if block is not None:
                blocks.append(block)
        return self._without_trailing_thinking(turn, blocks)

    def block(self, part: Part, dialect: Dialect) -> Block | Raw | None:
        """`dialect` is the one of the part's extras."""
        if type(part) is OpaquePart or type(part) is ServerToolPart:
            return self._foreign_block(part)
        if type(part) is ReasoningPart:
            return None
        block = self._plain(part, dialect)
        if block is None or (part.cache is None and not part.extra):
            return block
        return block | self._extras(part.path, part.extra, dialect) | self.cache(part.cache)

    def cache(self, marker: CacheMarker | None) -> Block:
        """The member that marks a block, empty where no mark goes out."""
        if marker is None:
            return {}
        if self._own:
            self._account.note(marker.path, "kept")
            return {"cache_control": {"type": "ephemeral"} | ({"ttl": marker.ttl} if marker.ttl else {})}
        if marker.path not in self.marks:
            self._account.note(marker.path, "withheld", foreign.CACHE.format(self._conversation.dialect))
            return {}
        self._account.note(marker.path, "moved", "as the target's own cache marker")
        return {"cache_control": {"type": "ephemeral"} | ({"ttl": "1h"} if marker.ttl in LONG_LIVED else {})}

    def id(self, id_: str) -> str:
        return fit(id_, "anthropic", self._target.tool_id_length)

    # --- by kind of part -----------------------------------------------------------------------

    def _plain(self, part: Part, dialect: Dialect) -> Block | None:
        refused = foreign.refused_medium(part, self._target)
        if refused:
            self._account.part(part, "rejected", refused)
            return None
        if type(part) is ToolResultPart:
            return self._result(part, dialect)
        writer = self._writers.get(type(part))
        if writer is None:
            self._account.part(part, "rejected", foreign.LACKS.format("audio"))
            return None
        return writer(part)

    def _text(self, part: TextPart) -> Block | None:
        if not part.text:
            self._account.part(part, "withheld", foreign.EMPTY_TEXT)
            return None
        if part.refusal:
            self._account.note(part.path, "moved", "a refusal as the text that it is")
        else:
            self._account.note(part.path, "kept")
        return {"type": "text", "text": part.text}

    def _image(self, part: ImagePart) -> Block | None:
        if part.file_id and not self._own:
            self._account.part(part, "rejected", foreign.UPLOADED)
            return None
        if part.data and part.media_type not in IMAGE_TYPES:
            self._account.part(part, "rejected", foreign.LACKS.format(part.media_type or "image without a type"))
            return None
        self._account.note(part.path, "kept")
        if part.detail:
            self._account.note(f"{part.path}.detail", "degraded", NO_PLACE.format("the target"))
        return {"type": "image", "source": _source(part)}

    def _document(self, part: DocumentPart) -> Block | None:
        if part.file_id and not self._own:
            self._account.part(part, "rejected", foreign.UPLOADED)
            return None
        if part.data and part.media_type != "application/pdf":
            self._account.part(part, "rejected", foreign.LACKS.format(part.media_type))
            return None
        self._account.note(part.path, "kept")
        if part.title:
            self._account.note(f"{part.path}.title", "kept")
        source = _source(part)
        if part.text:
            source = {"type": "text", "media_type": "text/plain", "data": part.text}
        return {"type": "document", "source": source} | ({"title": part.title} if part.title else {})

    def _call(self, part: ToolCallPart) -> Block:
        if part.kind == "custom":
            input_, faithful, reason = free_text_arguments(part.arguments).encode(), False, "free text as one argument"
        else:
            input_, faithful = as_object(part.arguments)
            reason = INVALID_ARGUMENTS
        self._account.note(part.path, "kept" if faithful else "degraded", "" if faithful else reason)
        name = fit_name(part.name, "anthropic")
        return {"type": "tool_use", "id": self.id(part.id), "name": name, "input": Raw(input_)}

    def _result(self, part: ToolResultPart, dialect: Dialect) -> Block:
        self._account.note(part.path, "kept")
        block: Block = {"type": "tool_result", "tool_use_id": self.id(part.call)}
        content = [piece for one in part.content if (piece := self.block(one, dialect)) is not None]
        if content:
            only = content[0]
            plain = len(content) == 1 and isinstance(only, dict) and only.keys() == {"type", "text"}
            block["content"] = only["text"] if plain and isinstance(only, dict) else content
        if part.is_error:
            self._account.note(f"{part.path}.is_error", "kept")
            block["is_error"] = True
        return block

    def _thinking(self, part: ReasoningPart, entries: Sequence[PrivateEntry]) -> Block | None:
        for entry in entries:
            payload = entry.payload.decode("utf-8", "surrogatepass")
            if entry.kind == "signature":
                self._account.part(part, "kept")
                return {"type": "thinking", "thinking": part.text, "signature": payload}
            if entry.kind == "redacted":
                self._account.part(part, "kept")
                return {"type": "redacted_thinking", "data": payload}
        self._account.part(part, "withheld", foreign.REASONING)
        return None

    def _foreign_block(self, part: OpaquePart | ServerToolPart) -> Block | Raw | None:
        if part.dialect == "anthropic":
            self._account.part(part, "kept")
            return Raw(part.json)
        if type(part) is OpaquePart and part.text:
            self._account.part(part, "degraded", foreign.SHOWN_AS_TEXT)
            return {"type": "text", "text": part.text}
        self._account.part(part, "degraded", foreign.unseen(part, self._conversation))
        return None

    def _extras(self, path: str, extra: Extra, dialect: Dialect) -> Block:
        if dialect == "anthropic":
            for name in extra:
                self._account.note(f"{path}.{name}", "kept")
            return {name: Raw(value) for name, value in extra.items()}
        foreign.note_extras(self._account, path, extra, dialect)
        return {}

    def _without_trailing_thinking(self, turn: Turn, blocks: list[Block | Raw]) -> list[Block | Raw]:
        """A message of nothing but thinking is refused; it happens to answers that were cut."""
        kinds = {block.get("type") for block in blocks if isinstance(block, dict)}
        if not blocks or not kinds <= {"thinking", "redacted_thinking"} or len(kinds) < 1:
            return blocks
        if any(isinstance(block, Raw) for block in blocks):
            return blocks
        for part in turn.parts:
            if type(part) is ReasoningPart:
                self._account.part(part, "withheld", TRAILING_REASONING)
        return []


def _source(part: ImagePart | DocumentPart) -> Block:
    if part.data:
        return {"type": "base64", "media_type": part.media_type, "data": part.data}
    if part.url:
        return {"type": "url", "url": part.url}
    return {"type": "file", "file_id": part.file_id}


def _chosen_markers(conversation: Conversation, target: Target) -> frozenset[str]:
    """The last four marks, which cover the longest prefixes: the API takes no more."""
    if not target.cache_markers:
        return frozenset()
    tools = [tool.cache for tool in conversation.tools]
    parts = [getattr(part, "cache", None) for turn in conversation.turns for part in turn.parts]
    marks = [marker.path for marker in (*tools, *parts) if marker is not None]
    return frozenset(marks[-MAX_CACHE_MARKERS:])
