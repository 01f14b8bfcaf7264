"""A Gemini stream: bytes -> events and events -> bytes, independent of how the bytes are cut."""

from baton.protocol.dialects import Reply, StreamReader, StreamWriter
from baton.protocol.gemini.stream_read import Reader
from baton.protocol.gemini.stream_write import Writer
from baton.protocol.sse import SseReader
from baton.types.parts import Origin

UNKNOWN_ORIGIN = Origin()


def stream_reader(origin: Origin = UNKNOWN_ORIGIN, prefix_hash: str = "") -> StreamReader:
    """`origin` and `prefix_hash` go on the private state that is read."""
    return Reader(origin, prefix_hash)


def stream_writer(reply: Reply) -> StreamWriter:
    return Writer(reply)


class ArrayForm:
    """The stream as callers get it who did not ask for events (`alt=sse`): one JSON array, told item by item."""

    def __init__(self) -> None:
        self._frames = SseReader()
        self._begun = False

    def turn(self, frames: bytes) -> bytes:
        """What to send for these bytes of the event stream, however they are cut."""
        return b"".join(self._item(frame.data) for frame in self._frames.feed(frames))

    def finish(self) -> bytes:
        last = b"".join(self._item(frame.data) for frame in self._frames.finish())
        return last + (b"]" if self._begun else b"[]")

    def _item(self, data: bytes) -> bytes:
        before = b",\r\n" if self._begun else b"["
        self._begun = True
        return before + data


def as_array(stream: bytes) -> bytes:
    """A whole event stream as the JSON array that says the same."""
    form = ArrayForm()
    return form.turn(stream) + form.finish()
