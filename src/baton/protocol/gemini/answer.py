"""A whole `generateContent` answer: the fold of the events that would tell it."""

import msgspec

from baton.protocol.dialects import Reply
from baton.protocol.fold import fold, unfold
from baton.protocol.gemini.stream_read import ChunkGrammar
from baton.protocol.gemini.stream_write import whole_response
from baton.types.errors import MalformedBody, UpstreamNotJson
from baton.types.events import AnswerMessage
from baton.types.handoff import Rendered
from baton.types.parts import Origin

UNKNOWN_ORIGIN = Origin()


def read_answer(body: bytes, origin: Origin = UNKNOWN_ORIGIN, prefix_hash: str = "") -> AnswerMessage:
    """Raises UpstreamNotJson for anything that is not a response; an error object is an answer with a fault."""
    try:
        return fold(ChunkGrammar(origin, prefix_hash).chunk(body))
    except (ValueError, RecursionError, MalformedBody) as error:  # msgspec.DecodeError, UnicodeError: ValueErrors
        raise UpstreamNotJson(f"the upstream's answer is not a response: {error}") from error


def write_answer(answer: AnswerMessage, reply: Reply) -> Rendered:
    response, report = whole_response(unfold(answer), reply)
    return Rendered(msgspec.json.encode(response), report)
