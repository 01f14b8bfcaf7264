"""Parts of a Gemini content -> parts, with the private state that is on them. One table of part kinds."""

import base64
from collections.abc import Callable

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from baton.protocol.arguments import as_text
from baton.protocol.fields import decode
from baton.protocol.gemini.names import Members, camel, members_of
from baton.protocol.gemini.results import response_text
from baton.protocol.inband import is_envelope
from baton.types.parts import (
    AudioPart,
    DocumentPart,
    ImagePart,
    OpaquePart,
    Origin,
    Part,
    PrivateEntry,
    PrivateKind,
    ReasoningPart,
    ResultContent,
    ServerToolPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)

SIGNATURE = "thoughtSignature"
STAND_IN = "skip_thought_signature_validator"
"""What the API takes in place of a signature for a call that no Gemini model made."""
STAND_INS = frozenset({STAND_IN, base64.b64encode(STAND_IN.encode()).decode(), "context_engineering_is_the_way_to_go"})
SERVER_KINDS = ("executableCode", "codeExecutionResult", "toolCall", "toolResponse")
UPLOADS = ("gs://", "https://generativelanguage.googleapis.com/")
"""Where an upload at this provider lies: no other provider can read it."""

_SPELLED = frozenset({"text", "thought"})
_BYTES_OF_JSON = msgspec.json.Decoder(dict[str, Raw])


class PartList(Struct):
    """Parts under construction, in the order of one turn; `private` entries are anchored as they are found."""

    origin: Origin
    join: bool
    """The turn is the model's: what a client echoes of a stream, piece by piece, is put together again."""
    parts: list[Part] = []
    private: list[PrivateEntry] = []
    echo: list[str] = []
    """Paths of the pieces that became part of another."""

    def read(self, raw: bytes, path: str) -> None:
        fields = members_of(raw, path)
        signature = fields.text(SIGNATURE)
        if signature in STAND_INS:
            fields.put_back(fields.spelt(SIGNATURE), msgspec.json.encode(signature))
            signature = ""
        part = _part(fields, raw, signed=bool(signature))
        joins = self.join and (type(part) is TextPart or type(part) is ReasoningPart)
        if not (joins and self._joined(part, bool(signature), is_envelope(signature))):
            self.parts.append(part)
        if signature:
            kind: PrivateKind = "envelope" if is_envelope(signature) else "thought_signature"
            self._anchor(kind, signature, fields.place(SIGNATURE))

    def closed(self) -> tuple[PrivateEntry, ...]:
        """The private entries; visible thinking that bears no signature is itself what only its maker may get back."""
        found = list(self.private)
        for place, part in enumerate(self.parts):
            if type(part) is ReasoningPart and not any(entry.anchor == place for entry in self.private):
                payload = part.text.encode("utf-8", "surrogatepass")
                path = f"{part.path}.thought"
                found.append(PrivateEntry("reasoning_text", payload, "gemini", self.origin, anchor=place, path=path))
        return tuple(sorted(found, key=lambda entry: entry.anchor)) if found else ()

    def _anchor(self, kind: PrivateKind, payload: str, path: str) -> None:
        data = payload.encode("utf-8", "surrogatepass")
        self.private.append(PrivateEntry(kind, data, "gemini", self.origin, anchor=len(self.parts) - 1, path=path))

    def _joined(self, part: Part, signed: bool, sealed: bool) -> bool:
        """Whether the part became a piece of the one before.

        A signature without words belongs to the words before it; words with a signature begin a part of their own.
        """
        if not (type(part) is TextPart or type(part) is ReasoningPart) or part.extra or not self.parts:
            return False
        place = len(self.parts) - 1
        last = self.parts[place]
        if (type(last) is TextPart or type(last) is ReasoningPart) and type(last) is type(part) and not last.extra:
            if not any(entry.anchor == place for entry in self.private) and not (signed and part.text):
                self.parts[place] = replace(last, text=last.text + part.text)
            elif part.text or not sealed:
                return False
        elif part.text or signed or type(part) is ReasoningPart:
            return False
        self.echo.append(part.path)
        return True


def _part(fields: Members, raw: bytes, *, signed: bool) -> Part:
    thought = fields.has("thought") and (fields.flag("thought") or False)
    if fields.has("text") and (value := fields.raw("text")):
        text = decode(value, _TEXT, fields.place("text"), "a string")
        return (
            ReasoningPart(text, fields.path, fields.rest())
            if thought
            else TextPart(text, fields.path, extra=fields.rest())
        )
    kind = next((name for name in READERS if fields.has(name)), "")
    inner = fields.fields(kind) if kind and not thought else None
    part = None if inner is None else READERS[kind](fields, inner)
    if part is not None:
        return part
    json = _unsigned(raw) if signed else raw
    server = next((name for name in SERVER_KINDS if fields.has(name)), "")
    if server and not thought:
        call = (fields.fields(server) or Members({})).text("id")
        return ServerToolPart(json, "gemini", server, call, fields.path)
    block = kind or next((camel(name) for name in fields.rest() if name not in _SPELLED), "part")
    return OpaquePart(json, "gemini", block, path=fields.path)


_TEXT = msgspec.json.Decoder(str)


def _unsigned(raw: bytes) -> bytes:
    """The part without its signature, which goes its own way."""
    return msgspec.json.encode({k: v for k, v in _BYTES_OF_JSON.decode(raw).items() if camel(k) != SIGNATURE})


# --- media -------------------------------------------------------------------------------------


def standard_base64(data: str) -> str:
    """From base64url and without padding, as Python's SDK sends it, too."""
    plain = data.translate(_STANDARD) if "-" in data or "_" in data else data
    return plain + "=" * (-len(plain) % 4)


_STANDARD = str.maketrans("-_", "+/")


def _inline_data(fields: Members, inner: Members) -> ResultContent | None:
    return _medium(fields, inner, "inlineData", inner.text("mimeType"), data=standard_base64(inner.text("data")))


def _file_data(fields: Members, inner: Members) -> ResultContent | None:
    uri = inner.text("fileUri")
    uploaded = uri.startswith(UPLOADS)
    return _medium(
        fields,
        inner,
        "fileData",
        inner.text("mimeType"),
        url="" if uploaded else uri,
        file_id=uri if uploaded else "",
    )


def _medium(
    fields: Members, inner: Members, kind: str, media_type: str, *, data: str = "", url: str = "", file_id: str = ""
) -> ResultContent | None:
    """None for media that no typed part stands for, such as video."""
    path = fields.path
    title = inner.text("displayName") if media_type.startswith(("text/", "application/pdf")) else ""
    spelt = fields.spelt(kind)
    extra = fields.rest() | {f"{spelt}.{name}": value for name, value in inner.rest().items()}
    if media_type.startswith("image/"):
        return ImagePart(media_type, data, url, file_id, path=path, extra=extra)
    if media_type.startswith("audio/") and data:
        return AudioPart(media_type, data, path, extra=extra)
    if media_type == "application/pdf":
        return DocumentPart(media_type, data, url, file_id, title=title, path=path, extra=extra)
    text = _decoded(data) if media_type.startswith("text/") else ""
    return DocumentPart(media_type, text=text, title=title, path=path, extra=extra) if text else None


def _decoded(data: str) -> str:
    try:
        return base64.b64decode(data, validate=True).decode()
    except ValueError:  # binascii.Error and UnicodeError are ValueErrors
        return ""


# --- calls and results -------------------------------------------------------------------------


def _function_call(fields: Members, inner: Members) -> Part:
    """An empty id is filled by who knows the place of the call in the conversation."""
    id_, name, args = inner.text("id"), inner.text("name"), inner.raw("args")
    extra = _nested(fields, "functionCall", inner)
    return ToolCallPart(id_, name, as_text(args or b"{}"), path=fields.path, extra=extra)


def _function_response(fields: Members, inner: Members) -> Part:
    call, name = inner.text("id"), inner.text("name")
    place = inner.place("response")
    response = inner.raw("response")
    content: list[ResultContent] = []
    is_error = False
    if response:
        members_of(response, place)
        text, is_error = response_text(response)
        if text or response.strip() not in {b"{}", b""}:
            content.append(TextPart(text, place))
    for index, raw in enumerate(inner.items("parts")):
        content.append(_result_part(raw, f"{inner.place('parts')}[{index}]"))
    extra = _nested(fields, "functionResponse", inner)
    return ToolResultPart(call, tuple(content), is_error, name, fields.path, extra=extra)


def _result_part(raw: bytes, path: str) -> ResultContent:
    fields = members_of(raw, path)
    kind = next((name for name in MEDIA if fields.has(name)), "")
    inner = fields.fields(kind) if kind else None
    part = None if inner is None else MEDIA[kind](fields, inner)
    return OpaquePart(raw, "gemini", kind, path=path) if part is None else part


def _nested(fields: Members, kind: str, inner: Members) -> dict[str, bytes]:
    if fields.is_empty() and inner.is_empty():
        return {}
    return fields.rest() | {f"{fields.spelt(kind)}.{name}": value for name, value in inner.rest().items()}


MEDIA: dict[str, Callable[[Members, Members], ResultContent | None]] = {
    "inlineData": _inline_data,
    "fileData": _file_data,
}
READERS: dict[str, Callable[[Members, Members], Part | None]] = {
    "functionCall": _function_call,
    "functionResponse": _function_response,
    **MEDIA,
}
"""None from a reader: a variant of the part that Baton does not know."""
