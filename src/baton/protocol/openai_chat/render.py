"""Parts -> content parts of Chat Completions messages, each with its note in the account."""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Raw

from baton.protocol import foreign
from baton.protocol.account import Account
from baton.protocol.tool_ids import fit, fit_name
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
REFERENCE_ONLY = "the target takes no document by its address: send the content itself"


class Pieces:
    """Renders for one target. A part that cannot be written is noted and left out."""

    def __init__(self, account: Account, conversation: Conversation, target: Target) -> None:
        self._account = account
        self._conversation = conversation
        self._target = target
        self._own = conversation.dialect == "openai-chat"
        self._writers: dict[type, Callable[[Any], Piece | None]] = {
            TextPart: self._text,
            ImagePart: self._image,
            DocumentPart: self._document,
            AudioPart: self._audio,
        }

    def of(self, parts: Sequence[Part], dialect: Dialect) -> list[Piece | Raw]:
        """`dialect` is the one of the parts' extras."""
        return [piece for part in parts if (piece := self.piece(part, dialect)) is not None]

    def piece(self, part: Part, dialect: Dialect) -> Piece | Raw | None:
        if type(part) is OpaquePart or type(part) is ServerToolPart:
            return self._foreign_part(part)
        refused = foreign.refused_medium(part, self._target)
        writer = self._writers.get(type(part))
        if refused or writer is None:
            self._account.part(part, "rejected", refused or foreign.LACKS.format(type(part).__name__))
            return None
        piece = writer(part)
        if piece is None or (not part.extra and getattr(part, "cache", None) is None):
            return piece
        return piece | self.extras(part.path, part.extra, dialect) | self._cache(getattr(part, "cache", None))

    def content(self, pieces: Sequence[Piece | Raw], glue: str = "\n\n") -> str | list[Piece | Raw]:
        """A single plain text as a string, which every server takes; else the list, or one string where that is all."""
        texts = [piece["text"] for piece in pieces if isinstance(piece, dict) and piece.keys() == {"type", "text"}]
        if len(texts) == len(pieces) and (len(texts) <= 1 or self._target.flat_text):
            return glue.join(texts)
        return list(pieces)

    def call(self, part: ToolCallPart, dialect: Dialect) -> Piece:
        if part.extra:
            foreign.note_extras(self._account, part.path, part.extra, dialect)
        self._cache(part.cache)
        self._account.note(part.path, "kept")
        if part.kind == "custom":
            inner = {"name": fit_name(part.name, "openai-chat"), "input": part.arguments}
            return {"id": self.id(part.id), "type": "custom", "custom": inner}
        inner = {"name": fit_name(part.name, "openai-chat"), "arguments": part.arguments}
        return {"id": self.id(part.id), "type": "function", "function": inner}

    def id(self, id_: str) -> str:
        return fit(id_, "openai-chat", self._target.tool_id_length)

    def extras(self, path: str, extra: Extra, dialect: Dialect) -> Piece:
        if dialect == "openai-chat":
            for name in extra:
                self._account.note(f"{path}.{name}", "kept")
            return {name: Raw(value) for name, value in extra.items()}
        foreign.note_extras(self._account, path, extra, dialect)
        return {}

    # --- by kind of part -----------------------------------------------------------------------

    def _text(self, part: TextPart) -> Piece:
        self._account.note(part.path, "kept")
        return {"type": "text", "text": part.text}

    def _image(self, part: ImagePart) -> Piece | None:
        if part.file_id:
            self._account.part(part, "rejected", foreign.UPLOADED)
            return None
        self._account.note(part.path, "kept")
        image = {"url": f"data:{part.media_type};base64,{part.data}" if part.data else part.url}
        if part.detail:
            self._account.note(f"{part.path}.detail", "kept")
            image["detail"] = part.detail
        return {"type": "image_url", "image_url": image}

    def _document(self, part: DocumentPart) -> Piece | None:
        if part.title:
            self._account.note(f"{part.path}.title", "kept")
        if part.text:
            self._account.note(part.path, "moved", foreign.SHOWN_AS_TEXT)
            return {"type": "text", "text": foreign.document_text(part)}
        if part.file_id and self._own:
            self._account.note(part.path, "kept")
            return {"type": "file", "file": {"file_id": part.file_id}}
        if not part.data:
            self._account.part(part, "rejected", foreign.UPLOADED if part.file_id else REFERENCE_ONLY)
            return None
        self._account.note(part.path, "kept")
        file = {"filename": part.title or UNNAMED, "file_data": f"data:{part.media_type};base64,{part.data}"}
        return {"type": "file", "file": file}

    def _audio(self, part: AudioPart) -> Piece | None:
        format_ = part.media_type.removeprefix("audio/")
        if format_ not in AUDIO_FORMATS:
            self._account.part(part, "rejected", foreign.LACKS.format(part.media_type))
            return None
        self._account.note(part.path, "kept")
        return {"type": "input_audio", "input_audio": {"data": part.data, "format": format_}}

    def _foreign_part(self, part: OpaquePart | ServerToolPart) -> Piece | Raw | None:
        if part.dialect == "openai-chat":
            self._account.part(part, "kept")
            return Raw(part.json)
        if type(part) is OpaquePart and part.text:
            self._account.part(part, "degraded", foreign.SHOWN_AS_TEXT)
            return {"type": "text", "text": part.text}
        self._account.part(part, "degraded", foreign.unseen(part, self._conversation))
        return None

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
