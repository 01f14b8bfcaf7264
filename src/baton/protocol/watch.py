"""The watch over a stream that is relayed as bytes: what it used, and whether it really ended.

It changes nothing, but for two things when told to: it takes out the usage chunk that the caller did not ask for,
and it holds back the end event, so that one more event can be put before it.
"""

from collections.abc import Callable

from msgspec import Struct

from baton.types.money import Usage

HEAD_BYTES = 8_192
TAIL_BYTES = 4_096
"""Enough for the last content event, the usage and the end of every vendor seen."""


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


class Watch:
    def __init__(self, grammar: Grammar, *, hide_usage: bool, hold_end: bool) -> None:
        self._grammar = grammar
        self._hide_usage = hide_usage
        self._hold_end = hold_end
        self._filters = hide_usage or hold_end
        self._head = b""
        self._tail = b""
        self._open = b""
        self._end = b""

    def feed(self, chunk: bytes) -> bytes:
        """What to relay for this chunk. A filtering watch holds back an unfinished event; nothing is reordered."""
        if len(self._head) < HEAD_BYTES:
            self._head += chunk[: HEAD_BYTES - len(self._head)]
        self._tail = chunk[-TAIL_BYTES:] if len(chunk) >= TAIL_BYTES else (self._tail + chunk)[-TAIL_BYTES:]
        if not self._filters:
            return chunk
        data = self._open + chunk
        whole = _end_of_last_event(data)
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
        return self._grammar.complete(self._tail)

    @property
    def error_event(self) -> bool:
        return self._grammar.error_event(self._tail)

    def usage(self) -> Usage | None:
        return self._grammar.usage(self._head, self._tail)

    def _filtered(self, events: bytes) -> bytes:
        kept: list[bytes] = []
        for event in _split_events(events):
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
