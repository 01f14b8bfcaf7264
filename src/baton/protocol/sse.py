"""Server-sent events: bytes -> frames, however they are cut, and frames -> bytes."""

from msgspec import Struct

BOM = b"\xef\xbb\xbf"
MAX_FRAME_BYTES = 16 * 1024 * 1024
"""An upstream that sends no line end for this long is broken: what it sent is not kept."""


class Frame(Struct, frozen=True):
    """`event` is empty where the sender named none; `data` are the data lines, joined by newlines."""

    event: str
    data: bytes


class SseReader:
    """Comments and other fields are passed over; lines end with LF, CRLF or CR."""

    def __init__(self, max_frame_bytes: int = MAX_FRAME_BYTES) -> None:
        self._max = max_frame_bytes
        self._rest = b""
        self._started = False
        self._event = ""
        self._data: list[bytes] = []
        self._size = 0
        self.overflow = False
        """A frame grew past the limit; nothing is read any more."""

    def feed(self, data: bytes) -> list[Frame]:
        if self.overflow or not data:
            return []
        rest = self._rest + data
        if not self._started:
            if len(rest) < len(BOM) and BOM.startswith(rest):
                self._rest = rest
                return []
            rest = rest.removeprefix(BOM)
            self._started = True
        # A CR at the very end may be half of a CRLF: it waits for the next byte.
        whole = max(rest.rfind(b"\n"), rest.rfind(b"\r", 0, -1)) + 1
        if rest.endswith(b"\r\n"):
            whole = len(rest)
        self._rest = rest[whole:]
        frames = self._lines(rest[:whole])
        if self._size + len(self._rest) > self._max:
            self.overflow = True
            self._rest = b""
            self._data = []
        return frames

    def finish(self) -> list[Frame]:
        """The last frame, also where the sender left out the blank line after it."""
        if self.overflow:
            return []
        rest, self._rest = self._rest, b""
        frames = self._lines(rest)
        last = self._frame()
        return [*frames, last] if last is not None else frames

    def _lines(self, data: bytes) -> list[Frame]:
        frames = []
        for line in data.splitlines():
            if not line:
                frame = self._frame()
                if frame is not None:
                    frames.append(frame)
            elif line.startswith(b"data:"):
                value = line[6:] if line[5:6] == b" " else line[5:]
                self._data.append(value)
                self._size += len(value)
            elif line.startswith(b"event:"):
                self._event = line[6:].decode("utf-8", "replace").strip()
            elif line == b"data":
                self._data.append(b"")
        return frames

    def _frame(self) -> Frame | None:
        event, data = self._event, self._data
        self._event, self._data, self._size = "", [], 0
        return Frame(event, b"\n".join(data)) if data else None


class SseData:
    """The data of the frames alone: the pieces of a dialect whose events name their type inside."""

    def __init__(self) -> None:
        self._frames = SseReader()

    @property
    def overflow(self) -> bool:
        return self._frames.overflow

    def feed(self, data: bytes) -> list[bytes]:
        return [frame.data for frame in self._frames.feed(data)]

    def finish(self) -> list[bytes]:
        return [frame.data for frame in self._frames.finish()]


def write_frame(data: bytes, event: str = "") -> bytes:
    """`data` must be one line, as JSON is."""
    if event:
        return b"event: " + event.encode() + b"\ndata: " + data + b"\n\n"
    return b"data: " + data + b"\n\n"
