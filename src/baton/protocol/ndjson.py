"""JSON objects one to a line: bytes -> lines, however they are cut, and objects -> bytes."""

CONTENT_TYPE = "application/x-ndjson"
"""What a stream of this form calls itself."""
MAX_LINE_BYTES = 16 * 1024 * 1024
"""An upstream that sends no line end for this long is broken: what it sent is not kept."""


class LineReader:
    """Lines end with LF or CRLF; empty ones are passed over."""

    def __init__(self, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self._max = max_line_bytes
        self._rest: list[bytes] = []
        self._size = 0
        self.overflow = False
        """A line grew past the limit; nothing is read any more."""

    def feed(self, data: bytes) -> list[bytes]:
        if self.overflow or not data:
            return []
        first, *others = data.split(b"\n")
        self._rest.append(first)
        self._size += len(first)
        lines = []
        if others:
            lines = [b"".join(self._rest), *others[:-1]]
            self._rest, self._size = [others[-1]], len(others[-1])
        if self._size > self._max:
            self.overflow = True
            self._rest = []
        return [line for line in lines if line.strip()]

    def finish(self) -> list[bytes]:
        """The last line, also where the sender left out its end."""
        rest, self._rest = b"".join(self._rest), []
        return [rest] if rest.strip() else []


def write_line(data: bytes) -> bytes:
    """`data` must be one line, as JSON is."""
    return data + b"\n"
