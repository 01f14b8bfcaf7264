"""A whole Responses answer: the fold of the events that would tell it."""

import msgspec

from baton.protocol.dialects import Reply
from baton.protocol.fold import fold, unfold
from baton.protocol.openai_responses.stream_read import whole_answer
from baton.protocol.openai_responses.stream_write import whole_response
from baton.types.errors import UpstreamNotJson
from baton.types.events import AnswerMessage
from baton.types.handoff import Rendered
from baton.types.parts import Origin

UNKNOWN_ORIGIN = Origin()


def read_answer(body: bytes, origin: Origin = UNKNOWN_ORIGIN, prefix_hash: str = "") -> AnswerMessage:
    """Raises UpstreamNotJson for anything that is not a response; a failed one is an answer with a fault."""
    try:
        return fold(whole_answer(body, origin, prefix_hash))
    except (ValueError, RecursionError) as error:  # msgspec.DecodeError and UnicodeError are ValueErrors
        raise UpstreamNotJson(f"the upstream's answer is not a response: {error}") from error


def write_answer(answer: AnswerMessage, reply: Reply) -> Rendered:
    response, report = whole_response(unfold(answer), reply)
    return Rendered(msgspec.json.encode(response), report)
