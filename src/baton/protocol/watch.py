"""The watch over a stream that is relayed as bytes: what it used, and whether it really ended.

It changes nothing, but for two things when told to: it takes out the usage chunk that the caller did not ask for,
and it holds back the end event, so that one more event can be put before it.
"""

from collections.abc import Callable

from msgspec import Struct

from baton.types.money import Usage

HEAD_BYTES = 8_192
TAIL_BYTES = 4_096
"""Enough for the last content event, the usage and the end of vendors that tell them in events of their own."""
WHOLE_BYTES = 8 * 1024 * 1024
"""A stream up to this length is remembered whole."""


class Grammar(Struct, frozen=True):
    """What a watch must know of a dialect. `head` and `tail` are the first and last bytes of the stream."""

    complete: Callable[[bytes], bool]
    """`tail` -> the stream carried its own end."""
    error_event: Callable[[bytes], bool]
    """`tail` -> the stream carried an in-band error, which the caller has seen."""
    usage: Callable[[bytes, bytes], Usage | None]
    """`head, tail` -> what was used, None when the stream did not say."""
    is_usage_event: Callable[[bytes], bool]
    """One event -> it carries usage and nothing else."""
    is_end_event: Callable[[bytes], bool]
    line_events: bool = False
    """Events are single lines, and not ended by a blank one."""
    tail_bytes: int = TAIL_BYTES
    """How much of the end `complete`, `error_event` and `usage` must see."""


class Watch:
    def __init__(self, grammar: Grammar, *, hide_usage: bool, hold_end: bool) -> None:
        self._grammar = grammar
        self._hide_usage = hide_usage
        self._hold_end = hold_end
        self._filters = hide_usage or hold_end
        self._chunks: list[bytes] = []
        self._size = 0
        self._cut = False
        self._open = b""
        self._end = b""

    def feed(self, chunk: bytes) -> bytes:
        """What to relay for this chunk. A filtering watch holds back an unfinished event; nothing is reordered."""
        self._chunks.append(chunk)
        self._size += len(chunk)
        if self._size > WHOLE_BYTES:
            self._shorten()
        if not self._filters:
            return chunk
        data = self._open + chunk
        whole = data.rfind(b"\n") + 1 if self._grammar.line_events else _end_of_last_event(data)
        self._open = data[whole:]
        return self._filtered(data[:whole])

    def finish(self) -> bytes:
        """What was held of an unfinished event when the upstream closed; to be followed by `end`."""
        rest, self._open = self._open, b""
        return self._filtered(rest)

    def end(self) -> bytes:
        """The end event that was held back, if there was one."""
        return self._end

    @property
    def complete(self) -> bool:
        return self._grammar.complete(self._tail())

    @property
    def error_event(self) -> bool:
        return self._grammar.error_event(self._tail())

    def usage(self) -> Usage | None:
        return self._grammar.usage(self._head(), self._tail())

    def whole(self) -> bytes | None:
        """Everything that was fed; None when it was longer than `WHOLE_BYTES`."""
        return None if self._cut else b"".join(self._chunks)

    def _head(self) -> bytes:
        found = b""
        for chunk in self._chunks:
            found += chunk
            if len(found) >= HEAD_BYTES:
                break
        return found[:HEAD_BYTES]

    def _tail(self) -> bytes:
        limit, size, first = self._grammar.tail_bytes, 0, len(self._chunks)
        while first and size < limit:
            first -= 1
            size += len(self._chunks[first])
        return b"".join(self._chunks[first:])[-limit:]

    def _shorten(self) -> None:
        """Forget the middle of a long stream."""
        self._chunks = [self._head(), self._tail()]
        self._size = sum(map(len, self._chunks))
        self._cut = True

    def _filtered(self, events: bytes) -> bytes:
        kept: list[bytes] = []
        for event in events.splitlines(keepends=True) if self._grammar.line_events else _split_events(events):
            if self._hide_usage and self._grammar.is_usage_event(event):
                continue
            if self._hold_end and self._grammar.is_end_event(event):
                self._end = event
            else:
                kept.append(event)
        return b"".join(kept)


def _end_of_last_event(data: bytes) -> int:
    """Bytes up to and with the last blank line; 0 when no event is whole yet."""
    plain, windows = data.rfind(b"\n\n"), data.rfind(b"\r\n\r\n")
    return max(plain + 2 if plain >= 0 else 0, windows + 4 if windows >= 0 else 0)


def _split_events(data: bytes) -> list[bytes]:
    """Events with their own line ends; what follows the last blank line is a piece of its own."""
    mark = b"\r\n\r\n" if b"\r\n\r\n" in data else b"\n\n"
    pieces = data.split(mark)
    events = [piece + mark for piece in pieces[:-1]]
    return [*events, pieces[-1]] if pieces[-1] else events
