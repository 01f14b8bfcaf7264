"""What a model said, out of a whole answer or a whole stream in any dialect."""

from baton.protocol.dialects import grammar_of
from baton.protocol.fold import fold
from baton.types.card import Dialect
from baton.types.events import AnswerMessage
from baton.types.parts import Origin, TextPart


def answer_of(dialect: Dialect, body: bytes, *, stream: bool) -> AnswerMessage:
    """Raises UpstreamNotJson for a whole answer that is none; a broken stream has a fault."""
    grammar = grammar_of(dialect)
    if not stream:
        return grammar.read_answer(body, Origin(), "")
    reader = grammar.stream_reader(Origin(), "")
    return fold([*reader.feed(body), *reader.finish()])


def text_of(dialect: Dialect, body: bytes, *, stream: bool) -> str:
    parts = answer_of(dialect, body, stream=stream).parts
    return "".join(part.text for part in parts if isinstance(part, TextPart))
