"""A whole Chat Completions answer: the fold of the events that would tell it."""

import msgspec

from baton.protocol.dialects import Reply
from baton.protocol.fold import fold, unfold
from baton.protocol.openai_chat.stream_read import CHUNK, ChunkGrammar
from baton.protocol.openai_chat.stream_write import whole_completion
from baton.types.errors import UpstreamNotJson
from baton.types.events import AnswerMessage
from baton.types.handoff import Rendered
from baton.types.parts import Origin

UNKNOWN_ORIGIN = Origin()


def read_answer(body: bytes, origin: Origin = UNKNOWN_ORIGIN, prefix_hash: str = "") -> AnswerMessage:
    """Raises UpstreamNotJson for anything that is not a completion; an error object is an answer with a fault."""
    try:
        return fold(ChunkGrammar(origin, prefix_hash).chunk(CHUNK.decode(body)))
    except (ValueError, RecursionError) as error:  # msgspec.DecodeError and UnicodeError are ValueErrors
        raise UpstreamNotJson(f"the upstream's answer is not a completion: {error}") from error


def write_answer(answer: AnswerMessage, reply: Reply) -> Rendered:
    completion, report = whole_completion(unfold(answer), reply)
    return Rendered(msgspec.json.encode(completion), report)
