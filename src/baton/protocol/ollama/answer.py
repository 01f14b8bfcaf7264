"""A whole chat answer: the fold of the events that would tell it."""

import msgspec

from baton.protocol.dialects import Reply
from baton.protocol.fold import fold, unfold
from baton.protocol.ollama.stream_read import LINE, LineGrammar
from baton.protocol.ollama.stream_write import whole_response
from baton.types.errors import UpstreamNotJson
from baton.types.events import AnswerMessage
from baton.types.handoff import Rendered
from baton.types.parts import Origin

UNKNOWN_ORIGIN = Origin()


def read_answer(body: bytes, origin: Origin = UNKNOWN_ORIGIN, prefix_hash: str = "") -> AnswerMessage:
    """Raises UpstreamNotJson for anything that is not a chat answer; an error object is an answer with a fault."""
    try:
        return fold(LineGrammar(origin, prefix_hash).line(LINE.decode(body)))
    except (ValueError, RecursionError) as error:  # msgspec.DecodeError and UnicodeError are ValueErrors
        raise UpstreamNotJson(f"the upstream's answer is not a chat answer: {error}") from error


def write_answer(answer: AnswerMessage, reply: Reply) -> Rendered:
    response, report = whole_response(unfold(answer), reply)
    return Rendered(msgspec.json.encode(response), report)
