"""Parts -> content parts and call items of Responses, each with its note in the account."""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Raw

from baton.protocol import foreign
from baton.protocol.account import Account
from baton.protocol.data_url import data_url
from baton.protocol.openai_responses.items import DIALECT, NAMESPACE_MARK
from baton.protocol.tool_ids import fit, fit_name
from baton.protocol.weight import NO_PLACE
from baton.types.card import Dialect
from baton.types.conversation import Conversation
from baton.types.handoff import Target
from baton.types.parts import (
    AudioPart,
    CacheMarker,
    DocumentPart,
    Extra,
    ImagePart,
    OpaquePart,
    Part,
    ServerToolPart,
    TextPart,
    ToolCallPart,
)

Piece = dict[str, Any]

AUDIO_FORMATS = frozenset({"wav", "mp3"})
LONG_LIVED = frozenset({"1h", "12h"})
UNNAMED = "document.pdf"
FIRST_CONTENT = "content[0]."


class Pieces:
    """Renders for one target. A part that cannot be written is noted and left out."""

    def __init__(self, account: Account, conversation: Conversation, target: Target) -> None:
        self._account = account
        self._conversation = conversation
        self._target = target
        self._own = conversation.dialect == DIALECT
        self._writers: dict[type, Callable[[Any], Piece | None]] = {
            TextPart: self._text,
            ImagePart: self._image,
            DocumentPart: self._document,
            AudioPart: self._audio,
        }

    def of(self, parts: Sequence[Part], dialect: Dialect) -> list[Piece | Raw]:
        """What is put in. `dialect` is the one of the parts' extras."""
        return [piece for part in parts if (piece := self.piece(part, dialect)) is not None]

    def piece(self, part: Part, dialect: Dialect) -> Piece | Raw | None:
        if type(part) is OpaquePart or type(part) is ServerToolPart:
            return self.foreign_part(part, "input_text")
        refused = foreign.refused_medium(part, self._target)
        writer = self._writers.get(type(part))
        if refused or writer is None:
            self._account.part(part, "rejected", refused or foreign.LACKS.format(type(part).__name__))
            return None
        piece = writer(part)
        if piece is None or (not part.extra and getattr(part, "cache", None) is None):
            return piece
        return piece | self.extras(part.path, part.extra, dialect) | self._cache(getattr(part, "cache", None))

    def content(self, pieces: Sequence[Piece | Raw]) -> str | list[Piece | Raw]:
        """A single plain text as a string, which every server takes; else the list."""
        if not pieces:
            return ""
        first = pieces[0]
        if len(pieces) == 1 and isinstance(first, dict) and first.keys() == {"type", "text"}:
            return str(first["text"])
        return list(pieces)

    def said(self, part: TextPart, dialect: Dialect) -> tuple[Piece, Piece]:
        """A text of the assistant's own, and the members that belong to the message around it."""
        self._account.note(part.path, "kept")
        if part.cache is not None:
            self._account.note(part.cache.path, "withheld", foreign.CACHE.format(self._conversation.dialect))
        inner = self.extras(part.path, part.extra, dialect)
        around = {name: inner.pop(name) for name in list(inner) if name not in {"annotations", "logprobs"}}
        for name in [name for name in around if name.startswith(FIRST_CONTENT)]:
            inner[name.removeprefix(FIRST_CONTENT)] = around.pop(name)
        if part.refusal:
            return {"type": "refusal", "refusal": part.text} | inner, around
        return {"type": "output_text", "text": part.text, "annotations": []} | inner, around

    def call(self, part: ToolCallPart, dialect: Dialect, item_id: str) -> Piece:
        extras = self.extras(part.path, part.extra, dialect)
        if part.cache is not None:
            self._account.note(part.cache.path, "withheld", foreign.CACHE.format(self._conversation.dialect))
        self._account.note(part.path, "kept")
        namespace, _, name = part.name.rpartition(NAMESPACE_MARK) if dialect == DIALECT else ("", "", part.name)
        item: Piece = {"type": "custom_tool_call" if part.kind == "custom" else "function_call"}
        item |= ({"id": item_id} if item_id else {}) | {"call_id": self.id(part.id)}
        item |= {"namespace": namespace} if namespace else {}
        item["name"] = fit_name(name, DIALECT)
        item["input" if part.kind == "custom" else "arguments"] = part.arguments
        return item | extras

    def id(self, id_: str) -> str:
        return fit(id_, DIALECT, self._target.tool_id_length)

    def extras(self, path: str, extra: Extra, dialect: Dialect) -> Piece:
        if dialect == DIALECT:
            for name in extra:
                self._account.note(f"{path}.{name}", "kept")
            return {name: Raw(value) for name, value in extra.items()}
        foreign.note_extras(self._account, path, extra, dialect)
        return {}

    def foreign_part(self, part: OpaquePart | ServerToolPart, text_type: str) -> Piece | Raw | None:
        if part.dialect == DIALECT:
            self._account.part(part, "kept")
            return Raw(part.json)
        if type(part) is OpaquePart and part.text:
            self._account.part(part, "degraded", foreign.SHOWN_AS_TEXT)
            return {"type": text_type, "text": part.text}
        self._account.part(part, "degraded", foreign.unseen(part, self._conversation))
        return None

    # --- by kind of part -----------------------------------------------------------------------

    def _text(self, part: TextPart) -> Piece:
        self._account.note(part.path, "kept")
        return {"type": "input_text", "text": part.text}

    def _image(self, part: ImagePart) -> Piece | None:
        if part.file_id and not self._own:
            self._account.part(part, "rejected", foreign.UPLOADED)
            return None
        self._account.note(part.path, "kept")
        if part.detail:
            self._account.note(f"{part.path}.detail", "kept")
        image: Piece = {"type": "input_image", "detail": part.detail or "auto"}
        if part.file_id:
            return image | {"file_id": part.file_id}
        return image | {"image_url": data_url(part.media_type, part.data) if part.data else part.url}

    def _document(self, part: DocumentPart) -> Piece | None:
        title = f"{part.path}.title"
        if part.file_id and not self._own:
            self._account.part(part, "rejected", foreign.UPLOADED)
            return None
        if part.title:
            self._account.note(title, "kept")
        if part.text:
            self._account.note(part.path, "moved", foreign.SHOWN_AS_TEXT)
            return {"type": "input_text", "text": foreign.document_text(part)}
        self._account.note(part.path, "kept")
        if part.data:
            file_data = data_url(part.media_type, part.data)
            return {"type": "input_file", "filename": part.title or UNNAMED, "file_data": file_data}
        if part.title:
            self._account.note(title, "degraded", NO_PLACE.format("a file that is named by its address"))
        return {"type": "input_file"} | ({"file_id": part.file_id} if part.file_id else {"file_url": part.url})

    def _audio(self, part: AudioPart) -> Piece | None:
        """Only to a model whose card says that it listens: the API at large takes no audio."""
        format_ = part.media_type.removeprefix("audio/")
        if self._target.capabilities is None or format_ not in AUDIO_FORMATS:
            self._account.part(part, "rejected", foreign.LACKS.format(part.media_type))
            return None
        self._account.note(part.path, "kept")
        return {"type": "input_audio", "input_audio": {"data": part.data, "format": format_}}

    def _cache(self, marker: CacheMarker | None) -> Piece:
        if marker is None:
            return {}
        if self._own:
            self._account.note(marker.path, "kept")
            return {"prompt_cache_breakpoint": {"mode": "explicit"} | ({"ttl": marker.ttl} if marker.ttl else {})}
        if not self._target.cache_markers:
            self._account.note(marker.path, "withheld", foreign.CACHE.format(self._conversation.dialect))
            return {}
        self._account.note(marker.path, "moved", "as the target's own cache marker")
        return {"prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h" if marker.ttl in LONG_LIVED else "30m"}}
