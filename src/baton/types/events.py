"""An answer as it arrives: canonical stream events, and the answer that is their fold."""

from typing import Literal

from msgspec import Struct

from baton.types.card import Dialect
from baton.types.money import Usage
from baton.types.parts import Part, PrivateEntry

StopReason = Literal[
    "end",  # the model has said what it had to say
    "length",  # the caller's maximum of tokens
    "context_window",  # the model's window is full
    "tool_calls",  # it waits for results of tools
    "stop_sequence",
    "refusal",  # the model declined
    "content_filter",  # the provider's filter cut it
    "recitation",
    "pause",  # a long turn was interrupted by the provider: send it back to go on. Never an end.
    "compaction",  # the provider summarised the conversation and wants it sent again
    "malformed_call",  # the model's tool call could not be read
    "missing_signature",  # the provider missed its own private state in the request
    "cancelled",
    "incomplete",  # cut short for another reason, see `raw`
    "unknown",  # a value of no table, see `raw`
]

FaultKind = Literal[
    "invalid_request", "authentication", "permission", "not_found", "too_large", "rate_limit", "billing",
    "overloaded", "timeout", "server", "cut", "malformed", "empty",
]  # fmt: skip
"""`cut`: the stream ended without its end. `malformed`: an event is not of the dialect. `empty`: it said nothing."""


class Stop(Struct, frozen=True, tag="stop"):
    """Why the answer ended. `raw` is the vendor's own value, `details` its JSON where it says more."""

    reason: StopReason
    raw: str = ""
    sequence: str | None = None
    details: bytes = b""


class Start(Struct, frozen=True, tag="start"):
    id: str = ""
    model: str = ""


class TextDelta(Struct, frozen=True, tag="text"):
    """`part` counts the parts of the answer from 0, in the order in which they began."""

    part: int
    text: str
    refusal: bool = False


class ReasoningDelta(Struct, frozen=True, tag="reasoning"):
    """`item_id`: id of the item that carries the thoughts, with its first word, where the dialect has one."""

    part: int
    text: str
    item_id: str = ""


class ToolCallStart(Struct, frozen=True, tag="tool_call"):
    part: int
    id: str
    name: str
    kind: Literal["function", "custom"] = "function"
    item_id: str = ""
    """Id of the item that carries the call, where the dialect has two ids."""


class ToolArgumentsDelta(Struct, frozen=True, tag="arguments"):
    part: int
    text: str


class WholePart(Struct, frozen=True, tag="part"):
    """A part that arrives in one piece: media, a block of a server tool, a block of an unknown type."""

    part: int
    value: Part


class PartEnd(Struct, frozen=True, tag="part_end"):
    part: int


class ExtraDelta(Struct, frozen=True, tag="extra"):
    """One more value of a list member of a part that Baton does not model (citations): `json` is one element."""

    part: int
    name: str
    json: bytes


class PrivateState(Struct, frozen=True, tag="private"):
    """State to be kept for its origin; `entry.anchor` is the part it belongs to."""

    entry: PrivateEntry


class UsageUpdate(Struct, frozen=True, tag="usage"):
    """Everything used so far: each update replaces the one before. `raw` is the vendor's own object."""

    usage: Usage
    raw: bytes = b""


class OpaqueEvent(Struct, frozen=True, tag="opaque"):
    """An event that no other dialect has; `name` says which."""

    dialect: Dialect
    name: str
    json: bytes


class StreamFault(Struct, frozen=True, tag="fault"):
    """The answer failed. `raw` is the vendor's own word for it, `status` the HTTP status that fits."""

    kind: FaultKind
    message: str
    status: int = 502
    raw: str = ""


Event = (
    Start
    | TextDelta
    | ReasoningDelta
    | ToolCallStart
    | ToolArgumentsDelta
    | WholePart
    | PartEnd
    | ExtraDelta
    | PrivateState
    | UsageUpdate
    | OpaqueEvent
    | Stop
    | StreamFault
)


class AnswerMessage(Struct, frozen=True):
    """The whole answer: the fold of its events (`protocol.fold`)."""

    id: str = ""
    model: str = ""
    parts: tuple[Part, ...] = ()
    private: tuple[PrivateEntry, ...] = ()
    stop: Stop | None = None
    usage: Usage | None = None
    usage_raw: bytes = b""
    fault: StreamFault | None = None
    opaque: tuple[OpaqueEvent, ...] = ()
