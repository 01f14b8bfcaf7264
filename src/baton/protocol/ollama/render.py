"""Parts -> the text and the images of a chat message, each with its note in the account."""

from collections.abc import Iterable
from typing import Any

from msgspec import Raw, Struct

from baton.protocol import foreign
from baton.protocol.account import Account
from baton.protocol.arguments import as_object, free_text_arguments
from baton.protocol.tool_ids import fit_name
from baton.protocol.weight import NO_PLACE
from baton.types.card import Dialect
from baton.types.conversation import Conversation
from baton.types.handoff import Target
from baton.types.parts import (
    AudioPart,
    DocumentPart,
    ImagePart,
    OpaquePart,
    Part,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)

Piece = dict[str, Any]
Plain = TextPart | ImagePart | DocumentPart | AudioPart | ToolCallPart

BESIDE = "among the images, which stand beside the text of their message"
JOINED = "joined with the text before it: a message has one"
NO_IMAGE = "the target takes no image: describe it, or ask a model that sees"
BY_ADDRESS = "the target takes no {0} by its address: send the content itself"
NO_DOCUMENT = "the target takes no {0}: send its text, or ask a model that reads documents"
NO_AUDIO = "the target takes no audio: send a transcript, or ask a model that hears"
INVALID_ARGUMENTS = "arguments that are no JSON object: wrapped into one"
FREE_TEXT = "free text as one argument"


class Content(Struct):
    """A message under construction."""

    texts: list[str]
    images: list[str]
    beside: str = BESIDE
    """Where its images stand."""

    def members(self, glue: str) -> Piece:
        found: Piece = {"content": glue.join(self.texts)}
        return found | ({"images": self.images} if self.images else {})

    def __bool__(self) -> bool:
        return bool(self.texts or self.images)


class Pieces:
    """Renders for one target. A part that cannot be written is noted and left out."""

    def __init__(self, account: Account, conversation: Conversation, target: Target) -> None:
        self._account = account
        self._conversation = conversation
        self._target = target

    def of(self, parts: Iterable[Part], dialect: Dialect) -> Content:
        """`dialect` is the one of the parts' extras."""
        content = Content([], [])
        for part in parts:
            self.add(part, dialect, content)
        return content

    def add(self, part: Part, dialect: Dialect, into: Content) -> None:
        if type(part) is TextPart:
            self._account.note(part.path, "moved" if into.texts else "kept", JOINED if into.texts else "")
            into.texts.append(part.text)
        elif type(part) is ImagePart:
            self._image(part, into)
        elif type(part) is DocumentPart:
            self._document(part, into)
        elif type(part) is AudioPart:
            self._account.part(part, "rejected", NO_AUDIO)
        elif type(part) is OpaquePart and part.text:
            self._account.part(part, "degraded", foreign.SHOWN_AS_TEXT)
            into.texts.append(part.text)
        else:
            self._account.part(part, "degraded", foreign.unseen(part, self._conversation))
        if isinstance(part, Plain):
            self._extras(part, dialect)

    def call(self, part: ToolCallPart, dialect: Dialect) -> Piece:
        """Calls have no id: their results follow in their order, by the name of the tool."""
        custom = part.kind == "custom"
        arguments, faithful = as_object(free_text_arguments(part.arguments) if custom else part.arguments)
        reason = FREE_TEXT if custom else "" if faithful else INVALID_ARGUMENTS
        self._account.note(part.path, "degraded" if reason else "kept", reason)
        function = {"name": fit_name(part.name, "ollama"), "arguments": Raw(arguments)}
        return {"function": function} | self._extras(part, dialect)

    def result(self, part: ToolResultPart, into: Content) -> None:
        """What its message holds of a result besides its images and its mark of an error."""
        foreign.note_part_extras(self._account, part, self._conversation)
        for piece in part.content:
            self.add(piece, self._conversation.dialect, into)

    # --- by kind of part -----------------------------------------------------------------------

    def _extras(self, part: Plain, dialect: Dialect) -> Piece:
        if part.cache is not None:
            self._account.note(part.cache.path, "withheld", foreign.CACHE.format(dialect))
        if dialect != "ollama":
            foreign.note_extras(self._account, part.path, part.extra, dialect)
            return {}
        for name in part.extra:
            self._account.note(f"{part.path}.{name}", "kept")
        return {name: Raw(value) for name, value in part.extra.items() if "." not in name}

    def _image(self, part: ImagePart, into: Content) -> None:
        refused = NO_IMAGE if foreign.refused_medium(part, self._target) else ""
        if not part.data:
            refused = refused or (foreign.UPLOADED if part.file_id else BY_ADDRESS.format("image"))
        if refused:
            self._account.part(part, "rejected", refused)
            return
        self._account.note(part.path, "moved", into.beside)
        if part.detail:
            self._account.note(f"{part.path}.detail", "degraded", NO_PLACE.format("the target"))
        into.images.append(part.data)

    def _document(self, part: DocumentPart, into: Content) -> None:
        if not part.text:
            reason = NO_DOCUMENT.format(part.media_type or "document")
            if part.file_id or part.url:
                reason = foreign.UPLOADED if part.file_id else BY_ADDRESS.format("document")
            self._account.part(part, "rejected", reason)
            return
        self._account.note(part.path, "moved", foreign.SHOWN_AS_TEXT)
        if part.title:
            self._account.note(f"{part.path}.title", "kept")
        into.texts.append(foreign.document_text(part))
