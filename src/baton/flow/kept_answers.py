"""Answers that callers of Responses come back to by id: kept whole, put before what is new, shown and deleted.

`store` true or absent is kept, unless the config says `content: off`. Then, and for an id that is not kept, whoever
goes on from it gets a clear 400.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from baton.flow.arrival import Arrival
from baton.protocol.request import read_members
from baton.protocol.splice import splice
from baton.state.keep import Keep
from baton.types.errors import MalformedBody, NotFound, NotKept
from baton.types.request import Caller

SPACE = "response"
PREVIOUS = b'"previous_response_id"'
NULL = b"null"
ENDINGS = frozenset({"response.completed", "response.incomplete"})


class KeptAnswer(Struct, frozen=True, array_like=True):
    """JSON: the items of the conversation up to the answer, and the answer as the caller got it."""

    items: tuple[bytes, ...]
    response: bytes


class _Response(Struct, frozen=True):
    id: str = ""
    output: tuple[Raw, ...] = ()


class _Ending(Struct, frozen=True):
    type: str = ""
    response: Raw = Raw(b"")


_TEXT = msgspec.json.Decoder(str)
_ITEMS = msgspec.json.Decoder(tuple[Raw, ...])
_RESPONSE = msgspec.json.Decoder(_Response)
_ENDING = msgspec.json.Decoder(_Ending)
_KEPT = msgspec.msgpack.Decoder(KeptAnswer)
_encode = msgspec.msgpack.Encoder().encode


class KeptAnswers:
    """`on` False (`content: off`) keeps nothing."""

    def __init__(self, keep: Keep, ttl_s: float, *, on: bool) -> None:
        self._keep = keep
        self._ttl_s = ttl_s
        self._on = on

    def continued(self, arrival: Arrival) -> Arrival:
        """The request with the conversation that it goes on from written out. Raises NotKept."""
        if PREVIOUS not in arrival.body:
            return arrival
        members = read_members(arrival.body)
        raw = bytes(members.get("previous_response_id", NULL))
        if raw == NULL:
            return arrival
        kept = self._find(_text(raw), arrival.caller)
        items = [*kept.items, *(bytes(item) for item in _RESPONSE.decode(kept.response).output), *_input(members)]
        body = splice(members, {"input": b"[" + b",".join(items) + b"]", "previous_response_id": None})
        return replace(arrival, body=body, continues=raw)

    def keeps(self, members: Mapping[str, Raw], caller: Caller) -> bool:
        """Whether the answer to this request will be kept."""
        return self._on and caller.keeps_content and bytes(members.get("store", NULL)) != b"false"

    def keep(self, members: Mapping[str, Raw], response: bytes, caller: Caller) -> None:
        """`members` are those of the request as it was continued; an empty `response` is none."""
        if not response or not self.keeps(members, caller):
            return
        answer = _RESPONSE.decode(response)
        if answer.id:
            kept = KeptAnswer(tuple(_input(members)), response)
            self._keep.put(SPACE, _key(caller, answer.id), _encode(kept), self._ttl_s)

    def shown(self, id_: str, caller: Caller) -> bytes:
        """Raises NotFound."""
        return self._known(id_, caller).response

    def items(self, id_: str, caller: Caller) -> tuple[bytes, ...]:
        """Raises NotFound."""
        return self._known(id_, caller).items

    def drop(self, id_: str, caller: Caller) -> None:
        """Raises NotFound."""
        self._known(id_, caller)
        self._keep.drop(SPACE, _key(caller, id_))

    def _known(self, id_: str, caller: Caller) -> KeptAnswer:
        try:
            return self._find(id_, caller)
        except NotKept as error:
            raise NotFound(error.message, "id") from error

    def _find(self, id_: str, caller: Caller) -> KeptAnswer:
        if not self._on:
            text = f"response {id_!r} is not kept: this gateway keeps no content (content.mode is off); send the input"
            raise NotKept(text, "previous_response_id")
        if not caller.keeps_content:
            text = f"response {id_!r} is not kept: of key {caller.name!r} no content is kept (content: off)"
            raise NotKept(f"{text}; send the input", "previous_response_id")
        found = self._keep.get(SPACE, _key(caller, id_))
        if found is None:
            text = f"response {id_!r} is not kept here: it is unknown, deleted, expired or was made with store false"
            raise NotKept(f"{text}; send the whole conversation as `input`", "previous_response_id")
        return _KEPT.decode(found)


def whole_response(stream: bytes) -> bytes:
    """The response that the last event of a stream carries; empty when there is none."""
    for line in reversed(stream.splitlines()):
        if line.startswith(b"data:") and b'"response.' in line[:200]:
            ending = _ENDING.decode(line[5:])
            return bytes(ending.response) if ending.type in ENDINGS else b""
    return b""


def _input(members: Mapping[str, Raw]) -> list[bytes]:
    """The request's own items; a string is one message of the user's."""
    raw = bytes(members.get("input", NULL))
    if raw[:1] == b'"':
        return [b'{"type":"message","role":"user","content":[{"type":"input_text","text":' + raw + b"}]}"]
    if raw == NULL:
        return []
    try:
        return [bytes(item) for item in _ITEMS.decode(raw)]
    except (ValueError, RecursionError) as error:
        raise MalformedBody(f"`input` must be a string or a list of items: {error}", "input") from error


def _text(raw: bytes) -> str:
    try:
        return _TEXT.decode(raw)
    except ValueError as error:
        raise MalformedBody(f"`previous_response_id` must be a string: {error}", "previous_response_id") from error


def _key(caller: Caller, id_: str) -> str:
    return f"{caller.name}\x00{id_}"
