"""Parts -> parts of a Gemini content, each with its note in the account."""

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Raw

from baton.protocol import foreign
from baton.protocol.account import Account
from baton.protocol.arguments import as_object, free_text_arguments
from baton.protocol.gemini.names import camel
from baton.protocol.gemini.parts import SIGNATURE, STAND_IN
from baton.protocol.gemini.results import EMPTY, response_of
from baton.protocol.tool_ids import fit, fit_name
from baton.protocol.weight import NO_PLACE
from baton.types.card import Dialect
from baton.types.conversation import Conversation, Turn
from baton.types.handoff import Target
from baton.types.parts import (
    AudioPart,
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

Piece = dict[str, Any]
Released = Mapping[int, Sequence[PrivateEntry]]

UNSIGNED_MODELS = re.compile(r"(^|/)(gemini-(1|2)\b|gemini-(1|2)\.|gemma|learnlm)")
"""Models that take calls without a signature; all later ones refuse the first call of a turn without one."""
STOOD_IN = "the target's own stand-in for the signature of a call that it did not make"
INVALID_ARGUMENTS = "not a JSON object: wrapped in one"
JOINED = "joined with the text before it"
TITLE_BEFORE = "in a text before it: the target keeps no names"
UNTYPED = "application/octet-stream"
SUFFIX = re.compile(r"\.([a-z0-9]{2,5})(?:[?#]|$)")
TYPES = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp", "gif": "image/gif"}


class Pieces:
    """Renders for one target. A part that cannot be written is noted and left out."""

    def __init__(self, account: Account, conversation: Conversation, target: Target) -> None:
        self._account = account
        self._conversation = conversation
        self._target = target
        self._own = conversation.dialect == "gemini"
        self._names = {
            part.id: part.name for turn in conversation.turns for part in turn.parts if isinstance(part, ToolCallPart)
        }
        self._writers: dict[type, Callable[[Any], Piece | None]] = {
            TextPart: self._text,
            ImagePart: self._image,
            DocumentPart: self._document,
            AudioPart: self._audio,
            ToolCallPart: self._call,
        }

    def of_turn(self, turn: Turn, parts: Sequence[Part], released: Released) -> list[Piece]:
        """`released` may go out with these parts, by their place."""
        dialect = foreign.extras_dialect(turn, self._conversation)
        pieces: list[Piece] = []
        for place, part in enumerate(parts):
            pieces.extend(self._signed(part, released.get(place, ()), dialect))
        for place, entries in released.items():
            if not 0 <= place < len(parts):
                pieces.extend(_carriers(entries))
        if turn.role == "assistant":
            self._stand_in(turn, pieces, released)
        return pieces

    def of(self, part: Part, dialect: Dialect) -> list[Piece]:
        """`dialect` is the one of the part's extras. Mostly one piece, none where it cannot be written."""
        if type(part) is OpaquePart or type(part) is ServerToolPart:
            return self._foreign_part(part)
        if type(part) is ReasoningPart:
            return []
        refused = foreign.refused_medium(part, self._target)
        if refused:
            self._account.part(part, "rejected", refused)
            return []
        piece = self._result(part, dialect) if type(part) is ToolResultPart else self._writers[type(part)](part)
        if piece is None:
            return []
        self._cache(part)
        piece = self._with_extras(piece, part.path, part.extra, dialect)
        return [*self._title(part), piece]

    def id(self, id_: str) -> str:
        return fit(id_, "gemini", self._target.tool_id_length)

    # --- private state -------------------------------------------------------------------------

    def _signed(self, part: Part, entries: Sequence[PrivateEntry], dialect: Dialect) -> list[Piece]:
        if not entries and type(part) is not ReasoningPart:
            return self.of(part, dialect)
        signatures = [entry for entry in entries if entry.kind == "thought_signature"]
        if type(part) is ReasoningPart:
            pieces = self._thought(part, entries, dialect)
        elif type(part) is TextPart and not part.text and signatures:
            self._account.note(part.path, "kept")
            pieces = [{"text": ""}]
        else:
            pieces = self.of(part, dialect)
        if pieces and signatures:
            pieces[-1] = pieces[-1] | {SIGNATURE: _payload(signatures.pop(0))}
        return [*pieces, *_carriers(signatures)]

    def _thought(self, part: ReasoningPart, entries: Sequence[PrivateEntry], dialect: Dialect) -> list[Piece]:
        if not entries:
            self._account.part(part, "withheld", foreign.REASONING)
            return []
        self._account.note(part.path, "kept")
        return [self._with_extras({"text": part.text, "thought": True}, part.path, part.extra, dialect)]

    def _stand_in(self, turn: Turn, pieces: list[Piece], released: Released) -> None:
        """The first call of a turn that the target did not make, or whose signature it may not get."""
        if UNSIGNED_MODELS.search(self._target.model) or self._made_here(turn, released):
            return
        place = next((place for place, piece in enumerate(pieces) if "functionCall" in piece), None)
        if place is not None and SIGNATURE not in pieces[place]:
            call = next(part for part in turn.parts if type(part) is ToolCallPart)
            self._account.note(f"{call.path}.{SIGNATURE}", "moved", STOOD_IN)
            pieces[place] = pieces[place] | {SIGNATURE: STAND_IN}

    def _made_here(self, turn: Turn, released: Released) -> bool:
        entries = sum(len(found) for found in released.values())
        if foreign.extras_dialect(turn, self._conversation) == "gemini":
            return entries == len(turn.private)
        return entries > 0

    # --- by kind of part -----------------------------------------------------------------------

    def _text(self, part: TextPart) -> Piece | None:
        if not part.text:
            self._account.part(part, "withheld", foreign.EMPTY_TEXT)
            return None
        moved = part.refusal
        self._account.note(part.path, "moved" if moved else "kept", "a refusal as the text that it is" if moved else "")
        return {"text": part.text}

    def _image(self, part: ImagePart) -> Piece | None:
        if part.detail:
            self._account.note(f"{part.path}.detail", "degraded", NO_PLACE.format("the target"))
        return self._medium(part, part.media_type or _type_of(part.url), part.data, part.url, part.file_id)

    def _document(self, part: DocumentPart) -> Piece | None:
        if part.text and not self._own:
            self._account.note(part.path, "moved", foreign.SHOWN_AS_TEXT)
            if part.title:
                self._account.note(f"{part.path}.title", "kept")
            return {"text": foreign.document_text(part)}
        data = base64.b64encode(part.text.encode()).decode() if part.text else part.data
        return self._medium(part, part.media_type or "application/pdf", data, part.url, part.file_id)

    def _audio(self, part: AudioPart) -> Piece | None:
        return self._medium(part, part.media_type, part.data, "", "")

    def _medium(self, part: Part, media_type: str, data: str, url: str, file_id: str) -> Piece | None:
        if file_id and not self._own:
            self._account.part(part, "rejected", foreign.UPLOADED)
            return None
        self._account.note(part.path, "kept")
        if data:
            return {"inlineData": {"mimeType": media_type or UNTYPED, "data": data}}
        return {"fileData": {"fileUri": file_id or url} | ({"mimeType": media_type} if media_type else {})}

    def _title(self, part: Part) -> list[Piece]:
        if type(part) is not DocumentPart or not part.title or part.text:
            return []
        self._account.note(f"{part.path}.title", "moved", TITLE_BEFORE)
        return [{"text": f"[document: {part.title}]"}]

    def _call(self, part: ToolCallPart) -> Piece:
        if part.kind == "custom":
            args, faithful, reason = free_text_arguments(part.arguments).encode(), False, "free text as one argument"
        else:
            args, faithful = as_object(part.arguments)
            reason = INVALID_ARGUMENTS
        self._account.note(part.path, "kept" if faithful else "degraded", "" if faithful else reason)
        return {"functionCall": {"name": fit_name(part.name, "gemini"), "args": Raw(args), "id": self.id(part.id)}}

    def _result(self, part: ToolResultPart, dialect: Dialect) -> Piece:
        self._account.note(part.path, "kept")
        if part.is_error:
            self._account.note(f"{part.path}.is_error", "kept")
        texts: list[str] = []
        media: list[Piece] = []
        for one in part.content:
            pieces = [{"text": ""}] if type(one) is TextPart and not one.text else self.of(one, dialect)
            if type(one) is TextPart:
                self._account.note(one.path, "moved" if texts else "kept", JOINED if texts else "")
            texts.extend(piece["text"] for piece in pieces if "text" in piece)
            media.extend(piece for piece in pieces if "text" not in piece)
        name = self._names.get(part.call) or part.name
        response = response_of("\n".join(texts), is_error=part.is_error) if texts or part.is_error else EMPTY
        found: Piece = {"name": fit_name(name, "gemini"), "response": Raw(response), "id": self.id(part.call)}
        return {"functionResponse": found | ({"parts": media} if media else {})}

    def _foreign_part(self, part: OpaquePart | ServerToolPart) -> list[Piece]:
        if part.dialect == "gemini":
            self._account.part(part, "kept")
            return [dict(msgspec.json.decode(part.json, type=dict[str, Raw]))]
        if type(part) is OpaquePart and part.text:
            self._account.part(part, "degraded", foreign.SHOWN_AS_TEXT)
            return [{"text": part.text}]
        self._account.part(part, "degraded", foreign.unseen(part, self._conversation))
        return []

    # --- what hangs on a part ------------------------------------------------------------------

    def _with_extras(self, piece: Piece, path: str, extra: Extra, dialect: Dialect) -> Piece:
        if dialect != "gemini":
            foreign.note_extras(self._account, path, extra, dialect)
            return piece
        for name, value in extra.items():
            self._account.note(f"{path}.{name}", "kept")
            outer, _, inner = name.rpartition(".")
            if outer:
                held = camel(outer)
                piece = piece | {held: piece.get(held, {}) | {inner: Raw(value)}}
            else:
                piece = piece | {inner: Raw(value)}
        return piece

    def _cache(self, part: Part) -> None:
        marker = getattr(part, "cache", None)
        if marker is not None:
            self._account.note(marker.path, "withheld", foreign.CACHE.format(self._conversation.dialect))


def _carriers(entries: Sequence[PrivateEntry]) -> list[Piece]:
    """Signatures that no part is there for: as the API itself gives them out at the end of a stream."""
    return [{"text": "", SIGNATURE: _payload(entry)} for entry in entries if entry.kind == "thought_signature"]


def _payload(entry: PrivateEntry) -> str:
    return entry.payload.decode("utf-8", "surrogatepass")


def _type_of(url: str) -> str:
    found = SUFFIX.search(url.lower())
    return TYPES.get(found[1], "") if found else ""
