"""What a dialect has to offer, and what all of them share: bodies read into structs, errors named by their place."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import msgspec

from baton.simulate.answer import Ask, RefusalKind, Refused, SimAnswer, SimModel
from baton.simulate.conversation import Turn
from baton.simulate.draw import label
from baton.types.card import Dialect

EPOCH_S = 1_767_225_600
"""2026-01-01: the date that answers carry, so that the same request gives the same bytes on any day."""

STATUS_OF: dict[RefusalKind, int] = {
    "invalid": 400,
    "unauthorized": 401,
    "not_found": 404,
    "method": 405,
    "too_large": 413,
}

Headers = tuple[tuple[str, str], ...]
Body = TypeVar("Body", bound=msgspec.Struct)

_AT = re.compile(r"at `\$\.?(.*)`$")
_MISSING = re.compile(r"missing required field `(\w+)`")


class Grammar(NamedTuple):
    """One dialect. `identity` makes the ids of an answer: the same for the same request and attempt."""

    name: Dialect
    read: Callable[[bytes], Ask]
    whole: Callable[[SimAnswer, str], bytes]
    """(answer, identity) -> body."""
    events: Callable[[SimAnswer, str, bool], list[bytes]]
    """(answer, identity, include_usage) -> frames of the stream, one for each event."""
    error: Callable[[int, str, str, Refused | None], bytes]
    """(status, message, request id, the refusal where there is one) -> body."""
    error_event: Callable[[], bytes]
    """What the vendor sends inside a stream when it breaks down there."""
    headers: Callable[[str, SimModel | None], Headers]
    """(request id, model) -> the headers of every answer."""
    list_models: Callable[[Sequence[SimModel]], bytes]
    show_model: Callable[[SimModel], bytes]
    stream_type: str = "text/event-stream; charset=utf-8"
    count_body: Callable[[bytes], tuple[str, bytes]] | None = None
    """Body of a request that only counts -> (model, empty where the address names it; body of the answer)."""


def read_body(raw: bytes, kind: type[Body], reshape: Callable[[Any], Any] | None = None) -> Body:
    """Raises Refused with the member that is wrong as `param`. `reshape` works on the JSON before it is read."""
    try:
        if reshape is None:
            return msgspec.json.decode(raw, type=kind)
        return msgspec.convert(reshape(msgspec.json.decode(raw)), type=kind)
    except msgspec.ValidationError as error:
        param = _place(str(error))
        raise Refused("invalid", f"{error}. Send the member as the API describes it.", param=param) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused("invalid", f"The body is not valid JSON: {error}. Send one JSON object in UTF-8.") from error


def encode(value: Any) -> bytes:
    return msgspec.json.encode(value)


def digest_of(part: Any) -> str:
    """Names the content of a part that is no text, whatever the order of its members."""
    return label(16, msgspec.json.encode(part, order="sorted").decode())


def json_object(text: str) -> dict[str, Any] | None:
    """None for arguments that the output limit cut short: a whole answer cannot carry half a JSON object."""
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError:
        return None


def with_notices(turns: Sequence[Turn], notices: Mapping[int, list[str]]) -> tuple[Turn, ...]:
    """`notices`: system texts by the index of the turn that they precede; those before the first are no notices."""
    return tuple(
        msgspec.structs.replace(turn, notice="\n".join(notices[place])) if place and place in notices else turn
        for place, turn in enumerate(turns)
    )


def _place(message: str) -> str | None:
    at, missing = _AT.search(message), _MISSING.search(message)
    path = [part for part in (at and at[1], missing and missing[1]) if part]
    return ".".join(path) or None
