"""The pieces that a conversation is made of: typed parts, and the state that belongs to one provider.

Parts are final: where every part of a conversation is looked at, `type(part) is TextPart` says what it is, several
times as fast as `isinstance`.
"""

from typing import Literal, final

from msgspec import Struct, field

from baton.types.card import Dialect

Extra = dict[str, bytes]
"""Members of a part that Baton does not model: name -> JSON text, in the dialect that was read."""

PrivateKind = Literal[
    "signature",  # Anthropic: signature of a thinking block (payload: the signature)
    "redacted",  # Anthropic: redacted thinking (payload: its data)
    "encrypted",  # Responses: a reasoning item (payload: the item as JSON)
    "thought_signature",  # Gemini: on any part (payload: the signature)
    "reasoning_text",  # chat servers that want their `reasoning_content` back (payload: its text)
    "reasoning_details",  # OpenRouter (payload: the JSON array)
    "compaction",  # a summary that stands for turns before it (payload: the block or item as JSON)
    "phase",  # Responses: `commentary` or `final_answer` of an assistant message
    "item_id",  # Responses: id of an output item
    "envelope",  # something packed by Baton whose seal has not been opened, or is broken
]


class Origin(Struct, frozen=True):
    """Who made a piece of private state, and so who may see it again. An empty field is not known.

    `account` is a fingerprint of the key or organisation, `model` the model's family (no date, no provider prefix).
    """

    provider: str = ""
    account: str = ""
    end_user: str = ""
    model: str = ""


class PrivateEntry(Struct, frozen=True):
    """State that one provider gave out and only that provider may get back, byte for byte."""

    kind: PrivateKind
    payload: bytes
    dialect: Dialect
    origin: Origin = Origin()
    prefix_hash: str = ""
    """Hash of the visible conversation before the turn it was made in; empty when it is bound to nothing."""
    anchor: int = -1
    """Index of the part it belongs to within its turn; -1 for the turn as a whole."""
    path: str = ""
    id: str = ""
    """The vendor's own id of the item, where it has one."""


class CacheMarker(Struct, frozen=True):
    """`everything up to here may be cached`. `ttl` as the caller wrote it (5m, 30m, 1h, 12h), empty for the default."""

    ttl: str = ""
    path: str = ""


@final
class TextPart(Struct, frozen=True, tag="text"):
    text: str
    path: str = ""
    refusal: bool = False
    """The model's own words of refusal, which Chat Completions and Responses keep apart from text."""
    cache: CacheMarker | None = None
    extra: Extra = field(default_factory=dict)


@final
class ImagePart(Struct, frozen=True, tag="image"):
    """Exactly one of `data` (standard base64), `url`, `file_id` (an upload at one provider) is set."""

    media_type: str = ""
    data: str = ""
    url: str = ""
    file_id: str = ""
    detail: str = ""
    path: str = ""
    cache: CacheMarker | None = None
    extra: Extra = field(default_factory=dict)


@final
class DocumentPart(Struct, frozen=True, tag="document"):
    """Exactly one of `data` (standard base64), `url`, `file_id`, `text` (a plain text document) is set."""

    media_type: str = ""
    data: str = ""
    url: str = ""
    file_id: str = ""
    text: str = ""
    title: str = ""
    """Title or file name."""
    path: str = ""
    cache: CacheMarker | None = None
    extra: Extra = field(default_factory=dict)


@final
class AudioPart(Struct, frozen=True, tag="audio"):
    media_type: str
    """`audio/wav`, `audio/mp3`, ..."""
    data: str = ""
    path: str = ""
    cache: CacheMarker | None = None
    extra: Extra = field(default_factory=dict)


@final
class OpaquePart(Struct, frozen=True, tag="opaque"):
    """A block of a type that Baton does not know, as its own JSON. `text` is what of it a reader could be shown."""

    json: bytes
    dialect: Dialect
    block: str = ""
    """The type that it names itself by."""
    text: str = ""
    path: str = ""


@final
class ServerToolPart(Struct, frozen=True, tag="server_tool"):
    """A call of a tool that the provider itself runs, or the result of one, as its own JSON."""

    json: bytes
    dialect: Dialect
    name: str = ""
    call: str = ""
    """Id that ties call and result together."""
    path: str = ""


@final
class ToolCallPart(Struct, frozen=True, tag="tool_call"):
    """`arguments` is the raw JSON text as the model wrote it (empty and invalid text included).

    A `custom` tool takes free text instead: then `arguments` is that text.
    """

    id: str
    name: str
    arguments: str
    kind: Literal["function", "custom"] = "function"
    ids: dict[str, str] = field(default_factory=dict)
    """Further ids of the same call by dialect, such as the item id of Responses."""
    path: str = ""
    cache: CacheMarker | None = None
    extra: Extra = field(default_factory=dict)


ResultContent = TextPart | ImagePart | DocumentPart | AudioPart | OpaquePart


@final
class ToolResultPart(Struct, frozen=True, tag="tool_result"):
    """`call` is the id of the call it answers."""

    call: str
    content: tuple[ResultContent, ...] = ()
    is_error: bool = False
    name: str = ""
    """Name of the tool, where the dialect ties results to names."""
    path: str = ""
    cache: CacheMarker | None = None
    extra: Extra = field(default_factory=dict)


@final
class ReasoningPart(Struct, frozen=True, tag="reasoning"):
    """What of a model's thinking is visible. It goes to a wire only with a private entry anchored to it."""

    text: str = ""
    path: str = ""
    extra: Extra = field(default_factory=dict)


Part = (
    TextPart
    | ImagePart
    | DocumentPart
    | AudioPart
    | ToolCallPart
    | ToolResultPart
    | ReasoningPart
    | ServerToolPart
    | OpaquePart
)
