"""A chat stream: bytes -> events and events -> bytes, independent of how the bytes are cut."""

from baton.protocol.dialects import Reply, StreamReader, StreamWriter
from baton.protocol.ollama.stream_read import Reader
from baton.protocol.ollama.stream_write import Writer
from baton.types.parts import Origin

UNKNOWN_ORIGIN = Origin()


def stream_reader(origin: Origin = UNKNOWN_ORIGIN, prefix_hash: str = "") -> StreamReader:
    """`origin` and `prefix_hash` go on the private state that is read."""
    return Reader(origin, prefix_hash)


def stream_writer(reply: Reply) -> StreamWriter:
    return Writer(reply)
